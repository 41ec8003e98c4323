//! The seam for agents: one agent, one file, one line in [`REGISTRY`].

mod choosing;
mod differential_sarsa;
mod discounted_table;
mod expected_sarsa;
mod lin_ucb;
mod linear_thompson;
mod q_learning;
mod tile_sarsa;

use protocol::learner::{Candidate, REJECT};
use rand_pcg::Pcg64;
use serde_json::value::RawValue;

pub use choosing::choose;
pub(crate) use choosing::{expectation, greatest};
pub use differential_sarsa::DifferentialSarsa;
pub use discounted_table::DiscountedTable;
pub use lin_ucb::LinUcb;
pub use linear_thompson::LinearThompson;
pub use tile_sarsa::TileSarsa;

use crate::Parameters;
use crate::value::Cursor;

/// Chooses actions, and learns what they are worth.
///
/// What it is given was checked: numbers are finite and within bounds, states have as many parts as those
/// before them, candidates as many features. It keeps every number that it remembers finite.
pub trait Agent: Send {
    /// Takes other step sizes and the like. What divides its states does not change.
    fn configure(&mut self, parameters: &Parameters);

    /// Chooses one of the actions, and gives its place among them.
    fn act(&mut self, state: &[f64], choices: Choices<'_>, epsilon: f64, rng: &mut Pcg64) -> usize;

    /// Learns from a step; false where it has no room for what the step is about.
    fn learn(&mut self, step: &Step<'_>) -> bool;

    /// The next step does not follow the last one: a sample was lost.
    fn interrupted(&mut self) {}

    /// Whether it learns from a step and what followed, so that steps must come in order. An agent that does
    /// not is told each step as it comes, with [`Next::End`].
    fn needs_order(&self) -> bool {
        true
    }

    /// Whether `epsilon` has a part in its choices.
    fn uses_epsilon(&self) -> bool {
        true
    }

    /// What it holds the average reward of a step for, if it keeps one.
    fn average_reward(&self) -> Option<f64> {
        None
    }

    /// What it tells apart: rows of a table, tiles or weights in use.
    fn states(&self) -> usize;

    /// Appends the next part of its weights to `out`; all parts together are a JSON object. True with the
    /// last. The parts are small, so that whoever holds the agent behind a lock need not hold that for long.
    fn write_weights(&self, cursor: &mut Cursor, out: &mut Vec<u8>) -> bool;

    /// Takes the weights that another agent of its kind has written.
    ///
    /// # Errors
    /// Says what is wrong with them. The agent is of no use then.
    fn read_weights(&mut self, weights: &RawValue) -> Result<(), String>;
}

/// The actions to choose from.
#[derive(Debug, Clone, Copy)]
pub enum Choices<'a> {
    /// So many numbered actions, from 0, which rejects.
    Numbered(u32),
    /// These, at least one. Their features describe them, so that what is learned of one counts for all.
    Offered(&'a [Candidate]),
}

impl Choices<'_> {
    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        match self {
            Self::Numbered(actions_n) => *actions_n as usize,
            Self::Offered(candidates) => candidates.len(),
        }
    }

    /// The number of the action at this place.
    pub fn action(&self, place: usize) -> u32 {
        match self {
            Self::Numbered(_) => place as u32,
            Self::Offered(candidates) => candidates[place].action,
        }
    }

    /// Whether the action at this place rejects the job.
    pub fn rejects(&self, place: usize) -> bool {
        self.action(place) == REJECT
    }

    pub(crate) fn features(&self, place: usize) -> Option<&[f64]> {
        match self {
            Self::Numbered(_) => None,
            Self::Offered(candidates) => Some(&candidates[place].features),
        }
    }
}

/// An action in a state.
#[derive(Debug, Clone, Copy)]
pub struct Point<'a> {
    /// The state.
    pub state: &'a [f64],
    /// The action's number.
    pub action: u32,
    /// What describes the action where it was a candidate.
    pub features: Option<&'a [f64]>,
}

/// An action that was taken, its reward, and what followed.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// The action and its state.
    pub point: Point<'a>,
    /// What it was worth.
    pub reward: f64,
    /// What followed.
    pub next: Next<'a>,
    /// The probability of a random action.
    pub epsilon: f64,
}

/// What followed a step.
#[derive(Debug, Clone, Copy)]
pub enum Next<'a> {
    /// This state, in which this action was taken.
    Chosen(Point<'a>),
    /// This state; which action was taken in it is not known.
    State(&'a [f64]),
    /// Nothing: the episode was over.
    End,
}

/// An agent as the settings name it.
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Names that the original P2PFaaS has for it.
    pub aliases: &'static [&'static str],
    /// What it does.
    pub summary: &'static str,
    /// Its parameters where nobody sets others.
    pub defaults: fn() -> Parameters,
    /// Makes one that has learned nothing yet.
    pub build: fn(&Parameters) -> Box<dyn Agent>,
}

/// Every agent that there is.
pub const REGISTRY: &[Entry] = &[
    linear_thompson::ENTRY,
    lin_ucb::ENTRY,
    tile_sarsa::ENTRY,
    differential_sarsa::ENTRY,
    q_learning::ENTRY,
    expected_sarsa::ENTRY,
];

impl Entry {
    /// The agent of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        REGISTRY.iter().find(|entry| entry.name == name || entry.aliases.contains(&name))
    }
}

#[cfg(test)]
#[path = "agent_tests.rs"]
mod tests;
