use std::time::Duration;

use rand::RngExt;

/// The pause before a connection is tried again: doubled with each failure, up to a bound, and shortened at
/// random by up to a half, so that nodes that lost the same peer do not come back to it at once.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    next: Duration,
    first: Duration,
    longest: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, first, longest }
    }

    /// The pause after one more failure.
    pub(crate) fn pause(&mut self) -> Duration {
        let part = rand::rng().random_range(0.5..1.0);
        let pause = self.next.mul_f64(part);
        self.next = (self.next * 2).min(self.longest);
        pause
    }

    /// It worked: the next failure is a first one.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_up_to_its_bound_and_begins_anew() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(1));
        let mut backoff = Backoff::new(first, longest);
        assert!((first / 2..first).contains(&backoff.pause()));
        for _ in 0..40 {
            assert!(backoff.pause() <= longest);
        }
        assert!(backoff.pause() >= longest / 2);
        backoff.reset();
        assert!(backoff.pause() < first);
    }
}
