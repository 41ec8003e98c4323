use protocol::PolicySpec;

use super::{Context, Entry, Policy, Step, parameters};
use crate::{JobView, Rejection};

/// Runs every job on this node.
#[derive(Debug, Clone, Copy)]
pub struct NoScheduler {
    /// Reject a job that finds no slot free, instead of letting it wait.
    pub loss: bool,
}

pub(super) const ENTRY: Entry =
    Entry { name: "NoScheduler", parameters: &["loss"], optional: 0, example: &["true"], build };

fn build(texts: &[String]) -> Result<Box<dyn Policy>, String> {
    Ok(Box::new(NoScheduler { loss: parameters::truth("loss", &texts[0])? }))
}

impl Policy for NoScheduler {
    fn spec(&self) -> PolicySpec {
        ENTRY.spec([self.loss.to_string()])
    }

    fn on_arrival(&mut self, _job: &JobView<'_>, cx: &mut Context<'_>) -> Step {
        cx.run_here(self.loss)
    }
}

impl Context<'_> {
    /// Runs the job on this node; with `loss` only if a slot is free.
    pub(super) fn run_here(&self, loss: bool) -> Step {
        if loss && self.load.running >= self.load.slots {
            return Step::Reject(Rejection::Full);
        }
        Step::Run
    }
}
