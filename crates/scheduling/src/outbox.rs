use protocol::NodeId;

/// Entries of a kind that wait for the shell. It takes them after each call to the node, which makes a few;
/// this is for one that does not.
const ENTRIES_MAX: usize = 1_024;

/// What policies want done besides deciding about a job.
#[derive(Debug, Default)]
pub struct Outbox {
    probes: Vec<NodeId>,
    samples: Vec<Sample>,
}

/// What a learner shall learn from one job.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Counts the decisions of one policy, from 0, without gaps.
    pub eid: u64,
    /// The state in which it was decided.
    pub state: Vec<f64>,
    /// What was decided.
    pub action: u32,
    /// What came of it.
    pub reward: f64,
    /// The features of the candidate that the action stood for, where there were candidates.
    pub features: Option<Vec<f64>>,
}

/// How a learning policy came to its decision: told in the headers of every reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The state in which it was decided.
    pub state: Vec<f64>,
    /// What was decided.
    pub action: u32,
    /// What the learner said, where it answered.
    pub advised: Option<u32>,
    /// The part of decisions that were explored at that time, 0 to 1.
    pub epsilon: f64,
    /// The number of the decision.
    pub eid: u64,
    /// Why the fallback decided, where it did.
    pub fallback: Option<&'static str>,
}

impl Outbox {
    /// Asks for the load of a peer, without a job that waits for it; the answer comes with
    /// [`Policy::on_report`](crate::Policy::on_report).
    pub fn probe(&mut self, peer: NodeId) {
        if self.probes.len() < ENTRIES_MAX {
            self.probes.push(peer);
        }
    }

    /// Sends a sample to the learner.
    pub fn teach(&mut self, sample: Sample) {
        if self.samples.len() < ENTRIES_MAX {
            self.samples.push(sample);
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.probes.is_empty() && self.samples.is_empty()
    }

    /// Takes out the peers to be probed.
    pub fn take_probes(&mut self) -> Vec<NodeId> {
        std::mem::take(&mut self.probes)
    }

    /// Takes out the samples.
    pub fn take_samples(&mut self) -> Vec<Sample> {
        std::mem::take(&mut self.samples)
    }
}
