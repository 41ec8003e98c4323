use protocol::{NodeId, PolicySpec};

use super::expected_delay::ExpectedDelay;
use super::ranking::{ASKING, Alternatives, Asking, Ranking, is_full};
use super::{Answer, Context, Entry, Policy, Step};
use crate::{JobView, Outcome, Report};

/// SED-d: probes d peers drawn at random and gives the job to the one, this node among them, that is expected
/// to have done it soonest by its load, its slots, how long jobs take there, and the round trip to it. Speed
/// counts as much as load, which makes it the baseline on unequal nodes.
#[derive(Debug)]
pub struct ShortestExpectedDelayScheduler {
    /// How peers are asked.
    pub asking: Asking,
    others: Alternatives,
}

pub(super) const ENTRY: Entry = Entry {
    name: "ShortestExpectedDelayScheduler",
    parameters: ASKING,
    optional: ASKING.len(),
    example: &["2", "false", "1"],
    build: |texts| Ok(Box::new(ShortestExpectedDelayScheduler::new(Asking::of(2).read(texts)?))),
};

impl ShortestExpectedDelayScheduler {
    /// Asks in this way.
    pub fn new(asking: Asking) -> Self {
        Self { asking, others: Alternatives::default() }
    }

    fn seconds_here(&self, job: &JobView<'_>, delay: ExpectedDelay, cx: &Context<'_>) -> f64 {
        if cx.is_closed(job, self.asking.loss) {
            return f64::INFINITY;
        }
        delay.seconds(&cx.load, cx.load.jobs(), cx.service_time, None)
    }

    fn forward_to_soonest(
        &mut self,
        job: &JobView<'_>,
        loads: &[(NodeId, Option<Report>)],
        cx: &mut Context<'_>,
    ) -> Option<Step> {
        let times = loads.iter().map(|(_, report)| report.and_then(|report| report.service_time));
        let delay = ExpectedDelay::among(times.chain([cx.service_time]));
        let mut ranking = Ranking::default();
        for (peer, report) in loads {
            if let Some(report) = report
                && !report.draining
                && !is_full(&report.load, self.asking.loss)
            {
                let network = cx.candidates.get(*peer).and_then(|peer| peer.rtt);
                let seconds = delay.seconds(&report.load, report.load.jobs(), report.service_time, network);
                ranking.add(*peer, seconds, cx.rng);
            }
        }
        self.others.offer(job.id, ranking, self.seconds_here(job, delay, cx))
    }
}

impl Policy for ShortestExpectedDelayScheduler {
    fn spec(&self) -> PolicySpec {
        ENTRY.spec(self.asking.texts())
    }

    fn on_arrival(&mut self, job: &JobView<'_>, cx: &mut Context<'_>) -> Step {
        let asks = job.hops < self.asking.hops_max;
        let probe = asks.then(|| cx.probe(self.asking.fan_out)).flatten();
        probe.unwrap_or_else(|| cx.run_here(self.asking.loss))
    }

    fn on_answer(&mut self, job: &JobView<'_>, answer: Answer<'_>, cx: &mut Context<'_>) -> Step {
        let forward = match answer {
            Answer::Probed(loads) => self.forward_to_soonest(job, loads, cx),
            _ => {
                let here = self.seconds_here(job, ExpectedDelay::among([cx.service_time]), cx);
                self.others.next(job.id, here, cx)
            }
        };
        forward.unwrap_or_else(|| cx.run_here(self.asking.loss))
    }

    fn on_finished(&mut self, job: &JobView<'_>, _outcome: Outcome, _cx: &mut Context<'_>) {
        self.others.forget(job.id);
    }
}
