use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use crate::record::{Change, Hot};
use crate::time::Time;

/// Two tellings are at least so far apart, whatever changed.
const DECISIVE_APART: Duration = Duration::from_millis(200);
/// A large change is told this long after the telling before it.
const LARGE_APART: Duration = Duration::from_secs(1);
/// Any change is told this long after the telling before it.
const SMALL_APART: Duration = Duration::from_secs(5);
/// Tellings are late by up to this part at random, or nodes under one load would all speak at once.
const JITTER_PART: f64 = 0.2;

/// Decides when the own record is told: soon after a large change, later after a small one, never for none.
#[derive(Debug)]
pub(crate) struct Publisher {
    told: Option<(Hot, Time)>,
    current: Hot,
    /// The random part of the current wait, drawn anew at each telling.
    lateness: f64,
}

impl Publisher {
    pub(crate) fn new() -> Self {
        Self { told: None, current: Hot::default(), lateness: 0.0 }
    }

    /// Takes the record's present content.
    pub(crate) fn set(&mut self, hot: Hot) {
        self.current = hot;
    }

    pub(crate) fn current(&self) -> Hot {
        self.current
    }

    /// When the present content is to be told; `None` if it was.
    pub(crate) fn due_at(&self) -> Option<Time> {
        let Some((told, at)) = self.told else { return Some(Time::default()) };
        let apart = match self.current.change_since(told) {
            Change::None => return None,
            Change::Decisive => DECISIVE_APART,
            Change::Large => LARGE_APART,
            Change::Small => SMALL_APART,
        };
        Some(at + apart.mul_f64(1.0 + JITTER_PART * self.lateness))
    }

    /// Notes that the present content is told now.
    pub(crate) fn tell(&mut self, now: Time, rng: &mut StdRng) -> Hot {
        self.told = Some((self.current, now));
        self.lateness = rng.random_range(0.0..1.0);
        self.current
    }
}

#[cfg(test)]
mod tests {
    use protocol::nodes::NodeLoad;
    use rand::SeedableRng;

    use super::*;

    fn hot(running: u32, draining: bool) -> Hot {
        Hot::new(NodeLoad { running, waiting: 0, draining }, None, 1)
    }

    fn at(ms: u64) -> Time {
        Time::after_epoch(Duration::from_millis(ms))
    }

    #[test]
    fn waits_as_long_as_the_change_allows() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut publisher = Publisher::new();
        publisher.set(hot(100, false));
        publisher.tell(at(10_000), &mut rng);
        assert_eq!(publisher.due_at(), None);

        let wait = |publisher: &Publisher| publisher.due_at().unwrap().since(at(10_000)).as_millis();
        publisher.set(hot(96, false));
        assert!((5_000..=6_000).contains(&wait(&publisher)));
        publisher.set(hot(50, false));
        assert!((1_000..=1_200).contains(&wait(&publisher)));
        publisher.set(hot(50, true));
        assert!((200..=240).contains(&wait(&publisher)));
        publisher.set(hot(100, false));
        assert_eq!(publisher.due_at(), None, "back to what was told");
    }
}
