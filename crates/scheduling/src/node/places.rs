//! Who gets a slot, who waits, and who leaves.

use super::{Job, Node, State, Turn};
use crate::{Candidates, JobId, Outcome, Rejection, Time};

impl Node {
    pub(super) fn start(&mut self, id: JobId, mut job: Job, now: Time) {
        job.state = State::Running { since: now };
        self.resources.running += 1;
        *self.resources.types.running_mut(job.task_type) += 1;
        self.jobs.insert(id, job);
    }

    pub(super) fn wait(&mut self, id: JobId, mut job: Job) {
        job.state = State::Waiting;
        self.resources.queue.push(id, job.deadline);
        *self.resources.types.waiting_mut(job.task_type) += 1;
        self.jobs.insert(id, job);
    }

    pub(super) fn leave(&mut self, id: JobId, outcome: Outcome, now: Time) {
        let Some(job) = self.jobs.remove(&id) else {
            return;
        };
        match job.state {
            State::Running { since } => {
                self.resources.running -= 1;
                *self.resources.types.running_mut(job.task_type) -= 1;
                if let Outcome::Answered(_) = outcome {
                    self.resources.observe(&job.function, job.task_type, now - since);
                }
            }
            State::Waiting => {
                self.resources.queue.remove(id, job.deadline);
                *self.resources.types.waiting_mut(job.task_type) -= 1;
            }
            State::Deciding | State::Forwarded(_) => {}
        }
        self.conclude(id, &job, outcome, now);
    }

    /// Tells the policy of a job that it ended.
    pub(super) fn conclude(&mut self, id: JobId, job: &Job, outcome: Outcome, now: Time) {
        if let Some(installed) = self.policies.get_mut(&job.policy) {
            let mut explanation = None;
            let mut context = self.resources.context(now, Candidates::none(), &mut explanation);
            installed.policy.on_finished(&job.view(id), outcome, &mut context);
            installed.jobs -= 1;
        }
        self.retire(job.policy);
    }

    pub(super) fn fill_slots(&mut self, now: Time) -> Vec<Turn> {
        let mut turns = Vec::new();
        while self.resources.has_free_slot() {
            let Some(id) = self.resources.queue.pop() else {
                break;
            };
            let Some(job) = self.jobs.remove(&id) else {
                unreachable!("a job in the queue is among the node's jobs");
            };
            *self.resources.types.waiting_mut(job.task_type) -= 1;
            if let Some(why) = self.lateness(&job, now) {
                self.conclude(id, &job, Outcome::Rejected(why), now);
                turns.push(Turn::Reject(id, why));
            } else {
                self.start(id, job, now);
                turns.push(Turn::Start(id));
            }
        }
        turns
    }

    /// Why it is too late to start the job, if it is.
    fn lateness(&self, job: &Job, now: Time) -> Option<Rejection> {
        let deadline = job.deadline?;
        if deadline <= now {
            return Some(Rejection::DeadlinePassed);
        }
        let takes = self.resources.service_time_of(&job.function)?;
        (self.resources.limits.shed_late && deadline - now < takes).then_some(Rejection::TooLate)
    }
}
