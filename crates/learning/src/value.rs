//! What agents remember.

mod action_table;
mod cursor;
mod key;
mod linear;
mod ridge;
mod table;
mod tiles;

pub use action_table::ActionTable;
pub(crate) use action_table::Weights as TableWeights;
pub use cursor::Cursor;
pub(crate) use key::Key;
pub use linear::Linear;
pub use ridge::Ridge;
pub use table::Table;
pub use tiles::Tiles;

use crate::Parameters;
use crate::agent::{Choices, Next, Point};

/// Values of actions, by whatever they are remembered.
pub(crate) trait Values {
    /// The value of an action; 0 where it was never tried.
    fn value(&self, point: Point<'_>) -> f64;

    /// The value of each choice in this state, none where it was never tried.
    fn fill(&self, state: &[f64], choices: Choices<'_>, out: &mut Vec<Option<f64>>);
}

/// Appends a value as JSON. What agents remember can always be written so.
pub(crate) fn write_json(value: &impl serde::Serialize, out: &mut Vec<u8>) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "{written:?}");
}

/// By which action an agent values what followed a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Successor {
    /// By the one taken (SARSA); by the average over the policy where it is not known.
    Taken,
    /// By the best one (Q-learning).
    Best,
    /// By the average over the policy (expected SARSA).
    Average,
}

impl Successor {
    /// The value of what followed.
    ///
    /// A sample of a candidate tells the features of the one that was taken and not those of the others, so
    /// that every rule values a candidate that followed by itself.
    pub(crate) fn value(
        self,
        values: &impl Values,
        next: Next<'_>,
        epsilon: f64,
        parameters: &Parameters,
        scratch: &mut Vec<Option<f64>>,
    ) -> f64 {
        let state = match (next, self) {
            (Next::End, _) => return 0.0,
            (Next::Chosen(point), Self::Taken) => return values.value(point),
            (Next::Chosen(point), _) if point.features.is_some() => return values.value(point),
            (Next::Chosen(point), _) => point.state,
            (Next::State(state), _) => state,
        };
        let choices = Choices::Numbered(parameters.actions_n);
        values.fill(state, choices, scratch);
        match self {
            Self::Best => crate::agent::greatest(choices, scratch, parameters.explore_reject),
            Self::Taken | Self::Average => {
                crate::agent::expectation(choices, scratch, epsilon, parameters.explore_reject)
            }
        }
    }
}
