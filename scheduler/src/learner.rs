//! The learner as policies ask it: one session, many questions in flight, and none while it is away or slow.

mod breaker;
mod session;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::learner::{Acted, Candidate, Sample};
use service::Health;
use tokio::sync::{mpsc, oneshot};

use self::breaker::Breaker;
pub(crate) use self::session::Session;

/// Questions that wait to be sent. The session sends all that wait together, so that they are few unless the
/// connection does not take them; then the fallback had better decide.
const ASKS_MAX: usize = 1_024;

/// Samples that wait to be sent: some seconds of a busy node, for a learner that restarts.
const SAMPLES_MAX: usize = 4_096;

/// Asks the learner, and tells it what became of its choices.
pub(crate) struct Learner {
    asks: mpsc::Sender<Ask>,
    samples: mpsc::Sender<Sample>,
    breaker: Mutex<Breaker>,
    shared: Arc<Shared>,
}

/// What the session tells of itself.
#[derive(Default)]
struct Shared {
    is_connected: AtomicBool,
    counts: Counts,
}

/// What became of questions and samples since the start.
#[derive(Default)]
pub(crate) struct Counts {
    /// Questions that were answered in time.
    pub(crate) answered: AtomicU64,
    /// Questions that the learner said it cannot answer.
    pub(crate) refused: AtomicU64,
    /// Questions that were not answered in time, or lost with the connection.
    pub(crate) missed: AtomicU64,
    /// Questions that were not asked: the learner is away, was slow a moment ago, or too many wait.
    pub(crate) unasked: AtomicU64,
    /// Samples that were sent.
    pub(crate) samples_sent: AtomicU64,
    /// Samples that were dropped, because too many wait.
    pub(crate) samples_dropped: AtomicU64,
    /// Samples that the learner refused.
    pub(crate) samples_refused: AtomicU64,
}

/// A question on its way to the session.
struct Ask {
    state: Vec<f64>,
    candidates: Vec<Candidate>,
    answer: oneshot::Sender<Option<Acted>>,
}

impl Learner {
    /// A learner at this URL (`ws://host:port/ws`), and the session, which is to be run.
    pub(crate) fn new(url: String, health: Arc<Health>) -> (Self, Session) {
        let (asks, taken) = mpsc::channel(ASKS_MAX);
        let (samples, told) = mpsc::channel(SAMPLES_MAX);
        let shared = Arc::new(Shared::default());
        let session = Session::new(url, health, Arc::clone(&shared), taken, told);
        (Self { asks, samples, breaker: Mutex::default(), shared }, session)
    }

    /// The learner's choice, if it comes within `timeout`. Without candidates the actions are numbered, as in
    /// the original P2PFaaS. A learner that is away, or was slow several times in a row, is not asked: there
    /// is no answer then, at once.
    pub(crate) async fn act(
        &self,
        state: Vec<f64>,
        candidates: Vec<Candidate>,
        timeout: Duration,
    ) -> Option<Acted> {
        let counts = self.counts();
        let (answer, answered) = oneshot::channel();
        let may_ask = self.is_connected() && self.breaker().may_ask(Instant::now());
        if !may_ask || self.asks.try_send(Ask { state, candidates, answer }).is_err() {
            count(&counts.unasked);
            return None;
        }
        match tokio::time::timeout(timeout, answered).await {
            Ok(Ok(acted)) => {
                self.breaker().answered();
                count(if acted.is_some() { &counts.answered } else { &counts.refused });
                acted
            }
            Ok(Err(_)) | Err(_) => {
                self.breaker().missed(Instant::now());
                count(&counts.missed);
                None
            }
        }
    }

    /// Sends a sample to the learner as soon as that is there. Where too many wait, it is dropped.
    pub(crate) fn train(&self, sample: Sample) {
        if self.samples.try_send(sample).is_err() {
            count(&self.counts().samples_dropped);
        }
    }

    /// Whether the session is open.
    pub(crate) fn is_connected(&self) -> bool {
        self.shared.is_connected.load(Ordering::Relaxed)
    }

    /// What became of questions and samples.
    pub(crate) fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
#[path = "learner_tests.rs"]
mod tests;
