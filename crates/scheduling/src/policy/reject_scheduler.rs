use protocol::PolicySpec;

use super::{Context, Entry, Policy, Step};
use crate::{JobView, Rejection};

/// Rejects every job: for tests, and for a node that is to be measured at its door.
#[derive(Debug, Clone, Copy)]
pub struct RejectScheduler;

pub(super) const ENTRY: Entry = Entry {
    name: "RejectScheduler",
    parameters: &[],
    optional: 0,
    example: &[],
    build: |_parameters| Ok(Box::new(RejectScheduler)),
};

impl Policy for RejectScheduler {
    fn spec(&self) -> PolicySpec {
        ENTRY.spec([])
    }

    fn on_arrival(&mut self, _job: &JobView<'_>, _cx: &mut Context<'_>) -> Step {
        Step::Reject(Rejection::OnPurpose)
    }
}
