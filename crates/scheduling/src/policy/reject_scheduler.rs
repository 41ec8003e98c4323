use protocol::PolicySpec;

use super::{Context, Entry, Policy, Step};
use crate::{JobView, Rejection};

/// Rejects every job: for tests, and for a node that is to be measured at its door.
#[derive(Debug, Clone, Copy)]
pub struct RejectScheduler;

pub(super) const ENTRY: Entry = Entry {
    name: "RejectScheduler",
    parameters: &[],
    example: &[],
    build: |_parameters| Ok(Box::new(RejectScheduler)),
};

impl Policy for RejectScheduler {
    fn spec(&self) -> PolicySpec {
        PolicySpec { name: ENTRY.name.to_owned(), parameters: Vec::new() }
    }

    fn on_arrival(&mut self, _job: &JobView<'_>, _cx: &mut Context) -> Step {
        Step::Reject(Rejection::OnPurpose)
    }
}
