//! When each call of a connection begins.

use std::time::{Duration, Instant};

/// tokio's timer fires up to this much late; a call begun so late is the generator's fault, not the server's.
const TIMER_LATENESS_MAX: Duration = Duration::from_millis(2);

/// The intended starts of one connection under a fixed rate that all connections share evenly.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    next: Instant,
    step: Duration,
}

impl Pace {
    /// The pace of connection `index` of `connections`, which together make `rate` calls a second. The
    /// connections are staggered, so that the whole load is even.
    pub(super) fn new(begin: Instant, rate: f64, index: usize, connections: usize) -> Self {
        let seconds =
            |calls: usize| Duration::try_from_secs_f64(calls as f64 / rate).unwrap_or(Duration::MAX);
        let next = begin.checked_add(seconds(index)).unwrap_or_else(|| far_future(begin));
        Self { next, step: seconds(connections) }
    }

    /// The intended start of the next call. Late or not, the one after it keeps its place: what a slow
    /// answer delays is measured, not left out (coordinated omission).
    pub(super) fn advance(&mut self) -> Instant {
        let intended = self.next;
        self.next = intended.checked_add(self.step).unwrap_or_else(|| far_future(intended));
        intended
    }
}

/// The start from which latency counts: the intended one, unless the connection was idle and only the
/// timer late.
pub(super) fn counted_start(intended: Instant, was_idle: bool, now: Instant) -> Instant {
    let timer_was_late = was_idle && now.saturating_duration_since(intended) <= TIMER_LATENESS_MAX;
    if timer_was_late { now } else { intended }
}

/// Later than any measurement ends, and within what every clock can hold.
fn far_future(from: Instant) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    from + YEAR
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn connections_are_staggered_and_each_keeps_its_step() {
        let begin = Instant::now();
        let mut second = Pace::new(begin, 1000.0, 1, 4);
        assert_eq!(second.advance(), begin + MS);
        assert_eq!(second.advance(), begin + 5 * MS);
        assert_eq!(second.advance(), begin + 9 * MS);
    }

    #[test]
    fn a_rate_of_almost_nothing_never_overflows() {
        let begin = Instant::now();
        let mut last = Pace::new(begin, f64::MIN_POSITIVE, 9, 10);
        assert!(last.advance() > begin);
        assert!(last.advance() > begin);
    }

    #[test]
    fn only_a_late_timer_is_forgiven() {
        let intended = Instant::now();
        let (soon, late) = (intended + MS, intended + 50 * MS);
        assert_eq!(counted_start(intended, true, soon), soon);
        assert_eq!(counted_start(intended, false, soon), intended);
        assert_eq!(counted_start(intended, true, late), intended);
    }
}
