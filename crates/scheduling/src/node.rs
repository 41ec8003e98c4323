mod deciding;
mod installed;
mod places;
mod resources;

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::{FunctionName, Load, NodeId};

use self::installed::{Installed, PolicyId};
use self::resources::Resources;
use crate::{
    Answer, Explanation, JobId, JobRequest, JobView, Outbox, Outcome, Peers, Policy, Rejection, Report,
    Sighting, TaskType, Time, TypeLoad,
};

pub use self::deciding::FORWARDS_MAX;

/// How much a node may do at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Jobs that may run at once; at least one, or nothing would ever run.
    pub slots: usize,
    /// Jobs that may wait; 0 switches the queue off.
    pub queue_length_max: usize,
    /// Whether a job whose turn comes is dropped where the time left is less than its function takes.
    pub shed_late: bool,
}

/// What a node begins with.
pub struct Setup {
    /// How much it may do at once.
    pub limits: Limits,
    /// What decides.
    pub policy: Box<dyn Policy>,
    /// Seeds its generator: the same seed and the same events give the same decisions.
    pub seed: u64,
}

/// What became of an arrival.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The job's id, also where it was rejected.
    pub id: JobId,
    /// The policy that decides, as `Name(parameter, parameter)`.
    pub policy: Arc<str>,
    /// What it decided.
    pub verdict: Verdict,
}

/// What shall happen with a job, and how that came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// What shall happen.
    pub decision: Decision,
    /// How a learning policy came to it.
    pub explanation: Option<Explanation>,
}

/// What shall happen with a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// It has a slot: run it, and tell [`Node::finish`] how it ended.
    Start,
    /// It waits: a later [`Turn`] names it, unless [`Node::finish`] takes it out before.
    Wait,
    /// Give it to this peer. Tell [`Node::answer`] if that does not take it, else [`Node::finish`] how it
    /// ended.
    Forward(NodeId),
    /// Ask these peers for their load, and tell [`Node::answer`]; one that failed with no report.
    Probe(Vec<NodeId>),
    /// Ask the learner, and tell [`Node::answer`].
    Consult(Box<crate::Question>),
    /// Tell [`Node::answer`] after this time.
    Pause(std::time::Duration),
    /// It is not run, and the node has forgotten it.
    Reject(Rejection),
}

/// News of a job that waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It has a slot now: run it, and tell [`Node::finish`] how it ended.
    Start(JobId),
    /// It is not run, and the node has forgotten it.
    Reject(JobId, Rejection),
}

/// The jobs of one node, what it knows of its peers, and the policies that decide.
pub struct Node {
    resources: Resources,
    draining: bool,
    jobs: BTreeMap<JobId, Job>,
    jobs_seen: u64,
    policies: BTreeMap<PolicyId, Installed>,
    configured: PolicyId,
    peers: Peers,
    reports: u64,
}

/// A job from its arrival to its end.
struct Job {
    state: State,
    function: FunctionName,
    runs_here: bool,
    task_type: TaskType,
    arrived: Time,
    deadline: Option<Time>,
    hops: u8,
    /// Nodes that it came through, and peers that did not take it.
    excluded: Vec<NodeId>,
    policy: PolicyId,
    steps: u8,
    forwards: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The policy has asked something.
    Deciding,
    Waiting,
    Running {
        since: Time,
    },
    Forwarded(NodeId),
}

impl Node {
    /// An idle node that knows no peer.
    pub fn new(setup: Setup) -> Self {
        let (policies, configured) = installed::start_with(setup.policy);
        Self {
            resources: Resources::new(setup.limits, setup.seed),
            draining: false,
            jobs: BTreeMap::new(),
            jobs_seen: 0,
            policies,
            configured,
            peers: Peers::default(),
            reports: 0,
        }
    }

    /// A job arrives.
    pub fn arrive(&mut self, request: JobRequest, now: Time) -> Arrival {
        let id = JobId(self.jobs_seen);
        self.jobs_seen += 1;
        let policy = self.choose(request.policy);
        let label = self.label(policy);
        let verdict = self.refusal(&request, now).map_or_else(
            || self.decide_first(id, Job::new(request, policy, now), now),
            |why| Verdict { decision: Decision::Reject(why), explanation: None },
        );
        Arrival { id, policy: label, verdict }
    }

    /// The answer to what the last decision about a job asked, or that a peer did not take it. None where
    /// the node does not know the job, because it ended before, or did not ask.
    pub fn answer(&mut self, id: JobId, answer: Answer<'_>, now: Time) -> Option<Verdict> {
        let job = self.jobs.get(&id)?;
        let expected = match (&answer, job.state) {
            (Answer::Refused(peer), State::Forwarded(to)) => *peer == to,
            (Answer::Refused(_), _) => false,
            (_, state) => state == State::Deciding,
        };
        if !expected {
            return None;
        }
        if let Answer::Probed(loads) = &answer {
            for (peer, report) in *loads {
                match report {
                    Some(report) => self.peer_reported(*peer, *report, now),
                    None => self.peer_failed(*peer),
                }
            }
        }
        let job = self.jobs.remove(&id)?;
        Some(self.decide_next(id, job, answer, now))
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
        self.resources.limits = limits;
        self.fill_slots(now)
    }

    /// The peers that discovery calls usable, all of them.
    pub fn set_peers(&mut self, sightings: Vec<Sighting>, now: Time) {
        self.peers.replace(sightings, now);
    }

    /// A peer itself says how busy it is: along with an answer, or when it was probed.
    pub fn peer_reported(&mut self, peer: NodeId, report: Report, now: Time) {
        self.peers.report(peer, report, now);
        self.tell_report(peer, &report, now);
    }

    /// A peer could not be reached, or broke off: it gets no jobs until it reports again.
    pub fn peer_failed(&mut self, peer: NodeId) {
        self.peers.fail(peer);
    }

    /// Takes no new jobs from now on; those accepted run and wait on.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// How busy the node is.
    pub fn load(&self) -> Load {
        self.resources.load()
    }

    /// What the node says of itself to a peer; later reports have a larger epoch.
    pub fn report(&mut self) -> Report {
        self.reports += 1;
        Report {
            load: self.load(),
            service_time: self.resources.service_time(),
            draining: self.draining,
            epoch: self.reports,
        }
    }

    /// How busy the node is, by task type.
    pub fn type_load(&self) -> &TypeLoad {
        &self.resources.types
    }

    /// What is known of the peers.
    pub fn peers(&self) -> &Peers {
        &self.peers
    }

    /// What policies want done besides: to be carried out after each call to the node.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.resources.outbox
    }

    /// Whether no job is decided about, waits, runs or is with a peer.
    pub fn is_idle(&self) -> bool {
        self.jobs.is_empty()
    }

    fn refusal(&self, request: &JobRequest, now: Time) -> Option<Rejection> {
        if self.draining {
            return Some(Rejection::Draining);
        }
        request.deadline.is_some_and(|deadline| deadline <= now).then_some(Rejection::DeadlinePassed)
    }
}

impl Job {
    fn new(request: JobRequest, policy: PolicyId, now: Time) -> Self {
        Self {
            state: State::Deciding,
            function: request.function,
            runs_here: request.runs_here,
            task_type: request.task_type,
            arrived: now,
            deadline: request.deadline,
            hops: request.hops,
            excluded: request.visited,
            policy,
            steps: 0,
            forwards: 0,
        }
    }

    fn view(&self, id: JobId) -> JobView<'_> {
        JobView {
            id,
            function: &self.function,
            runs_here: self.runs_here,
            task_type: self.task_type,
            arrived: self.arrived,
            deadline: self.deadline,
            hops: self.hops,
        }
    }
}

#[cfg(test)]
#[path = "node_tests.rs"]
mod tests;
