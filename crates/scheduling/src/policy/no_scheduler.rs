use protocol::PolicySpec;

use super::{Context, Entry, Policy, Step, parse_bool};
use crate::{JobView, Rejection};

/// Runs every job on this node.
#[derive(Debug, Clone, Copy)]
pub struct NoScheduler {
    /// Reject a job that finds no slot free, instead of letting it wait.
    pub loss: bool,
}

pub(super) const ENTRY: Entry =
    Entry { name: "NoScheduler", parameters: &["loss"], example: &["true"], build };

fn build(parameters: &[String]) -> Result<Box<dyn Policy>, String> {
    Ok(Box::new(NoScheduler { loss: parse_bool("loss", &parameters[0])? }))
}

impl Policy for NoScheduler {
    fn spec(&self) -> PolicySpec {
        PolicySpec { name: ENTRY.name.to_owned(), parameters: vec![self.loss.to_string()] }
    }

    fn on_arrival(&mut self, _job: &JobView<'_>, cx: &mut Context) -> Step {
        if self.loss && cx.load.running >= cx.load.slots {
            return Step::Reject(Rejection::Full);
        }
        Step::Run
    }
}
