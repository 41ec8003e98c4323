use rand_pcg::Pcg64;
use serde_json::value::RawValue;

use super::{Agent, Choices, Entry, Step, choose};
use crate::Parameters;
use crate::value::{ActionTable, Cursor, Successor, TableWeights, Values};

/// Expected SARSA over a table (van Seijen et al. 2009; Sutton and Barto, section 6.6):
/// `Q(s, a) += alpha * (r + gamma * E Q(s', .) - Q(s, a))`, the expectation over the epsilon-greedy policy.
pub struct ExpectedSarsa {
    table: ActionTable,
    parameters: Parameters,
    scratch: Vec<Option<f64>>,
}

pub(super) const ENTRY: Entry = Entry {
    name: "ExpectedSarsa",
    aliases: &[],
    summary: "Expected SARSA over a table, discounted",
    defaults: || Parameters { alpha: 0.1, ..Parameters::default() },
    build: |parameters| Box::new(ExpectedSarsa::new(parameters)),
};

impl ExpectedSarsa {
    /// An agent that has learned nothing yet.
    pub fn new(parameters: &Parameters) -> Self {
        Self { table: ActionTable::new(parameters), parameters: parameters.clone(), scratch: Vec::new() }
    }
}

impl Agent for ExpectedSarsa {
    fn configure(&mut self, parameters: &Parameters) {
        self.table.configure(parameters);
        self.parameters = parameters.clone();
    }

    fn act(&mut self, state: &[f64], choices: Choices<'_>, epsilon: f64, rng: &mut Pcg64) -> usize {
        self.table.fill(state, choices, &mut self.scratch);
        choose(choices, &self.scratch, epsilon, self.parameters.explore_reject, rng)
    }

    fn learn(&mut self, step: &Step<'_>) -> bool {
        let (epsilon, parameters) = (step.epsilon, &self.parameters);
        let next = Successor::Average.value(&self.table, step.next, epsilon, parameters, &mut self.scratch);
        let delta = step.reward + parameters.gamma * next - self.table.value(step.point);
        self.table.add(step.point, parameters.alpha * delta)
    }

    fn states(&self) -> usize {
        self.table.len()
    }

    fn write_weights(&self, cursor: &mut Cursor, out: &mut Vec<u8>) -> bool {
        self.table.write("", cursor, out)
    }

    fn read_weights(&mut self, weights: &RawValue) -> Result<(), String> {
        let weights: TableWeights<'_> =
            serde_json::from_str(weights.get()).map_err(|error| error.to_string())?;
        self.table.read(&weights)
    }
}
