//! How lossy the network is, and how often a datagram is therefore sent.

/// An answer counts for this part of the estimate: about the last half minute of probes.
const WEIGHT_MIN: f64 = 1.0 / 32.0;
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
    answered: f64,
    samples: u32,
    copies: u8,
}

impl Default for Loss {
    fn default() -> Self {
        Self { answered: 1.0, samples: 0, copies: 1 }
    }
}

impl Loss {
    /// Notes the end of a probe of a member that is thought to be alive.
    pub(crate) fn probe_ended(&mut self, answered: bool) {
        self.samples = self.samples.saturating_add(1);
        let weight = WEIGHT_MIN.max(1.0 / f64::from(self.samples));
        let value = if answered { 1.0 } else { 0.0 };
        self.answered += (value - self.answered) * weight;
        if self.samples >= SAMPLES_MIN {
            self.adapt();
        }
    }

    /// Datagrams lost, 0 to 1.
    pub(crate) fn estimate(&self) -> f64 {
        (1.0 - self.answered.max(0.0).sqrt()).powf(1.0 / f64::from(self.copies))
    }

    /// How often each datagram of a probe is sent.
    pub(crate) fn copies(&self) -> u8 {
        self.copies
    }

    fn adapt(&mut self) {
        let loss = self.estimate();
        let wanted =
            |step: &&Step| loss > if self.copies >= step.copies { step.until_below } else { step.above };
        let copies = STEPS.iter().rev().find(wanted).map_or(1, |step| step.copies);
        if copies != self.copies {
            self.copies = copies;
            self.answered = (1.0 - loss.powi(i32::from(copies))).powi(2);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn after(probes: u32, loss: f64) -> Loss {
        let mut rng = StdRng::seed_from_u64(1);
        let mut estimate = Loss::default();
        for _ in 0..probes {
            let mut arrives = || (0..estimate.copies()).any(|_| rng.random_bool(1.0 - loss));
            let answered = arrives() && arrives();
            estimate.probe_ended(answered);
        }
        estimate
    }

    #[test]
    fn copies_follow_the_loss() {
        assert_eq!(after(300, 0.0).copies(), 1);
        assert_eq!(after(300, 0.1).copies(), 2);
        assert_eq!(after(300, 0.3).copies(), 3);
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
        for _ in 0..300 {
            loss.probe_ended(true);
        }
        assert_eq!(loss.copies(), 1);
        assert!(loss.estimate() < 0.01);
    }
}
