use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use protocol::{FunctionName, Load, NodeId, PolicySpec};
use scheduling::{
    Answer, Decision, Explanation, JobId, JobRequest, Node, Outcome, Rejection, Report, Sample, Setup,
    Sighting, Time, Turn, Verdict,
};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::Settings;

/// Errands of the policies that wait to be run; more are dropped, and the policies do without.
const ERRANDS_MAX: usize = 1_024;

/// The waiting around the pure [`Node`]: a short lock to ask it, and a channel for each job in its queue.
pub(crate) struct Admissions {
    origin: Instant,
    /// What the epochs of reports start from: far from those of another life of this node.
    epoch: u64,
    state: Mutex<State>,
    idle: Notify,
    errands: mpsc::Sender<Errand>,
}

struct State {
    node: Node,
    policy: PolicySpec,
    waiting: HashMap<JobId, oneshot::Sender<Turn>>,
}

/// What a policy wants done, without a job that waits for it.
#[derive(Debug)]
pub(crate) enum Errand {
    /// Ask this peer for its load.
    Probe(NodeId),
    /// Tell the learner.
    Teach(Sample),
}

/// A job from its arrival to its end. It frees its place when it is dropped, whatever became of it.
pub(crate) struct Ticket {
    admissions: Arc<Admissions>,
    id: JobId,
    outcome: Outcome,
    turn: Option<oneshot::Receiver<Turn>>,
    pub(crate) policy: Arc<str>,
    /// How a learning policy came to its last decision.
    pub(crate) explanation: Option<Explanation>,
}

impl Admissions {
    pub(crate) fn new(settings: &Settings) -> (Arc<Self>, mpsc::Receiver<Errand>) {
        let policy = settings.scheduler.spec().clone();
        let seed = uuid::Uuid::new_v4().as_u64_pair().0;
        let node = Node::new(Setup { limits: settings.limits(), policy: build(&policy), seed });
        let state = State { node, policy, waiting: HashMap::new() };
        let (errands, taken) = mpsc::channel(ERRANDS_MAX);
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let admissions = Self {
            origin: Instant::now(),
            epoch: u64::try_from(started.as_micros()).unwrap_or_default(),
            state: Mutex::new(state),
            idle: Notify::new(),
            errands,
        };
        (Arc::new(admissions), taken)
    }

    /// The time as the node counts it.
    pub(crate) fn time(&self, at: Instant) -> Time {
        Time::from_origin(at.saturating_duration_since(self.origin))
    }

    /// A job arrives; its ticket goes on from the first decision.
    pub(crate) fn arrive(self: &Arc<Self>, request: JobRequest) -> (Ticket, Decision) {
        let mut state = self.state();
        let arrival = state.node.arrive(request, self.now());
        let mut ticket = Ticket {
            admissions: Arc::clone(self),
            id: arrival.id,
            outcome: Outcome::Cancelled,
            turn: None,
            policy: arrival.policy,
            explanation: None,
        };
        let decision = ticket.take(&mut state, arrival.verdict);
        self.hand_out_errands(&mut state);
        drop(state);
        (ticket, decision)
    }

    /// Puts the settings in force that concern the node.
    pub(crate) fn configure(&self, settings: &Settings) {
        let mut state = self.state();
        if state.policy != *settings.scheduler.spec() {
            state.policy = settings.scheduler.spec().clone();
            let policy = build(&state.policy);
            state.node.install(policy);
        }
        let turns = state.node.set_limits(settings.limits(), self.now());
        state.announce(turns);
    }

    /// The policy in force, as `Name(parameter, parameter)`.
    pub(crate) fn policy(&self) -> Arc<str> {
        self.state().node.policy()
    }

    /// The peers that discovery calls usable, all of them.
    pub(crate) fn set_peers(&self, sightings: Vec<Sighting>) {
        self.state().node.set_peers(sightings, self.now());
    }

    /// A peer itself says how busy it is.
    pub(crate) fn peer_reported(&self, peer: NodeId, report: Report) {
        let mut state = self.state();
        state.node.peer_reported(peer, report, self.now());
        self.hand_out_errands(&mut state);
    }

    /// A peer could not be reached, or broke off.
    pub(crate) fn peer_failed(&self, peer: NodeId) {
        self.state().node.peer_failed(peer);
    }

    /// The peers that failed and have not answered since.
    pub(crate) fn failed_peers(&self) -> Vec<NodeId> {
        self.state().node.peers().failed().collect()
    }

    /// Whether a peer is known to have the function.
    pub(crate) fn peers_know(&self, function: &FunctionName) -> bool {
        self.state().node.peers().know(function)
    }

    /// Takes no new jobs, and returns when all those accepted have ended.
    pub(crate) async fn drain(&self) {
        self.state().node.drain();
        loop {
            let idle = self.idle.notified();
            if self.state().node.is_idle() {
                return;
            }
            idle.await;
        }
    }

    pub(crate) fn load(&self) -> Load {
        self.state().node.load()
    }

    /// What this node says of itself to its peers.
    pub(crate) fn report(&self) -> Report {
        let report = self.state().node.report();
        Report { epoch: self.epoch + report.epoch, ..report }
    }

    fn finish(&self, id: JobId, outcome: Outcome) {
        let mut state = self.state();
        state.waiting.remove(&id);
        let turns = state.node.finish(id, outcome, self.now());
        state.announce(turns);
        self.hand_out_errands(&mut state);
        if state.node.is_idle() {
            self.idle.notify_waiters();
        }
    }

    fn hand_out_errands(&self, state: &mut State) {
        let outbox = state.node.outbox();
        if outbox.is_empty() {
            return;
        }
        let probes = outbox.take_probes().into_iter().map(Errand::Probe);
        let samples = outbox.take_samples().into_iter().map(Errand::Teach);
        for errand in probes.chain(samples) {
            // Nobody waits for an errand: where too many are open, the latest are left out.
            let _ = self.errands.try_send(errand);
        }
    }

    fn now(&self) -> Time {
        self.time(Instant::now())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A job that gave up at this very moment does not hear of its turn; its place frees itself.
    fn announce(&mut self, turns: Vec<Turn>) {
        for turn in turns {
            let (Turn::Start(id) | Turn::Reject(id, _)) = turn;
            if let Some(waiting) = self.waiting.remove(&id) {
                let _ = waiting.send(turn);
            }
        }
    }
}

impl Ticket {
    /// Goes on with the answer to what the last decision asked.
    pub(crate) fn answer(&mut self, answer: Answer<'_>) -> Decision {
        let admissions = Arc::clone(&self.admissions);
        let mut state = admissions.state();
        let verdict = state.node.answer(self.id, answer, admissions.now());
        let Some(verdict) = verdict else {
            unreachable!("a ticket answers what its job was asked, and its job lives as long as it does");
        };
        let decision = self.take(&mut state, verdict);
        admissions.hand_out_errands(&mut state);
        decision
    }

    /// Waits for the turn of a job that was told to wait, at the longest until its deadline.
    pub(crate) async fn turn(&mut self, deadline: Instant) -> Result<(), Rejection> {
        let Some(turn) = self.turn.take() else {
            return Ok(());
        };
        match tokio::time::timeout_at(deadline.into(), turn).await {
            Ok(Ok(Turn::Start(_))) => Ok(()),
            Ok(Ok(Turn::Reject(_, why))) => Err(why),
            Ok(Err(_)) | Err(_) => {
                self.end(Outcome::DeadlinePassed);
                Err(Rejection::DeadlinePassed)
            }
        }
    }

    /// Says how the job ended. Without it, the job counts as cancelled by its caller.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// Takes the verdict down. The channel for the turn is opened under the lock that decided.
    fn take(&mut self, state: &mut State, verdict: Verdict) -> Decision {
        self.explanation = verdict.explanation.or(self.explanation.take());
        if verdict.decision == Decision::Wait {
            let (sender, turn) = oneshot::channel();
            state.waiting.insert(self.id, sender);
            self.turn = Some(turn);
        }
        verdict.decision
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.admissions.finish(self.id, self.outcome);
    }
}

fn build(spec: &PolicySpec) -> Box<dyn scheduling::Policy> {
    match scheduling::policy::build(spec) {
        Ok(policy) => policy,
        Err(error) => unreachable!("the settings hold a policy that can be built: {error}"),
    }
}
