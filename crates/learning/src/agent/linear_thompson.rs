use rand::RngExt;
use rand_pcg::Pcg64;
use serde_json::value::RawValue;

use super::{Agent, Choices, Entry, Step, choose};
use crate::Parameters;
use crate::value::{Cursor, Linear};

/// Linear Thompson sampling (Agrawal and Goyal 2013) over linear models that forget: the action with the
/// greatest `theta x + c N(0, 1) sqrt(x' A^-1 x)`, a draw for each, `c` being the parameter `exploration`. A
/// contextual bandit: it learns what a choice is worth by itself, not what it leads to, and needs no order of
/// samples.
pub struct LinearThompson {
    models: Linear,
    scratch: Vec<Option<f64>>,
}

pub(super) const ENTRY: Entry = Entry {
    name: "LinearThompson",
    aliases: &[],
    summary: "Linear Thompson sampling, a contextual bandit",
    defaults: Parameters::default,
    build: |parameters| Box::new(LinearThompson::new(parameters)),
};

impl LinearThompson {
    /// An agent that has learned nothing yet.
    pub fn new(parameters: &Parameters) -> Self {
        Self { models: Linear::new(parameters), scratch: Vec::new() }
    }
}

impl Agent for LinearThompson {
    fn configure(&mut self, parameters: &Parameters) {
        self.models.configure(parameters);
    }

    fn act(&mut self, state: &[f64], choices: Choices<'_>, _epsilon: f64, rng: &mut Pcg64) -> usize {
        let exploration = self.models.parameters().exploration;
        self.models.score(state, choices, &mut self.scratch, |estimate| {
            estimate.mean + exploration * estimate.width * normal(rng)
        });
        choose(choices, &self.scratch, 0.0, self.models.parameters().explore_reject, rng)
    }

    fn learn(&mut self, step: &Step<'_>) -> bool {
        self.models.learn(step.point, step.reward)
    }

    fn needs_order(&self) -> bool {
        false
    }

    fn uses_epsilon(&self) -> bool {
        false
    }

    fn states(&self) -> usize {
        self.models.len()
    }

    fn write_weights(&self, cursor: &mut Cursor, out: &mut Vec<u8>) -> bool {
        self.models.write(cursor, out)
    }

    fn read_weights(&mut self, weights: &RawValue) -> Result<(), String> {
        self.models.read(weights)
    }
}

/// A draw from the normal distribution of mean 0 and variance 1 (Box and Muller 1958).
fn normal(rng: &mut Pcg64) -> f64 {
    let (radius, angle): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn draws_are_normal() {
        let mut rng = Pcg64::seed_from_u64(1);
        let draws: Vec<f64> = (0..20_000).map(|_| normal(&mut rng)).collect();
        let count = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / count;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / count;
        let within_one = draws.iter().filter(|draw| draw.abs() < 1.0).count() as f64 / count;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05 && (within_one - 0.683).abs() < 0.02);
    }
}
