use rand_pcg::Pcg64;
use serde_json::value::RawValue;

use super::{Agent, Choices, Step, choose};
use crate::Parameters;
use crate::value::{ActionTable, Cursor, Successor, TableWeights, Values};

/// A table that is learned with a discount: `Q(s, a) += alpha * (r + gamma * V(s') - Q(s, a))`. The agents of
/// this kind differ in V only, what the next state is worth.
pub struct DiscountedTable {
    table: ActionTable,
    parameters: Parameters,
    successor: Successor,
    scratch: Vec<Option<f64>>,
}

impl DiscountedTable {
    /// An agent that has learned nothing yet.
    pub(super) fn new(parameters: &Parameters, successor: Successor) -> Self {
        Self {
            table: ActionTable::new(parameters),
            parameters: parameters.clone(),
            successor,
            scratch: Vec::new(),
        }
    }
}

impl Agent for DiscountedTable {
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
        let next = self.successor.value(&self.table, step.next, epsilon, parameters, &mut self.scratch);
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
