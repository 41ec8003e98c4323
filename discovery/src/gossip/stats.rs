use std::sync::{Mutex, PoisonError};

use membership::Counters;
use protocol::nodes::NodeState;

/// What the keeper tells of itself, for metrics and health.
#[derive(Debug, Default)]
pub(crate) struct Stats(Mutex<Figures>);

/// Figures of one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    /// What the gossip counted.
    pub(crate) counters: Counters,
    /// Part of the datagrams that are lost, 0 to 1.
    pub(crate) loss: f64,
    /// The other nodes, by what is thought of them.
    pub(crate) states: StateCounts,
    /// Members that are alive or suspect, without this node.
    pub(crate) members: usize,
    pub(crate) watchers: usize,
    /// Watchers that were closed because they did not keep up.
    pub(crate) watchers_dropped: u64,
    /// Datagrams that the system did not take.
    pub(crate) sends_failed: u64,
}

/// How many nodes are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StateCounts([usize; 4]);

impl StateCounts {
    /// The states in the order of the counts.
    pub(crate) const STATES: [NodeState; 4] =
        [NodeState::Alive, NodeState::Suspect, NodeState::Dead, NodeState::Left];

    /// Counts a node that was in one state, if it was known, and is now in another, if it still is.
    pub(crate) fn moved(&mut self, from: Option<NodeState>, to: Option<NodeState>) {
        if let Some(state) = from {
            let count = &mut self.0[index(state)];
            *count = count.saturating_sub(1);
        }
        if let Some(state) = to {
            self.0[index(state)] += 1;
        }
    }

    /// How many are in this state.
    pub(crate) fn of(self, state: NodeState) -> usize {
        self.0[index(state)]
    }
}

fn index(state: NodeState) -> usize {
    match state {
        NodeState::Alive => 0,
        NodeState::Suspect => 1,
        NodeState::Dead => 2,
        NodeState::Left => 3,
    }
}

impl Stats {
    /// The figures of now.
    pub(crate) fn figures(&self) -> Figures {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces them.
    pub(crate) fn set(&self, figures: Figures) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = figures;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_counts_once() {
        let mut counts = StateCounts::default();
        counts.moved(None, Some(NodeState::Alive));
        counts.moved(None, Some(NodeState::Alive));
        counts.moved(Some(NodeState::Alive), Some(NodeState::Dead));
        assert_eq!(StateCounts::STATES.map(|state| counts.of(state)), [1, 0, 1, 0]);
        counts.moved(Some(NodeState::Dead), None);
        assert_eq!(StateCounts::STATES.map(|state| counts.of(state)), [1, 0, 0, 0]);
    }
}
