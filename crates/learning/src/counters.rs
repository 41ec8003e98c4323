use serde::{Deserialize, Serialize};

/// What a model has counted since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Counters {
    /// Questions answered.
    pub inferences: u64,
    /// Samples accepted.
    pub accepted: u64,
    /// Samples refused.
    pub refused: u64,
    /// Samples learned from.
    pub trained_items: u64,
    /// Samples that could not be learned from: what followed them was lost, or the table has no room.
    pub untrained_items: u64,
    /// Eids that were given up.
    pub skipped: u64,
    /// Unbroken runs of samples.
    pub episodes: u64,
    /// The largest eid accepted.
    pub eid_max_seen: u64,
    /// The eid learned from last.
    pub eid_last_trained: u64,
    /// Smoothed over about a thousand rewards.
    pub mean_reward: f64,
}

/// A model at a moment, under the names that the original P2PFaaS has where it has one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// The agent's name.
    pub agent: &'static str,
    /// Grows by one with each new model.
    pub version: u64,
    /// The probability of a random action; 0 for agents that explore in another way.
    pub epsilon: f64,
    /// What differential agents hold the average reward of a step for; absent for others.
    pub average_reward: Option<f64>,
    /// States, or candidates, that the model tells apart; for linear models their number of weights.
    pub states: usize,
    /// Samples that wait for their turn.
    pub pending_entries: usize,
    /// What it has counted.
    #[serde(flatten)]
    pub counters: Counters,
}

/// What a single reward counts for in the mean.
const MEAN_STEP: f64 = 0.001;

impl Counters {
    pub(crate) fn rewarded(&mut self, reward: f64) {
        self.accepted += 1;
        // The plain mean of the first rewards, then a sliding one.
        let step = MEAN_STEP.max(1.0 / self.accepted as f64);
        self.mean_reward += step * (reward - self.mean_reward);
    }
}
