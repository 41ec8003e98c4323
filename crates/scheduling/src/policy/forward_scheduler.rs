use protocol::PolicySpec;

use super::{Answer, Context, Entry, Policy, Step, parameters};
use crate::JobView;

/// Gives every job to a peer drawn at random, until it has made its hops: then it runs where it is. A job
/// that no peer takes runs here.
#[derive(Debug, Clone, Copy)]
pub struct ForwardScheduler {
    /// Times that a job is handed on.
    pub hops_max: u8,
}

pub(super) const ENTRY: Entry =
    Entry { name: "ForwardScheduler", parameters: &["max hops"], optional: 0, example: &["1"], build };

fn build(texts: &[String]) -> Result<Box<dyn Policy>, String> {
    Ok(Box::new(ForwardScheduler { hops_max: parameters::hops("max hops", &texts[0])? }))
}

impl Policy for ForwardScheduler {
    fn spec(&self) -> PolicySpec {
        ENTRY.spec([self.hops_max.to_string()])
    }

    fn on_arrival(&mut self, job: &JobView<'_>, cx: &mut Context<'_>) -> Step {
        if job.hops >= self.hops_max {
            return Step::Run;
        }
        cx.forward_at_random().unwrap_or(Step::Run)
    }

    fn on_answer(&mut self, _job: &JobView<'_>, _answer: Answer<'_>, cx: &mut Context<'_>) -> Step {
        cx.forward_at_random().unwrap_or(Step::Run)
    }
}

impl Context<'_> {
    /// Gives the job to any candidate; none where there is no candidate.
    pub(super) fn forward_at_random(&mut self) -> Option<Step> {
        self.candidates.sample(1, self.rng).first().map(|peer| Step::Forward(peer.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HOPS_MAX;

    #[test]
    fn more_hops_than_any_job_makes_are_refused() {
        assert!(build(&[HOPS_MAX.to_string()]).is_ok());
        assert!(build(&[(HOPS_MAX + 1).to_string()]).is_err());
    }
}
