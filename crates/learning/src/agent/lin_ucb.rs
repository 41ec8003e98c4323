use rand_pcg::Pcg64;
use serde_json::value::RawValue;

use super::{Agent, Choices, Entry, Step, choose};
use crate::Parameters;
use crate::value::{Cursor, Linear};

/// LinUCB (Li, Chu, Langford and Schapire 2010) over linear models that forget: the action with the greatest
/// `theta x + c sqrt(x' A^-1 x)`, `c` being the parameter `exploration`. A contextual bandit: it learns what a
/// choice is worth by itself, not what it leads to, and needs no order of samples.
pub struct LinUcb {
    models: Linear,
    scratch: Vec<Option<f64>>,
}

pub(super) const ENTRY: Entry = Entry {
    name: "LinUcb",
    aliases: &[],
    summary: "LinUCB, a contextual bandit over linear models",
    defaults: Parameters::default,
    build: |parameters| Box::new(LinUcb::new(parameters)),
};

impl LinUcb {
    /// An agent that has learned nothing yet.
    pub fn new(parameters: &Parameters) -> Self {
        Self { models: Linear::new(parameters), scratch: Vec::new() }
    }
}

impl Agent for LinUcb {
    fn configure(&mut self, parameters: &Parameters) {
        self.models.configure(parameters);
    }

    fn act(&mut self, state: &[f64], choices: Choices<'_>, _epsilon: f64, rng: &mut Pcg64) -> usize {
        let exploration = self.models.parameters().exploration;
        self.models.score(state, choices, &mut self.scratch, |estimate| {
            estimate.mean + exploration * estimate.width
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
