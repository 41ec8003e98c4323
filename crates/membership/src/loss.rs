//! How lossy the network is, and how often a datagram is therefore sent.

/// A rise of the loss is believed once the last half minute of probes shows it.
const RISE_MEMORY: f64 = 32.0;
/// A fall is believed more slowly: with two copies at a loss of a tenth, 98 of 100 probes are answered, which
/// so few as 32 cannot tell from no loss at all.
const FALL_MEMORY: f64 = 128.0;
/// Fewer answers than this say nothing.
const SAMPLES_MIN: u32 = 8;
/// Never more copies than this.
pub(crate) const COPIES_MAX: u8 = 3;

/// The loss above which so many copies are sent, and the one below which they are no longer.
const STEPS: [Step; 2] = [
    Step { copies: 2, above: 0.05, until_below: 0.03 },
    Step { copies: COPIES_MAX, above: 0.2, until_below: 0.15 },
];

struct Step {
    copies: u8,
    above: f64,
    until_below: f64,
}

/// An estimate from the part of direct probes that are answered. A probe and its answer are two datagrams,
/// each with its copies: with loss p and k copies, (1 - p^k)^2 of the probes are answered.
#[derive(Debug)]
pub(crate) struct Loss {
    /// The part that is answered of the last [`RISE_MEMORY`] probes.
    lately: f64,
    /// The same of the last [`FALL_MEMORY`].
    for_long: f64,
    samples: u32,
    copies: u8,
}

impl Default for Loss {
    fn default() -> Self {
        Self { lately: 1.0, for_long: 1.0, samples: 0, copies: 1 }
    }
}

impl Loss {
    /// Notes the end of a probe of a member that is thought to be alive.
    pub(crate) fn probe_ended(&mut self, answered: bool) {
        self.samples = self.samples.saturating_add(1);
        let value = if answered { 1.0 } else { 0.0 };
        let samples = f64::from(self.samples);
        self.lately += (value - self.lately) / samples.min(RISE_MEMORY);
        self.for_long += (value - self.for_long) / samples.min(FALL_MEMORY);
        if self.samples >= SAMPLES_MIN {
            self.adapt();
        }
    }

    /// Datagrams lost, 0 to 1.
    pub(crate) fn estimate(&self) -> f64 {
        self.shown_by(self.lately)
    }

    /// How often each datagram of a probe is sent.
    pub(crate) fn copies(&self) -> u8 {
        self.copies
    }

    fn shown_by(&self, answered: f64) -> f64 {
        (1.0 - answered.max(0.0).sqrt()).powf(1.0 / f64::from(self.copies))
    }

    fn adapt(&mut self) {
        let (lately, for_long) = (self.shown_by(self.lately), self.shown_by(self.for_long));
        let wanted = |step: &&Step| {
            if self.copies >= step.copies { for_long > step.until_below } else { lately > step.above }
        };
        let copies = STEPS.iter().rev().find(wanted).map_or(1, |step| step.copies);
        if copies != self.copies {
            // The loss is the same, but other copies show it.
            let loss = if copies > self.copies { lately } else { for_long };
            self.copies = copies;
            self.lately = (1.0 - loss.powi(i32::from(copies))).powi(2);
            self.for_long = self.lately;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn after(probes: u32, loss: f64) -> Loss {
        let mut estimate = Loss::default();
        let mut rng = StdRng::seed_from_u64(1);
        go_on(&mut estimate, probes, loss, &mut rng);
        estimate
    }

    /// Returns the fewest copies that were sent meanwhile.
    fn go_on(estimate: &mut Loss, probes: u32, loss: f64, rng: &mut StdRng) -> u8 {
        let mut fewest = estimate.copies();
        for _ in 0..probes {
            let mut arrives = || (0..estimate.copies()).any(|_| rng.random_bool(1.0 - loss));
            let answered = arrives() && arrives();
            estimate.probe_ended(answered);
            fewest = fewest.min(estimate.copies());
        }
        fewest
    }

    #[test]
    fn copies_follow_the_loss() {
        assert_eq!(after(300, 0.0).copies(), 1);
        assert_eq!(after(300, 0.1).copies(), 2);
        assert_eq!(after(300, 0.3).copies(), 3);
    }

    #[test]
    fn a_lossy_network_is_not_taken_for_a_good_one_now_and_then() {
        let mut rng = StdRng::seed_from_u64(2);
        for (loss, copies) in [(0.1, 2), (0.3, 3)] {
            let mut estimate = after(300, loss);
            assert_eq!(go_on(&mut estimate, 10_000, loss, &mut rng), copies, "at a loss of {loss}");
        }
    }

    #[test]
    fn a_rise_is_believed_within_a_minute() {
        let mut estimate = after(1_000, 0.1);
        go_on(&mut estimate, 60, 0.3, &mut StdRng::seed_from_u64(3));
        assert_eq!(estimate.copies(), 3);
    }

    #[test]
    fn a_few_lost_answers_at_the_start_say_nothing() {
        let mut loss = Loss::default();
        loss.probe_ended(false);
        loss.probe_ended(true);
        assert_eq!(loss.copies(), 1);
    }

    #[test]
    fn goes_back_when_the_network_recovers() {
        let mut loss = after(100, 0.3);
        for _ in 0..1_000 {
            loss.probe_ended(true);
        }
        assert_eq!(loss.copies(), 1);
        assert!(loss.estimate() < 0.01);
    }
}
