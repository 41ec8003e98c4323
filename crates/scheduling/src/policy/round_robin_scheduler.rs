use protocol::PolicySpec;

use super::turns::Turns;
use super::{Answer, Context, Entry, Policy, Step, parameters};
use crate::JobView;

/// Gives jobs in turn to this node and to each of its peers. A job that came from a peer, or that no peer
/// takes, runs here. A baseline: it knows no loads and asks nobody.
#[derive(Debug)]
pub struct RoundRobinScheduler {
    /// Reject a job that finds no slot free, instead of letting it wait.
    pub loss: bool,
    turns: Turns,
}

pub(super) const ENTRY: Entry =
    Entry { name: "RoundRobinScheduler", parameters: &["loss"], optional: 1, example: &["false"], build };

fn build(texts: &[String]) -> Result<Box<dyn Policy>, String> {
    Ok(Box::new(RoundRobinScheduler { loss: parameters::loss(texts.first())?, turns: Turns::new(true) }))
}

impl RoundRobinScheduler {
    fn step(&mut self, job: &JobView<'_>, cx: &mut Context<'_>) -> Step {
        if job.hops > 0 {
            return cx.run_here(self.loss);
        }
        self.turns.next(job, cx).unwrap_or_else(|| cx.run_here(self.loss))
    }
}

impl Policy for RoundRobinScheduler {
    fn spec(&self) -> PolicySpec {
        ENTRY.spec([self.loss.to_string()])
    }

    fn on_arrival(&mut self, job: &JobView<'_>, cx: &mut Context<'_>) -> Step {
        self.step(job, cx)
    }

    fn on_answer(&mut self, job: &JobView<'_>, _answer: Answer<'_>, cx: &mut Context<'_>) -> Step {
        self.step(job, cx)
    }
}
