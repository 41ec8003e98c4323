mod pool;

use protocol::{NodeId, PolicySpec};
use rand::RngExt;

use self::pool::{POOL_MAX, Pool};
use super::expected_delay::ExpectedDelay;
use super::ranking::{ASKING, Asking, is_full};
use super::{Answer, Context, Entry, Policy, Step};
use crate::{JobView, Report};

/// Prequal (Wydrowski and others, NSDI 2024): probes peers off the jobs' path, a few for each job, and keeps the
/// latest results in a pool. A node is hot where its jobs are above a quantile of all that are compared; the job
/// goes to the cold one that would have done it soonest, or, were all of them hot, to that with the fewest jobs.
/// This node is compared like the others.
///
/// A result counts the jobs sent on the strength of it, and with each job one result is given up, the oldest
/// and the worst by turns: loads that are stale make everybody run to the same node.
#[derive(Debug)]
pub struct PrequalScheduler {
    /// How peers are asked; the fan-out is the number of probes for each job.
    pub asking: Asking,
    pool: Pool,
}

/// The part of the compared nodes that are not hot, as the paper has it.
const COLD_QUANTILE: f64 = 0.84;

/// Jobs sent on the strength of one result at most, however many peers there are.
const USES_MAX: u32 = 8;

pub(super) const ENTRY: Entry = Entry {
    name: "PrequalScheduler",
    parameters: ASKING,
    optional: ASKING.len(),
    example: &["3", "false", "1"],
    build: |texts| Ok(Box::new(PrequalScheduler::new(Asking::of(3).read(texts)?))),
};

/// A node that may take the job: a peer, or this node itself.
#[derive(Debug, Clone, Copy)]
struct Choice {
    peer: Option<NodeId>,
    jobs: usize,
    seconds: f64,
}

impl PrequalScheduler {
    /// Asks in this way.
    pub fn new(asking: Asking) -> Self {
        Self { asking, pool: Pool::default() }
    }

    /// Chooses among what is in the pool, and fills it up.
    fn choose(&mut self, job: &JobView<'_>, cx: &mut Context<'_>) -> Step {
        self.pool.expire(cx.now);
        let choices = self.choices(job, cx);
        let best = best(&choices, cx);
        if let Some(peer) = best.and_then(|choice| choice.peer) {
            let uses_max = self.uses_max(cx);
            self.pool.use_up(peer, uses_max);
        }
        let hot_above = hot_above(&choices);
        self.pool.give_one_up(|peer| {
            let choice = choices.iter().find(|choice| choice.peer == Some(peer));
            choice.map_or((true, f64::INFINITY), |choice| {
                let is_hot = choice.jobs > hot_above;
                (is_hot, if is_hot { choice.jobs as f64 } else { choice.seconds })
            })
        });
        for peer in cx.candidates.sample(self.asking.fan_out, cx.rng) {
            cx.outbox.probe(peer.id);
        }
        match best {
            Some(Choice { peer: Some(peer), .. }) => Step::Forward(peer),
            Some(Choice { peer: None, .. }) => cx.run_here(self.asking.loss),
            None => cx.forward_at_random().unwrap_or_else(|| cx.run_here(self.asking.loss)),
        }
    }

    /// Those in the pool that can take the job, and this node if it can.
    fn choices(&self, job: &JobView<'_>, cx: &Context<'_>) -> Vec<Choice> {
        let times = self.pool.results().map(|result| result.report.service_time);
        let delay = ExpectedDelay::among(times.chain([cx.service_time]));
        let mut choices = Vec::with_capacity(POOL_MAX + 1);
        if !cx.is_closed(job, self.asking.loss) {
            let jobs = cx.load.jobs();
            let seconds = delay.seconds(&cx.load, jobs, cx.service_time, None);
            choices.push(Choice { peer: None, jobs, seconds });
        }
        for result in self.pool.results() {
            if is_full(&result.report.load, self.asking.loss) {
                continue;
            }
            if let Some(peer) = cx.candidates.get(result.peer) {
                let (jobs, report) = (result.jobs(), result.report);
                let seconds = delay.seconds(&report.load, jobs, report.service_time, peer.rtt);
                choices.push(Choice { peer: Some(result.peer), jobs, seconds });
            }
        }
        choices
    }

    /// Jobs that may be sent on the strength of one result: so many that the pool does not run dry, by the
    /// paper's formula, whose remainder is left to chance. Each of a few peers is probed so often that one is
    /// enough.
    fn uses_max(&self, cx: &mut Context<'_>) -> u32 {
        let peers = cx.candidates.count_max();
        if peers <= POOL_MAX {
            return 1;
        }
        let kept = (1.0 - POOL_MAX as f64 / peers as f64) * self.asking.fan_out as f64 - 1.0;
        let uses = if kept > 0.0 { 2.0 / kept } else { f64::from(USES_MAX) };
        let uses = uses.clamp(1.0, f64::from(USES_MAX));
        let chance = cx.rng.random_bool(uses.fract());
        uses.trunc() as u32 + u32::from(chance)
    }
}

/// The number of jobs above which a node is hot.
fn hot_above(choices: &[Choice]) -> usize {
    let mut jobs: Vec<usize> = choices.iter().map(|choice| choice.jobs).collect();
    jobs.sort_unstable();
    let rank = (COLD_QUANTILE * jobs.len() as f64).ceil() as usize;
    jobs.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

/// The cold one that is soonest done; ties at random. The quantile leaves at least one cold.
fn best(choices: &[Choice], cx: &mut Context<'_>) -> Option<Choice> {
    let hot_above = hot_above(choices);
    let cold = choices.iter().filter(|choice| choice.jobs <= hot_above);
    let drawn = cold.map(|choice| (choice, cx.rng.random::<u32>()));
    drawn.min_by(|(a, x), (b, y)| a.seconds.total_cmp(&b.seconds).then(x.cmp(y))).map(|(choice, _)| *choice)
}

impl Policy for PrequalScheduler {
    fn spec(&self) -> PolicySpec {
        ENTRY.spec(self.asking.texts())
    }

    fn on_arrival(&mut self, job: &JobView<'_>, cx: &mut Context<'_>) -> Step {
        if job.hops >= self.asking.hops_max {
            return cx.run_here(self.asking.loss);
        }
        self.choose(job, cx)
    }

    fn on_answer(&mut self, job: &JobView<'_>, _answer: Answer<'_>, cx: &mut Context<'_>) -> Step {
        self.choose(job, cx)
    }

    fn on_report(&mut self, peer: NodeId, report: &Report, cx: &mut Context<'_>) {
        self.pool.add(peer, *report, cx.now);
    }
}
