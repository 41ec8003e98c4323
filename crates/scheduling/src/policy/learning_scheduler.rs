mod features;
mod options;

use std::collections::BTreeMap;

use protocol::{NodeId, PolicySpec};

use self::features::{Place, Task, features};
use self::options::{Mode, Options};
use super::{Answer, Context, Entry, Policy, Question, Step};
use crate::{Explanation, JobId, JobView, Outcome, Report, Sample};

/// The numbers of actions, as the original P2PFaaS has them: 3 is the first peer.
const REJECT: u32 = 0;
const RUN_HERE: u32 = 1;
const FIRST_PEER: u32 = 3;

/// Peers that are offered to the learner by what is known of them, beside those that are probed. What a node
/// said last is old, but of many old loads the best is often better than the best of two new ones, above all
/// where nodes are unequal; and so many are still a short message.
const KNOWN_PEERS: usize = 8;

/// Asks the learner. A few peers are probed, and the learner chooses among this node, them and some others by
/// their features; how each job ended is told to it. Where it does not answer in time, the fallback decides. In
/// shadow mode the fallback always decides, and what the learner would have done is only counted.
pub struct LearningScheduler {
    options: Options,
    fallback: Box<dyn Policy>,
    pending: BTreeMap<JobId, Pending>,
    decisions: u64,
}

/// A job from the first question until its end.
struct Pending {
    eid: u64,
    state: Vec<f64>,
    offered: Vec<Offered>,
    stage: Stage,
    advice: Option<(u32, f64)>,
    taken: Option<Offered>,
    fallback: Option<&'static str>,
}

/// An action that the learner may choose.
#[derive(Debug, Clone, PartialEq)]
struct Offered {
    action: u32,
    to: Option<NodeId>,
    features: Vec<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Probing,
    Consulting,
    /// The learner's choice is carried out.
    Chosen,
    /// The fallback decides, and is told the answers to what it asks.
    FallenBack,
}

pub(super) const ENTRY: Entry = Entry {
    name: "LearningScheduler",
    parameters: &["task types", "deadlines ms", "reward", "fallback", "mode", "probes"],
    optional: 5,
    example: &["2", "100,500", "deadline", "PowerOfNScheduler(2, 1, false, 1)", "act", "2"],
    build: |texts| Ok(Box::new(LearningScheduler::new(Options::read(texts)?)?)),
};

impl LearningScheduler {
    fn new(options: Options) -> Result<Self, String> {
        let fallback = super::build(&options.fallback).map_err(|error| error.to_string())?;
        Ok(Self { options, fallback, pending: BTreeMap::new(), decisions: 0 })
    }

    /// What the original tells its learner: the task's type, then running and waiting jobs by type.
    fn state(&self, job: &JobView<'_>, cx: &Context<'_>) -> Vec<f64> {
        let types = self.options.task_types;
        let known = |count: fn(&crate::TypeLoad, crate::TaskType) -> usize| {
            (0..types).filter_map(crate::TaskType::new).map(move |kind| count(cx.types, kind) as f64)
        };
        let own = job.task_type.index().min(types - 1) as f64;
        std::iter::once(own)
            .chain(known(crate::TypeLoad::running))
            .chain(known(crate::TypeLoad::waiting))
            .collect()
    }

    fn place_here(&self, job: &JobView<'_>, cx: &Context<'_>) -> Offered {
        let place =
            Place { load: cx.load, jobs: cx.load.jobs(), service_time: cx.service_time, network: None };
        Offered { action: RUN_HERE, to: None, features: self.features(job, &place, cx) }
    }

    fn features(&self, job: &JobView<'_>, place: &Place, cx: &Context<'_>) -> Vec<f64> {
        let length = match (cx.types.service_time(job.task_type), cx.service_time) {
            (Some(of_type), Some(of_all)) if !of_all.is_zero() => of_type.div_duration_f64(of_all),
            _ => 1.0,
        };
        let task = Task { kind: self.options.kind(job), length, deadline: self.options.deadline(job) };
        features(place, cx.service_time, task)
    }

    /// This node, where it can run the job, and these peers.
    fn offer(
        &self,
        job: &JobView<'_>,
        peers: impl Iterator<Item = (NodeId, Place)>,
        cx: &Context<'_>,
    ) -> Vec<Offered> {
        let here = job.runs_here.then(|| self.place_here(job, cx));
        let there = (FIRST_PEER..).zip(peers).map(|(action, (peer, place))| Offered {
            action,
            to: Some(peer),
            features: self.features(job, &place, cx),
        });
        here.into_iter().chain(there).collect()
    }

    /// Some peers by what is known of them, without those that have just been asked.
    fn known_places(asked: &[(NodeId, Option<Report>)], cx: &mut Context<'_>) -> Vec<(NodeId, Place)> {
        let drawn = cx.candidates.sample(KNOWN_PEERS, cx.rng).into_iter();
        let others = drawn.filter(|peer| asked.iter().all(|(id, _)| *id != peer.id));
        others.map(|peer| (peer.id, Place::known(peer))).collect()
    }

    fn consult(&mut self, job: &JobView<'_>, offered: Vec<Offered>, cx: &mut Context<'_>) -> Step {
        let Some(pending) = self.pending.get_mut(&job.id) else {
            return Step::Run;
        };
        pending.offered = offered;
        if pending.offered.is_empty() {
            return self.fall_back(job, "nobody to choose from", cx);
        }
        pending.stage = Stage::Consulting;
        let candidates = pending.offered.iter().map(|offered| (offered.action, offered.features.clone()));
        Step::Consult(Box::new(Question { state: pending.state.clone(), candidates: candidates.collect() }))
    }

    fn advised(&mut self, job: &JobView<'_>, advice: Option<(u32, f64)>, cx: &mut Context<'_>) -> Step {
        let Some(pending) = self.pending.get_mut(&job.id) else {
            return Step::Run;
        };
        pending.advice = advice;
        let Some((action, _)) = advice else {
            return self.fall_back(job, "the learner did not answer in time", cx);
        };
        if self.options.mode == Mode::Shadow {
            return self.fall_back(job, "shadow", cx);
        }
        let Some(chosen) = pending.offered.iter().find(|offered| offered.action == action).cloned() else {
            return self.fall_back(job, "the learner chose what was not offered", cx);
        };
        pending.stage = Stage::Chosen;
        let step = chosen.to.map_or(Step::Run, Step::Forward);
        pending.taken = Some(chosen);
        *cx.explanation = Some(pending.explain());
        step
    }

    fn fall_back(&mut self, job: &JobView<'_>, why: &'static str, cx: &mut Context<'_>) -> Step {
        if let Some(pending) = self.pending.get_mut(&job.id) {
            pending.stage = Stage::FallenBack;
            pending.fallback = Some(why);
        }
        let step = self.fallback.on_arrival(job, cx);
        self.note(job, &step, cx);
        step
    }

    /// Notes what the fallback does, which is learned from like a choice of the learner.
    fn note(&mut self, job: &JobView<'_>, step: &Step, cx: &mut Context<'_>) {
        let to = match step {
            Step::Run => None,
            Step::Forward(peer) => Some(*peer),
            Step::Reject(_) => {
                self.take(job, Offered { action: REJECT, to: None, features: Vec::new() }, cx);
                return;
            }
            Step::Probe(_) | Step::Consult(_) | Step::Wait(_) => return,
        };
        let offered = self.pending.get(&job.id).map_or(&[][..], |pending| &pending.offered);
        let known = offered.iter().find(|offered| offered.to == to && offered.action != REJECT);
        let taken = match (known, to.and_then(|peer| cx.candidates.get(peer))) {
            (Some(known), _) => known.clone(),
            (None, Some(peer)) => {
                let others = offered.iter().map(|offered| offered.action + 1).max().unwrap_or_default();
                let features = self.features(job, &Place::known(peer), cx);
                Offered { action: others.max(FIRST_PEER), to, features }
            }
            (None, None) => self.place_here(job, cx),
        };
        self.take(job, taken, cx);
    }

    fn take(&mut self, job: &JobView<'_>, taken: Offered, cx: &mut Context<'_>) {
        if let Some(pending) = self.pending.get_mut(&job.id) {
            pending.taken = Some(taken);
            *cx.explanation = Some(pending.explain());
        }
    }
}

impl Policy for LearningScheduler {
    fn spec(&self) -> PolicySpec {
        ENTRY.spec(self.options.texts.iter().cloned())
    }

    fn on_arrival(&mut self, job: &JobView<'_>, cx: &mut Context<'_>) -> Step {
        if job.hops > 0 {
            return Step::Run;
        }
        let pending = Pending {
            eid: self.decisions,
            state: self.state(job, cx),
            offered: Vec::new(),
            stage: Stage::Probing,
            advice: None,
            taken: None,
            fallback: None,
        };
        self.decisions += 1;
        self.pending.insert(job.id, pending);
        let probe = if self.options.probes > 0 { cx.probe(self.options.probes) } else { None };
        if let Some(probe) = probe {
            return probe;
        }
        let places = Self::known_places(&[], cx);
        let offered = self.offer(job, places.into_iter(), cx);
        self.consult(job, offered, cx)
    }

    fn on_answer(&mut self, job: &JobView<'_>, answer: Answer<'_>, cx: &mut Context<'_>) -> Step {
        let Some(stage) = self.pending.get(&job.id).map(|pending| pending.stage) else {
            return Step::Run;
        };
        match (stage, answer) {
            (Stage::Probing, Answer::Probed(loads)) => {
                let others = Self::known_places(loads, cx);
                let open = loads.iter().filter_map(|(peer, report)| {
                    let report = report.filter(|report| !report.draining)?;
                    let network = cx.candidates.get(*peer).and_then(|peer| peer.rtt);
                    Some((*peer, Place::reported(&report, network)))
                });
                let offered = self.offer(job, open.chain(others), cx);
                self.consult(job, offered, cx)
            }
            (Stage::Consulting, Answer::Advised(advice)) => self.advised(job, advice, cx),
            (Stage::FallenBack, answer) => {
                let step = self.fallback.on_answer(job, answer, cx);
                self.note(job, &step, cx);
                step
            }
            // The chosen peer did not take it: the learner hears what came of its choice all the same.
            _ => Step::Run,
        }
    }

    fn on_finished(&mut self, job: &JobView<'_>, outcome: Outcome, cx: &mut Context<'_>) {
        let Some(pending) = self.pending.remove(&job.id) else {
            return;
        };
        if pending.stage == Stage::FallenBack {
            self.fallback.on_finished(job, outcome, cx);
        }
        let reward = self.options.reward(job, outcome, cx.now);
        if let (Some(taken), Some(reward)) = (pending.taken, reward) {
            cx.outbox.teach(Sample {
                eid: pending.eid,
                state: pending.state,
                action: taken.action,
                reward,
                features: (!taken.features.is_empty()).then_some(taken.features),
            });
        }
    }

    fn on_report(&mut self, peer: NodeId, report: &Report, cx: &mut Context<'_>) {
        self.fallback.on_report(peer, report, cx);
    }
}

impl Pending {
    fn explain(&self) -> Explanation {
        Explanation {
            state: self.state.clone(),
            action: self.taken.as_ref().map_or(REJECT, |taken| taken.action),
            advised: self.advice.map(|(action, _)| action),
            epsilon: self.advice.map_or(0.0, |(_, epsilon)| epsilon),
            eid: self.eid,
            fallback: self.fallback,
        }
    }
}

#[cfg(test)]
#[path = "learning_scheduler/tests.rs"]
mod tests;
