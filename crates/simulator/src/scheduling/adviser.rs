use std::time::Duration;

use scheduling::{Question, Sample};

/// What learners are to the nodes: it chooses, and learns from what came of it. Each node may have its own
/// agent, or all of them one.
pub trait Adviser {
    /// The action and its epsilon; none lets the policy do without.
    fn advise(&mut self, host: usize, question: &Question) -> Option<(u32, f64)>;

    /// What came of a decision of this host, known so long after the start.
    fn learn(&mut self, host: usize, sample: Sample, now: Duration);
}
