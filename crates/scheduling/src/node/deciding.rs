//! From what a policy wants to what is done.

use protocol::NodeId;
use rand::RngExt;

use super::{Decision, Job, Node, State, Verdict};
use crate::{Answer, Context, HOPS_MAX, JobId, JobView, Outcome, Policy, Rejection, Step, Time};

/// Peers that are offered one job by this node: one, and another where the first does not take it. After
/// that it runs here, or its caller is told.
pub const FORWARDS_MAX: u8 = 2;

/// Questions that a policy may ask about one job. The most patient policy asks four times.
const STEPS_MAX: u8 = 8;

/// Peers that one step may probe.
const PROBES_MAX: usize = 16;

impl Node {
    pub(super) fn decide_first(&mut self, id: JobId, job: Job, now: Time) -> Verdict {
        if let Some(installed) = self.policies.get_mut(&job.policy) {
            installed.jobs += 1;
        }
        self.decide(id, job, now, |policy, view, context| policy.on_arrival(view, context))
    }

    pub(super) fn decide_next(&mut self, id: JobId, mut job: Job, answer: Answer<'_>, now: Time) -> Verdict {
        job.steps += 1;
        if let Answer::Refused(peer) = answer {
            job.excluded.push(peer);
        }
        if job.deadline.is_some_and(|deadline| deadline <= now) {
            let decision = self.reject(id, job, Rejection::DeadlinePassed, now);
            return Verdict { decision, explanation: None };
        }
        self.decide(id, job, now, |policy, view, context| policy.on_answer(view, answer, context))
    }

    fn decide(
        &mut self,
        id: JobId,
        job: Job,
        now: Time,
        ask: impl FnOnce(&mut dyn Policy, &JobView<'_>, &mut Context<'_>) -> Step,
    ) -> Verdict {
        let mut explanation = None;
        let step = match self.policies.get_mut(&job.policy) {
            Some(installed) => {
                let candidates = self.peers.candidates(&job.function, &job.excluded);
                let mut context = self.resources.context(now, candidates, &mut explanation);
                ask(&mut *installed.policy, &job.view(id), &mut context)
            }
            None => Step::Run,
        };
        Verdict { decision: self.carry_out(id, job, step, now), explanation }
    }

    fn carry_out(&mut self, id: JobId, job: Job, step: Step, now: Time) -> Decision {
        let may_ask = job.steps < STEPS_MAX;
        match step {
            Step::Forward(peer) if self.may_forward(&job, peer) => self.forward(id, job, peer),
            Step::Probe(mut peers) if may_ask && !peers.is_empty() => {
                peers.truncate(PROBES_MAX);
                self.park(id, job, Decision::Probe(peers))
            }
            Step::Consult(question) if may_ask => self.park(id, job, Decision::Consult(question)),
            Step::Wait(pause) if may_ask => self.park(id, job, Decision::Pause(pause)),
            Step::Reject(Rejection::Full) if !job.runs_here => self.run_elsewhere(id, job, now),
            Step::Reject(why) => self.reject(id, job, why, now),
            _ if !job.runs_here => self.run_elsewhere(id, job, now),
            _ => self.run_here(id, job, now),
        }
    }

    fn run_here(&mut self, id: JobId, job: Job, now: Time) -> Decision {
        if self.resources.has_free_slot() {
            self.start(id, job, now);
            Decision::Start
        } else if self.resources.has_place_to_wait() {
            self.wait(id, job);
            Decision::Wait
        } else {
            self.reject(id, job, Rejection::Full, now)
        }
    }

    fn park(&mut self, id: JobId, mut job: Job, decision: Decision) -> Decision {
        job.state = State::Deciding;
        self.jobs.insert(id, job);
        decision
    }

    /// A function that only peers have runs there, whatever the policy: on the better of two by what is
    /// known of their load.
    fn run_elsewhere(&mut self, id: JobId, job: Job, now: Time) -> Decision {
        let candidates = self.peers.candidates(&job.function, &job.excluded);
        let rng = &mut self.resources.rng;
        let pair = candidates.sample(2, rng);
        let better = pair.iter().min_by_key(|peer| (peer.jobs(), rng.random::<u32>()));
        match better.map(|peer| peer.id) {
            Some(peer) if self.may_forward(&job, peer) => self.forward(id, job, peer),
            _ if job.forwards > 0 || self.peers.know(&job.function) => {
                self.reject(id, job, Rejection::NobodyTakesIt, now)
            }
            _ => self.reject(id, job, Rejection::NoNode, now),
        }
    }

    fn may_forward(&self, job: &Job, peer: NodeId) -> bool {
        job.forwards < FORWARDS_MAX
            && job.hops < HOPS_MAX
            && self.peers.candidates(&job.function, &job.excluded).get(peer).is_some()
    }

    fn forward(&mut self, id: JobId, mut job: Job, peer: NodeId) -> Decision {
        self.peers.count_sent(peer);
        job.forwards += 1;
        job.state = State::Forwarded(peer);
        self.jobs.insert(id, job);
        Decision::Forward(peer)
    }

    fn reject(&mut self, id: JobId, job: Job, why: Rejection, now: Time) -> Decision {
        self.conclude(id, &job, Outcome::Rejected(why), now);
        Decision::Reject(why)
    }
}
