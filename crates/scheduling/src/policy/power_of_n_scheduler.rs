use protocol::{NodeId, PolicySpec};

use super::ranking::{Alternatives, FAN_OUT_MAX, Ranking, is_full};
use super::{Answer, Context, Entry, Policy, Step, parameters};
use crate::{JobView, Outcome, Report};

/// LL(F, T): once this node has `threshold` jobs, probes `fan_out` peers drawn at random and gives the job to
/// the least loaded, if that has fewer jobs than this node; ties at random. If that refuses, the next of those
/// probed is offered the job, if it still has fewer.
///
/// A job that this node would have to reject goes to any probed peer that has a place for it.
#[derive(Debug)]
pub struct PowerOfNScheduler {
    /// Peers that are probed.
    pub fan_out: usize,
    /// Jobs, running and waiting, from which on peers are asked.
    pub threshold: usize,
    /// Reject a job that no peer takes and that finds no slot free, instead of letting it wait.
    pub loss: bool,
    /// Times that a job is handed on.
    pub hops_max: u8,
    others: Alternatives,
}

pub(super) const ENTRY: Entry = Entry {
    name: "PowerOfNScheduler",
    parameters: &["fan-out", "threshold", "loss", "max hops"],
    optional: 0,
    example: &["1", "2", "true", "1"],
    build,
};

fn build(texts: &[String]) -> Result<Box<dyn Policy>, String> {
    Ok(Box::new(PowerOfNScheduler::read(texts)?))
}

impl PowerOfNScheduler {
    /// LL(`fan_out`, `threshold`).
    pub fn new(fan_out: usize, threshold: usize, loss: bool, hops_max: u8) -> Self {
        Self { fan_out, threshold, loss, hops_max, others: Alternatives::default() }
    }

    /// From the parameters of the registry's entry.
    pub(super) fn read(texts: &[String]) -> Result<Self, String> {
        Ok(Self::new(
            parameters::whole("fan-out", &texts[0], 1..=FAN_OUT_MAX)?,
            parameters::whole("threshold", &texts[1], 0..=usize::MAX)?,
            parameters::truth("loss", &texts[2])?,
            parameters::hops("max hops", &texts[3])?,
        ))
    }

    pub(super) fn texts(&self) -> [String; 4] {
        [
            self.fan_out.to_string(),
            self.threshold.to_string(),
            self.loss.to_string(),
            self.hops_max.to_string(),
        ]
    }

    /// The jobs that a peer must have fewer than.
    pub(super) fn jobs_here(&self, job: &JobView<'_>, cx: &Context<'_>) -> f64 {
        if cx.is_closed(job, self.loss) { f64::INFINITY } else { count(cx.load.jobs()) }
    }

    fn forward_to_least(
        &mut self,
        job: &JobView<'_>,
        loads: &[(NodeId, Option<Report>)],
        cx: &mut Context<'_>,
    ) -> Option<Step> {
        let mut ranking = Ranking::default();
        for (peer, report) in loads {
            if let Some(report) = report
                && !report.draining
                && !is_full(&report.load, self.loss)
            {
                ranking.add(*peer, count(report.load.jobs()), cx.rng);
            }
        }
        self.others.offer(job.id, ranking, self.jobs_here(job, cx))
    }
}

impl Policy for PowerOfNScheduler {
    fn spec(&self) -> PolicySpec {
        ENTRY.spec(self.texts())
    }

    fn on_arrival(&mut self, job: &JobView<'_>, cx: &mut Context<'_>) -> Step {
        // No peer has fewer jobs than none, so that an idle node need not ask, whatever the threshold.
        let asks = job.hops < self.hops_max && self.jobs_here(job, cx) >= count(self.threshold.max(1));
        asks.then(|| cx.probe(self.fan_out)).flatten().unwrap_or_else(|| cx.run_here(self.loss))
    }

    fn on_answer(&mut self, job: &JobView<'_>, answer: Answer<'_>, cx: &mut Context<'_>) -> Step {
        let forward = match answer {
            Answer::Probed(loads) => self.forward_to_least(job, loads, cx),
            _ => self.others.next(job.id, self.jobs_here(job, cx), cx),
        };
        forward.unwrap_or_else(|| cx.run_here(self.loss))
    }

    fn on_finished(&mut self, job: &JobView<'_>, _outcome: Outcome, _cx: &mut Context<'_>) {
        self.others.forget(job.id);
    }
}

/// A count as a score: exact for as many jobs as any node has.
fn count(jobs: usize) -> f64 {
    jobs as f64
}
