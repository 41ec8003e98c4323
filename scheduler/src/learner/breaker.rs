use std::time::{Duration, Instant};

/// So many questions missed in a row are no accident.
const MISSES_MAX: u32 = 5;

/// How long a slow learner is left alone, before one question tries whether it is well again.
const PAUSE: Duration = Duration::from_secs(1);

/// Stops asking a learner that was slow several times in a row, so that jobs do not wait for it in vain.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    misses: u32,
    asks_again_at: Option<Instant>,
}

impl Breaker {
    /// Whether the learner is to be asked now. While it is left alone, one question in each pause is let
    /// through.
    pub(super) fn may_ask(&mut self, now: Instant) -> bool {
        match self.asks_again_at {
            Some(at) if now < at => false,
            Some(_) => {
                self.asks_again_at = Some(now + PAUSE);
                true
            }
            None => true,
        }
    }

    /// The learner answered in time.
    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }

    /// It did not.
    pub(super) fn missed(&mut self, now: Instant) {
        self.misses = self.misses.saturating_add(1);
        if self.misses >= MISSES_MAX {
            self.asks_again_at = Some(now + PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_learner_is_left_alone_but_for_a_trial_in_each_pause() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..MISSES_MAX {
            assert!(breaker.may_ask(start));
            breaker.missed(start);
        }
        assert!(!breaker.may_ask(start + PAUSE / 2));
        assert!(breaker.may_ask(start + PAUSE), "the trial");
        assert!(!breaker.may_ask(start + PAUSE), "one is enough");
        assert!(breaker.may_ask(start + PAUSE * 2), "a trial whose caller went away blocks nobody");
        breaker.missed(start + PAUSE * 2);
        assert!(!breaker.may_ask(start + PAUSE * 5 / 2));
        breaker.answered();
        assert!(breaker.may_ask(start + PAUSE * 5 / 2));
    }

    #[test]
    fn misses_count_only_in_a_row() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..10 {
            for _ in 1..MISSES_MAX {
                breaker.missed(start);
            }
            breaker.answered();
        }
        assert!(breaker.may_ask(start));
    }
}
