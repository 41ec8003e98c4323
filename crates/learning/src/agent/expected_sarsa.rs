use super::{DiscountedTable, Entry};
use crate::Parameters;
use crate::value::Successor;

pub(super) const ENTRY: Entry = Entry {
    name: "ExpectedSarsa",
    aliases: &[],
    summary: "Expected SARSA over a table, discounted",
    defaults: || Parameters { alpha: 0.1, ..Parameters::default() },
    build: |parameters| Box::new(DiscountedTable::expected_sarsa(parameters)),
};

impl DiscountedTable {
    /// Expected SARSA (van Seijen et al. 2009; Sutton and Barto, section 6.6):
    /// `Q(s, a) += alpha * (r + gamma * E Q(s', .) - Q(s, a))`, the expectation over the epsilon-greedy policy.
    pub fn expected_sarsa(parameters: &Parameters) -> Self {
        Self::new(parameters, Successor::Average)
    }
}
