use protocol::PolicySpec;

use super::{Answer, Context, Entry, Policy, Step, parameters};
use crate::JobView;

/// Gives a job to this node or to one of its peers, each as likely as any other. A job that came from a peer,
/// or that no peer takes, runs here. A baseline: it knows no loads and asks nobody.
#[derive(Debug, Clone, Copy)]
pub struct RandomScheduler {
    /// Reject a job that finds no slot free, instead of letting it wait.
    pub loss: bool,
}

pub(super) const ENTRY: Entry =
    Entry { name: "RandomScheduler", parameters: &["loss"], optional: 1, example: &["false"], build };

fn build(texts: &[String]) -> Result<Box<dyn Policy>, String> {
    Ok(Box::new(RandomScheduler { loss: parameters::loss(texts.first())? }))
}

impl RandomScheduler {
    fn draw(self, job: &JobView<'_>, cx: &mut Context<'_>) -> Step {
        if job.hops > 0 {
            return cx.run_here(self.loss);
        }
        if !job.runs_here {
            return cx.forward_at_random().unwrap_or(Step::Run);
        }
        match cx.candidates.peer_or_self(cx.rng) {
            Some(peer) => Step::Forward(peer.id),
            None => cx.run_here(self.loss),
        }
    }
}

impl Policy for RandomScheduler {
    fn spec(&self) -> PolicySpec {
        ENTRY.spec([self.loss.to_string()])
    }

    fn on_arrival(&mut self, job: &JobView<'_>, cx: &mut Context<'_>) -> Step {
        self.draw(job, cx)
    }

    fn on_answer(&mut self, job: &JobView<'_>, _answer: Answer<'_>, cx: &mut Context<'_>) -> Step {
        self.draw(job, cx)
    }
}
