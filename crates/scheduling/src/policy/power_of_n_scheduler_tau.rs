use std::collections::BTreeMap;
use std::time::Duration;

use protocol::{NodeId, PolicySpec};

use super::power_of_n_scheduler::PowerOfNScheduler;
use super::{Answer, Context, Entry, Policy, Step, parameters};
use crate::{JobId, JobView, Outcome};

/// LL(F, T) that forwards a job no sooner than `tau` after its arrival: peers are probed at once, and the job
/// waits until tau is over. Then it goes where it was to go if that is, by what is known by then, still less
/// loaded. So the age of what is decided on can be studied.
///
/// A job whose deadline would pass meanwhile, and one that no peer is less loaded for, runs here at once.
#[derive(Debug)]
pub struct PowerOfNSchedulerTau {
    /// What chooses the peer.
    pub chooser: PowerOfNScheduler,
    /// The time from a job's arrival before which it is not forwarded.
    pub tau: Duration,
    chosen: BTreeMap<JobId, NodeId>,
}

pub(super) const ENTRY: Entry = Entry {
    name: "PowerOfNSchedulerTau",
    parameters: &["fan-out", "threshold", "loss", "max hops", "tau"],
    optional: 0,
    example: &["1", "2", "true", "1", "50ms"],
    build,
};

fn build(texts: &[String]) -> Result<Box<dyn Policy>, String> {
    Ok(Box::new(PowerOfNSchedulerTau {
        chooser: PowerOfNScheduler::read(&texts[..4])?,
        tau: parameters::duration("tau", &texts[4])?,
        chosen: BTreeMap::new(),
    }))
}

impl PowerOfNSchedulerTau {
    /// In milliseconds, as the original says it.
    fn tau_text(&self) -> String {
        format!("{}ms", self.tau.as_secs_f64() * 1e3)
    }

    /// Lets a job wait that is to be forwarded too soon.
    fn hold(&mut self, job: &JobView<'_>, step: Step, cx: &Context<'_>) -> Step {
        let elapsed = cx.now - job.arrived;
        match step {
            Step::Forward(peer) if elapsed < self.tau => {
                self.chosen.insert(job.id, peer);
                Step::Wait(self.tau - elapsed)
            }
            step => step,
        }
    }

    /// The wait is over: a peer that is no better any more counts as one that refused.
    fn release(&mut self, job: &JobView<'_>, cx: &mut Context<'_>) -> Step {
        let Some(peer) = self.chosen.remove(&job.id) else {
            return cx.run_here(self.chooser.loss);
        };
        let here = self.chooser.jobs_here(job, cx);
        if cx.candidates.get(peer).is_some_and(|peer| (peer.jobs() as f64) < here) {
            return Step::Forward(peer);
        }
        self.chooser.on_answer(job, Answer::Refused(peer), cx)
    }
}

impl Policy for PowerOfNSchedulerTau {
    fn spec(&self) -> PolicySpec {
        ENTRY.spec(self.chooser.texts().into_iter().chain([self.tau_text()]))
    }

    fn on_arrival(&mut self, job: &JobView<'_>, cx: &mut Context<'_>) -> Step {
        let too_late = job.deadline.is_some_and(|deadline| deadline <= job.arrived + self.tau);
        if too_late && job.runs_here {
            return cx.run_here(self.chooser.loss);
        }
        self.chooser.on_arrival(job, cx)
    }

    fn on_answer(&mut self, job: &JobView<'_>, answer: Answer<'_>, cx: &mut Context<'_>) -> Step {
        match answer {
            Answer::Woken => self.release(job, cx),
            answer => {
                let step = self.chooser.on_answer(job, answer, cx);
                self.hold(job, step, cx)
            }
        }
    }

    fn on_finished(&mut self, job: &JobView<'_>, outcome: Outcome, cx: &mut Context<'_>) {
        self.chosen.remove(&job.id);
        self.chooser.on_finished(job, outcome, cx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tau_is_written_as_the_original_writes_it() {
        for (tau, told) in [("10s", "10000ms"), ("200ms", "200ms"), ("1.5ms", "1.5ms"), ("0s", "0ms")] {
            let texts = ["1", "2", "true", "1", tau].map(str::to_owned);
            assert_eq!(build(&texts).unwrap().spec().parameters, ["1", "2", "true", "1", told]);
        }
    }
}
