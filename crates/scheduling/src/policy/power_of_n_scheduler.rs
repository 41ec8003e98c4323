use protocol::{NodeId, PolicySpec};
use rand::RngExt;

use super::{Answer, Context, Entry, Policy, Step, parameters};
use crate::{JobView, Report};

/// Peers probed for one job at most: the gain from more than a few vanishes (Mitzenmacher 2001), and each
/// costs a message each way.
pub(super) const FAN_OUT_MAX: usize = 16;

/// LL(F, T): once this node has `threshold` jobs, probes `fan_out` peers drawn at random and gives the job to
/// the least loaded, if that has fewer jobs than this node; ties at random.
#[derive(Debug, Clone, Copy)]
pub struct PowerOfNScheduler {
    /// Peers that are probed.
    pub fan_out: usize,
    /// Jobs, running and waiting, from which on peers are asked.
    pub threshold: usize,
    /// Reject a job that no peer takes and that finds no slot free, instead of letting it wait.
    pub loss: bool,
    /// Times that a job is handed on.
    pub hops_max: u8,
}

pub(super) const ENTRY: Entry = Entry {
    name: "PowerOfNScheduler",
    parameters: &["fan-out", "threshold", "loss", "max hops"],
    optional: 0,
    example: &["1", "2", "true", "1"],
    build,
};

fn build(texts: &[String]) -> Result<Box<dyn Policy>, String> {
    Ok(Box::new(PowerOfNScheduler {
        fan_out: parameters::whole("fan-out", &texts[0], 1..=FAN_OUT_MAX)?,
        threshold: parameters::whole("threshold", &texts[1], 0..=usize::MAX)?,
        loss: parameters::truth("loss", &texts[2])?,
        hops_max: parameters::hops("max hops", &texts[3])?,
    }))
}

impl Policy for PowerOfNScheduler {
    fn spec(&self) -> PolicySpec {
        ENTRY.spec([
            self.fan_out.to_string(),
            self.threshold.to_string(),
            self.loss.to_string(),
            self.hops_max.to_string(),
        ])
    }

    fn on_arrival(&mut self, job: &JobView<'_>, cx: &mut Context<'_>) -> Step {
        if job.hops >= self.hops_max || cx.load.jobs() < self.threshold {
            return cx.run_here(self.loss);
        }
        cx.probe(self.fan_out).unwrap_or_else(|| cx.run_here(self.loss))
    }

    fn on_answer(&mut self, _job: &JobView<'_>, answer: Answer<'_>, cx: &mut Context<'_>) -> Step {
        match answer {
            Answer::Probed(loads) => cx.forward_to_least(loads).unwrap_or_else(|| cx.run_here(self.loss)),
            _ => cx.run_here(self.loss),
        }
    }
}

impl Context<'_> {
    /// Probes up to `fan_out` candidates drawn at random; none where there is no candidate.
    pub(super) fn probe(&mut self, fan_out: usize) -> Option<Step> {
        let drawn = self.candidates.sample(fan_out, self.rng);
        (!drawn.is_empty()).then(|| Step::Probe(drawn.iter().map(|peer| peer.id).collect()))
    }

    /// Gives the job to the least loaded of those that answered a probe, any of them where several are; none
    /// where none has fewer jobs than this node.
    pub(super) fn forward_to_least(&mut self, loads: &[(NodeId, Option<Report>)]) -> Option<Step> {
        let open = |(peer, report): &(NodeId, Option<Report>)| {
            report.filter(|report| !report.draining).map(|report| (*peer, report.load.jobs()))
        };
        let least = loads.iter().filter_map(open).map(|(_, jobs)| jobs).min()?;
        if least >= self.load.jobs() {
            return None;
        }
        let best: Vec<NodeId> =
            loads.iter().filter_map(open).filter(|(_, jobs)| *jobs == least).map(|(peer, _)| peer).collect();
        Some(Step::Forward(best[self.rng.random_range(0..best.len())]))
    }
}
