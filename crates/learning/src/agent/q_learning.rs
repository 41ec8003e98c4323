use super::{DiscountedTable, Entry};
use crate::Parameters;
use crate::value::Successor;

pub(super) const ENTRY: Entry = Entry {
    name: "QLearning",
    aliases: &[],
    summary: "Q-learning over a table, discounted",
    defaults: || Parameters { alpha: 0.1, ..Parameters::default() },
    build: |parameters| Box::new(DiscountedTable::q_learning(parameters)),
};

impl DiscountedTable {
    /// Q-learning (Watkins 1989; Sutton and Barto, section 6.5):
    /// `Q(s, a) += alpha * (r + gamma * max Q(s', .) - Q(s, a))`.
    pub fn q_learning(parameters: &Parameters) -> Self {
        Self::new(parameters, Successor::Best)
    }
}
