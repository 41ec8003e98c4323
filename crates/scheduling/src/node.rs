use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::Load;

use crate::policy::{NoScheduler, RejectScheduler};
use crate::queue::Queue;
use crate::{
    Context, JobId, JobRequest, JobView, Outcome, Policy, PolicyChoice, Rejection, Step, TaskType, Time,
    TypeLoad,
};

/// How much a node may do at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Jobs that may run at once; at least one, or nothing would ever run.
    pub slots: usize,
    /// Jobs that may wait; 0 switches the queue off.
    pub queue_length_max: usize,
}

/// What became of an arrival.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The job's id, also where it was rejected.
    pub id: JobId,
    /// The policy that decided, as `Name(parameter, parameter)`.
    pub policy: Arc<str>,
    /// What it decided.
    pub admission: Admission,
}

/// What shall happen with a job that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It has a slot: run it, and tell [`Node::finish`] how it ended.
    Start,
    /// It waits: a later [`Turn`] names it, unless [`Node::finish`] takes it out before.
    Wait,
    /// It is not run, and the node has forgotten it.
    Reject(Rejection),
}

/// News of a job that waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It has a slot now: run it, and tell [`Node::finish`] how it ended.
    Start(JobId),
    /// Its deadline passed while it waited; the node has forgotten it.
    Expired(JobId),
}

/// The jobs of one node, and the policies that decide about them.
pub struct Node {
    limits: Limits,
    draining: bool,
    running: usize,
    queue: Queue,
    types: TypeLoad,
    jobs: BTreeMap<JobId, Job>,
    jobs_seen: u64,
    policies: BTreeMap<PolicyId, Installed>,
    configured: PolicyId,
}

struct Job {
    state: State,
    task_type: TaskType,
    deadline: Option<Time>,
    policy: PolicyId,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Waiting,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PolicyId(u64);

const BYPASS: PolicyId = PolicyId(0);
const REJECT: PolicyId = PolicyId(1);
const FIRST_CONFIGURED: PolicyId = PolicyId(2);

/// A policy stays installed until the last job that it let in has ended, also when another has replaced it.
struct Installed {
    policy: Box<dyn Policy>,
    label: Arc<str>,
    jobs: usize,
}

impl Node {
    /// An idle node.
    pub fn new(limits: Limits, policy: Box<dyn Policy>) -> Self {
        let policies = BTreeMap::from([
            (BYPASS, Installed::new(Box::new(NoScheduler { loss: false }))),
            (REJECT, Installed::new(Box::new(RejectScheduler))),
            (FIRST_CONFIGURED, Installed::new(policy)),
        ]);
        Self {
            limits,
            draining: false,
            running: 0,
            queue: Queue::default(),
            types: TypeLoad::default(),
            jobs: BTreeMap::new(),
            jobs_seen: 0,
            policies,
            configured: FIRST_CONFIGURED,
        }
    }

    /// A job arrives.
    pub fn arrive(&mut self, request: &JobRequest, now: Time) -> Arrival {
        let id = JobId(self.jobs_seen);
        self.jobs_seen += 1;
        let policy_id = match request.policy {
            PolicyChoice::Configured => self.configured,
            PolicyChoice::Bypass => BYPASS,
            PolicyChoice::Reject => REJECT,
        };
        let mut context = Context { now, load: self.load() };
        let Some(installed) = self.policies.get_mut(&policy_id) else {
            unreachable!("the configured policy and those of the headers are always installed");
        };
        let policy = Arc::clone(&installed.label);
        let rejected = |why| Arrival { id, policy: Arc::clone(&policy), admission: Admission::Reject(why) };

        if self.draining {
            return rejected(Rejection::Draining);
        }
        if request.deadline.is_some_and(|deadline| deadline <= now) {
            return rejected(Rejection::DeadlinePassed);
        }
        let view = JobView {
            id,
            function: &request.function,
            task_type: request.task_type,
            arrived: now,
            deadline: request.deadline,
        };
        if let Step::Reject(why) = installed.policy.on_arrival(&view, &mut context) {
            return rejected(why);
        }
        let state = match context.load {
            load if load.running < load.slots => State::Running,
            load if load.waiting < load.queue_length_max => State::Waiting,
            _ => return rejected(Rejection::Full),
        };
        installed.jobs += 1;
        let job = Job { state, task_type: request.task_type, deadline: request.deadline, policy: policy_id };
        let admission = self.enter(id, job);
        Arrival { id, policy, admission }
    }

    /// A job ended, or gave up waiting. Frees its place and names those whose turn it is now. A job that
    /// the node does not know, because it ended before, changes nothing.
    pub fn finish(&mut self, id: JobId, outcome: Outcome, now: Time) -> Vec<Turn> {
        self.leave(id, outcome, now);
        self.fill_slots(now)
    }

    /// Puts new limits in force. Jobs that run or wait keep their places, also where there are now too
    /// many; free slots go to those who wait.
    pub fn set_limits(&mut self, limits: Limits, now: Time) -> Vec<Turn> {
        self.limits = limits;
        self.fill_slots(now)
    }

    /// Lets another policy decide from now on. Jobs that the old one let in end under it.
    pub fn install(&mut self, policy: Box<dyn Policy>) {
        let previous = self.configured;
        self.configured = PolicyId(previous.0 + 1);
        self.policies.insert(self.configured, Installed::new(policy));
        self.retire(previous);
    }

    /// Takes no new jobs from now on; those accepted run and wait on.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// How busy the node is.
    pub fn load(&self) -> Load {
        Load {
            running: self.running,
            waiting: self.queue.len(),
            slots: self.limits.slots,
            queue_length_max: self.limits.queue_length_max,
        }
    }

    /// How busy the node is, by task type.
    pub fn type_load(&self) -> &TypeLoad {
        &self.types
    }

    /// Whether no job runs or waits.
    pub fn is_idle(&self) -> bool {
        self.jobs.is_empty()
    }

    fn enter(&mut self, id: JobId, job: Job) -> Admission {
        let (admission, task_type) = (job.state, job.task_type);
        let deadline = job.deadline;
        self.jobs.insert(id, job);
        match admission {
            State::Running => {
                self.running += 1;
                *self.types.running_mut(task_type) += 1;
                Admission::Start
            }
            State::Waiting => {
                self.queue.push(id, deadline);
                *self.types.waiting_mut(task_type) += 1;
                Admission::Wait
            }
        }
    }

    fn leave(&mut self, id: JobId, outcome: Outcome, now: Time) {
        let Some(job) = self.jobs.remove(&id) else {
            return;
        };
        match job.state {
            State::Running => {
                self.running -= 1;
                *self.types.running_mut(job.task_type) -= 1;
            }
            State::Waiting => {
                self.queue.remove(id, job.deadline);
                *self.types.waiting_mut(job.task_type) -= 1;
            }
        }
        let mut context = Context { now, load: self.load() };
        if let Some(installed) = self.policies.get_mut(&job.policy) {
            installed.policy.on_finished(id, outcome, &mut context);
            installed.jobs -= 1;
        }
        self.retire(job.policy);
    }

    fn fill_slots(&mut self, now: Time) -> Vec<Turn> {
        let mut turns = Vec::new();
        while self.running < self.limits.slots {
            let Some(id) = self.queue.pop() else {
                break;
            };
            let Some(job) = self.jobs.get_mut(&id) else {
                unreachable!("a job in the queue is among the node's jobs");
            };
            if job.deadline.is_some_and(|deadline| deadline <= now) {
                self.leave(id, Outcome::DeadlinePassed, now);
                turns.push(Turn::Expired(id));
                continue;
            }
            job.state = State::Running;
            *self.types.waiting_mut(job.task_type) -= 1;
            *self.types.running_mut(job.task_type) += 1;
            self.running += 1;
            turns.push(Turn::Start(id));
        }
        turns
    }

    /// Forgets a policy that decides no more and whose jobs have all ended.
    fn retire(&mut self, id: PolicyId) {
        let replaced = id >= FIRST_CONFIGURED && id != self.configured;
        if replaced && self.policies.get(&id).is_some_and(|installed| installed.jobs == 0) {
            self.policies.remove(&id);
        }
    }
}

impl Installed {
    fn new(policy: Box<dyn Policy>) -> Self {
        let label = policy.spec().to_string().into();
        Self { policy, label, jobs: 0 }
    }
}

#[cfg(test)]
#[path = "node_tests.rs"]
mod tests;
