use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use learning::value::Cursor;
use learning::{InvalidModel, Model, Refusal, Spec, Stats};
use protocol::learner::{Candidate, Choice, Refused, Sample, Trained};
use tokio::sync::Notify;

use crate::metrics::Metrics;

/// Samples that are learned from before those who ask get their turn: a fraction of a millisecond's work.
const TURN: usize = 64;

/// Between two parts of a model that is written. The lock is not fair: who holds it and takes it again at once
/// would keep out those who wait for it until the whole model is written.
const PART_PAUSE: Duration = Duration::from_micros(100);

/// How often a model is begun to be written anew because another one took its place meanwhile.
const WRITES_MAX: usize = 3;

/// The model behind its lock, which is held for moments only, and never across an await.
pub(crate) struct Mind {
    model: Mutex<Model>,
    seed: u64,
    origin: Instant,
    sample_wait_ms: AtomicU64,
    /// Told when another model took the place of the one before.
    replaced: Notify,
    metrics: Metrics,
}

impl Mind {
    pub(crate) fn new(model: Model, seed: u64, metrics: Metrics) -> Self {
        Self {
            model: Mutex::new(model),
            seed,
            origin: Instant::now(),
            sample_wait_ms: AtomicU64::new(0),
            replaced: Notify::new(),
            metrics,
        }
    }

    pub(crate) fn act(&self, state: &[f64], candidates: &[Candidate]) -> Result<Choice, Refusal> {
        let begun = Instant::now();
        let choice = self.model().act(state, candidates);
        self.metrics.acted(candidates.is_empty(), choice.is_ok(), begun.elapsed());
        choice
    }

    /// Takes samples one by one: each is accepted, or refused with the reason.
    pub(crate) fn train(&self, samples: Vec<Sample>) -> Trained {
        let (now, wait) = (self.origin.elapsed(), self.sample_wait());
        let mut trained = Trained::default();
        let mut samples = samples.into_iter().peekable();
        while samples.peek().is_some() {
            let mut model = self.model();
            for sample in samples.by_ref().take(TURN) {
                let eid = sample.eid;
                match model.train(sample, now, wait) {
                    Ok(()) => trained.accepted += 1,
                    Err(refusal) => {
                        self.metrics.refused(refusal.label());
                        trained.refused.push(Refused { eid: Some(eid), why: refusal.to_string() });
                    }
                }
            }
        }
        self.metrics.accepted(trained.accepted);
        trained
    }

    /// Gives up samples that were waited for long enough.
    pub(crate) fn advance(&self) {
        self.model().advance(self.origin.elapsed(), self.sample_wait());
    }

    pub(crate) fn stats(&self) -> Stats {
        self.model().stats()
    }

    pub(crate) fn spec(&self) -> Spec {
        self.model().spec().clone()
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(crate) fn wait_for_samples(&self, wait: Duration) {
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.sample_wait_ms.store(wait_ms, Ordering::Relaxed);
    }

    fn sample_wait(&self) -> Duration {
        Duration::from_millis(self.sample_wait_ms.load(Ordering::Relaxed))
    }

    /// Puts an agent and its parameters in force; another agent or other actions begin a new model.
    pub(crate) fn configure(&self, spec: &Spec) {
        let mut model = self.model();
        if *model.spec() == *spec || model.configure(spec) {
            return;
        }
        let version = model.version() + 1;
        *model = Model::new(spec.clone(), self.seed, version);
        drop(model);
        tracing::info!(agent = spec.name(), version, "a new model begins");
        self.replaced.notify_one();
    }

    /// Forgets what was learned, and gives the version of the new model.
    pub(crate) fn reset(&self) -> u64 {
        let mut model = self.model();
        let version = model.version() + 1;
        *model = Model::new(model.spec().clone(), self.seed, version);
        drop(model);
        tracing::info!(version, "the model was reset");
        self.replaced.notify_one();
        version
    }

    /// Goes on with a model that was trained elsewhere, and gives its version.
    pub(crate) fn load(&self, document: &[u8]) -> Result<u64, InvalidModel> {
        // Read without the lock, for it may be large.
        let loaded = Model::read(document, self.spec(), self.seed)?;
        let mut model = self.model();
        let version = model.version() + 1;
        let mut loaded = loaded.with_version(version);
        if !loaded.configure(model.spec()) {
            let ours = model.spec().name().to_owned();
            return Err(InvalidModel::Agent { theirs: loaded.spec().name().to_owned(), ours });
        }
        *model = loaded;
        drop(model);
        tracing::info!(version, "a model was loaded");
        self.replaced.notify_one();
        Ok(version)
    }

    /// Ends when another model has taken the place of the one before.
    pub(crate) async fn replaced(&self) {
        self.replaced.notified().await;
    }

    /// Hands the model as JSON to `sink`, part by part; who asks meanwhile waits for a part at most. It blocks.
    ///
    /// # Errors
    /// Those of the sink, and that the model was replaced meanwhile; then what was written is no model.
    pub(crate) fn write(&self, mut sink: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut cursor = Cursor::default();
        let version = self.model().version();
        let mut part = Vec::new();
        loop {
            part.clear();
            let model = self.model();
            if model.version() != version {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let done = model.write(&mut cursor, &mut part);
            drop(model);
            sink(&part)?;
            if done {
                return Ok(());
            }
            std::thread::sleep(PART_PAUSE);
        }
    }

    /// The whole model as JSON.
    pub(crate) fn to_json(&self) -> io::Result<Vec<u8>> {
        let mut failed = io::ErrorKind::Interrupted.into();
        for _ in 0..WRITES_MAX {
            let mut json = Vec::new();
            match self.write(|part| {
                json.extend_from_slice(part);
                Ok(())
            }) {
                Ok(()) => return Ok(json),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
