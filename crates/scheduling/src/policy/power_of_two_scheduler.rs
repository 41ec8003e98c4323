use protocol::PolicySpec;

use super::power_of_n_scheduler::PowerOfNScheduler;
use super::ranking::{ASKING, Asking};
use super::{Answer, Context, Entry, Policy, Step};
use crate::{JobView, Outcome};

/// Power of d choices (Mitzenmacher 2001) among this node and d peers drawn at random: the least loaded of them
/// takes the job, this node where none of the others has fewer jobs. It is LL(d, 0).
#[derive(Debug)]
pub struct PowerOfTwoScheduler(PowerOfNScheduler);

pub(super) const ENTRY: Entry = Entry {
    name: "PowerOfTwoScheduler",
    parameters: ASKING,
    optional: ASKING.len(),
    example: &["2", "false", "1"],
    build: |texts| Ok(Box::new(PowerOfTwoScheduler::new(Asking::of(2).read(texts)?))),
};

impl PowerOfTwoScheduler {
    /// Asks in this way.
    pub fn new(asking: Asking) -> Self {
        Self(PowerOfNScheduler::new(asking.fan_out, 0, asking.loss, asking.hops_max))
    }
}

impl Policy for PowerOfTwoScheduler {
    fn spec(&self) -> PolicySpec {
        let PowerOfNScheduler { fan_out, loss, hops_max, .. } = self.0;
        ENTRY.spec(Asking { fan_out, loss, hops_max }.texts())
    }

    fn on_arrival(&mut self, job: &JobView<'_>, cx: &mut Context<'_>) -> Step {
        self.0.on_arrival(job, cx)
    }

    fn on_answer(&mut self, job: &JobView<'_>, answer: Answer<'_>, cx: &mut Context<'_>) -> Step {
        self.0.on_answer(job, answer, cx)
    }

    fn on_finished(&mut self, job: &JobView<'_>, outcome: Outcome, cx: &mut Context<'_>) {
        self.0.on_finished(job, outcome, cx);
    }
}
