use rand_pcg::Pcg64;
use serde_json::value::RawValue;

use super::{Agent, Choices, Entry, Step, choose};
use crate::Parameters;
use crate::value::{ActionTable, Cursor, Successor, TableWeights, Values};

/// Differential SARSA over a table (Sutton and Barto, section 10.3), for tasks that never end:
/// `delta = r - R + Q(s', a') - Q(s, a)`, then `R += beta * delta` and `Q(s, a) += alpha * delta`.
pub struct DifferentialSarsa {
    table: ActionTable,
    average_reward: f64,
    parameters: Parameters,
    scratch: Vec<Option<f64>>,
}

pub(super) const ENTRY: Entry = Entry {
    name: "DifferentialSarsa",
    aliases: &["SarsaQTable"],
    summary: "Differential SARSA over a table, the agent of the original P2PFaaS",
    defaults: Parameters::default,
    build: |parameters| Box::new(DifferentialSarsa::new(parameters)),
};

impl DifferentialSarsa {
    /// An agent that has learned nothing yet.
    pub fn new(parameters: &Parameters) -> Self {
        Self {
            table: ActionTable::new(parameters),
            average_reward: 0.0,
            parameters: parameters.clone(),
            scratch: Vec::new(),
        }
    }

    fn delta(&mut self, step: &Step<'_>) -> f64 {
        let (epsilon, parameters) = (step.epsilon, &self.parameters);
        let next = Successor::Taken.value(&self.table, step.next, epsilon, parameters, &mut self.scratch);
        step.reward - self.average_reward + next - self.table.value(step.point)
    }
}

impl Agent for DifferentialSarsa {
    fn configure(&mut self, parameters: &Parameters) {
        self.table.configure(parameters);
        self.parameters = parameters.clone();
    }

    fn act(&mut self, state: &[f64], choices: Choices<'_>, epsilon: f64, rng: &mut Pcg64) -> usize {
        self.table.fill(state, choices, &mut self.scratch);
        choose(choices, &self.scratch, epsilon, self.parameters.explore_reject, rng)
    }

    fn learn(&mut self, step: &Step<'_>) -> bool {
        let delta = self.delta(step);
        let average_reward = self.average_reward + self.parameters.beta * delta;
        if average_reward.is_finite() {
            self.average_reward = average_reward;
        }
        self.table.add(step.point, self.parameters.alpha * delta)
    }

    fn average_reward(&self) -> Option<f64> {
        Some(self.average_reward)
    }

    fn states(&self) -> usize {
        self.table.len()
    }

    fn write_weights(&self, cursor: &mut Cursor, out: &mut Vec<u8>) -> bool {
        self.table.write(&format!("\"average_reward\":{},", self.average_reward), cursor, out)
    }

    fn read_weights(&mut self, weights: &RawValue) -> Result<(), String> {
        let weights: TableWeights<'_> =
            serde_json::from_str(weights.get()).map_err(|error| error.to_string())?;
        self.average_reward = weights.average_reward;
        self.table.read(&weights)
    }
}

#[cfg(test)]
#[path = "differential_sarsa_tests.rs"]
mod tests;
