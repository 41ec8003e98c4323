use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use protocol::{Load, PolicySpec};
use scheduling::{Admission, JobId, JobRequest, Node, Outcome, Rejection, Time, Turn};
use tokio::sync::{Notify, oneshot};

use crate::Settings;

/// The waiting around the pure [`Node`]: a short lock to ask it, and a channel for each job in its queue.
pub(crate) struct Admissions {
    origin: Instant,
    state: Mutex<State>,
    idle: Notify,
}

struct State {
    node: Node,
    policy: PolicySpec,
    waiting: HashMap<JobId, oneshot::Sender<Turn>>,
}

/// A job that may run. It frees its place when it is dropped, whatever became of the job.
pub(crate) struct Slot {
    place: Place,
    pub(crate) policy: Arc<str>,
}

/// A job that may not run.
pub(crate) struct Refusal {
    pub(crate) reason: Rejection,
    pub(crate) policy: Arc<str>,
}

/// A place among the jobs that run or wait.
struct Place {
    admissions: Arc<Admissions>,
    id: JobId,
    outcome: Outcome,
}

impl Admissions {
    pub(crate) fn new(settings: &Settings) -> Arc<Self> {
        let policy = settings.scheduler.spec().clone();
        let node = Node::new(settings.limits(), build(&policy));
        let state = State { node, policy, waiting: HashMap::new() };
        Arc::new(Self { origin: Instant::now(), state: Mutex::new(state), idle: Notify::new() })
    }

    /// The time as the node counts it.
    pub(crate) fn time(&self, at: Instant) -> Time {
        Time::from_origin(at.saturating_duration_since(self.origin))
    }

    /// Asks for a slot, and waits for it where the job is queued, at the longest until its deadline.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        request: &JobRequest,
        deadline: Instant,
    ) -> Result<Slot, Refusal> {
        let (place, policy, turn) = {
            let mut state = self.state();
            let arrival = state.node.arrive(request, self.now());
            let turn = match arrival.admission {
                Admission::Reject(reason) => return Err(Refusal { reason, policy: arrival.policy }),
                Admission::Start => None,
                Admission::Wait => {
                    let (sender, turn) = oneshot::channel();
                    state.waiting.insert(arrival.id, sender);
                    Some(turn)
                }
            };
            let place = Place { admissions: Arc::clone(self), id: arrival.id, outcome: Outcome::Cancelled };
            (place, arrival.policy, turn)
        };
        let mut slot = Slot { place, policy };
        let Some(turn) = turn else {
            return Ok(slot);
        };
        match tokio::time::timeout_at(deadline.into(), turn).await {
            Ok(Ok(Turn::Start(_))) => Ok(slot),
            Ok(Ok(Turn::Expired(_)) | Err(_)) | Err(_) => {
                slot.end(Outcome::DeadlinePassed);
                Err(Refusal { reason: Rejection::DeadlinePassed, policy: Arc::clone(&slot.policy) })
            }
        }
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

    fn finish(&self, id: JobId, outcome: Outcome) {
        let mut state = self.state();
        state.waiting.remove(&id);
        let turns = state.node.finish(id, outcome, self.now());
        state.announce(turns);
        if state.node.is_idle() {
            self.idle.notify_waiters();
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
            let (Turn::Start(id) | Turn::Expired(id)) = turn;
            if let Some(waiting) = self.waiting.remove(&id) {
                let _ = waiting.send(turn);
            }
        }
    }
}

impl Slot {
    /// Says how the job ended. Without it, the job counts as cancelled by its caller.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        self.place.outcome = outcome;
    }
}

impl Drop for Place {
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
