use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use learning::{Counters, InvalidModel, Model, Spec, seal};
use service::Health;
use service::settings::Store;

use crate::Settings;
use crate::mind::Mind;

/// The file in the data folder that holds the model.
const FILE: &str = "learner-model.json";

/// What `/health` calls the saving of the model.
const PART: &str = "snapshot";

/// Where the model survives a restart.
pub(crate) struct Snapshots {
    folder: PathBuf,
    saved: Mutex<Saved>,
}

/// What was last saved, and when.
#[derive(Default)]
struct Saved {
    model: Option<(u64, Counters)>,
    at: Option<Instant>,
}

/// Why a snapshot is not taken.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("it cannot be read: {0}")]
    Read(#[source] io::Error),
    #[error("it is broken: {0}")]
    Broken(#[from] seal::Broken),
    #[error("{0}")]
    Model(#[from] InvalidModel),
}

/// A snapshot of no use stands where the next one belongs, and cannot be moved out of its way.
#[derive(Debug, thiserror::Error)]
#[error("cannot set the snapshot {} aside", path.display())]
pub(crate) struct Stuck {
    path: PathBuf,
    source: io::Error,
}

impl Snapshots {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), saved: Mutex::default() }
    }

    /// The model that was saved; a new one where there is none, or where it is of no use. Such a one is set
    /// aside under another name, never deleted.
    pub(crate) fn load(&self, spec: &Spec, seed: u64) -> Result<Model, Stuck> {
        let path = self.folder.join(FILE);
        let why = match read(&path, spec, seed) {
            Ok(Some(model)) => {
                tracing::info!(version = model.version(), "goes on with the model that was saved");
                self.saved().model = Some((model.version(), model.stats().counters));
                return Ok(model);
            }
            Ok(None) => return Ok(Model::new(spec.clone(), seed, 1)),
            Err(why) => why,
        };
        let aside = self.free_name(&why);
        if let Err(source) = fs::rename(&path, &aside) {
            tracing::error!(%why, "the saved model is of no use");
            return Err(Stuck { path, source });
        }
        let kept_as = aside.display();
        tracing::error!(%why, %kept_as, "the saved model is of no use and was set aside; a new one begins");
        Ok(Model::new(spec.clone(), seed, 1))
    }

    /// A name under which nothing is kept yet.
    fn free_name(&self, why: &Unusable) -> PathBuf {
        let word =
            if matches!(why, Unusable::Model(InvalidModel::Agent { .. })) { "other" } else { "broken" };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let name = |count: u64| self.folder.join(format!("learner-model-{word}-{now}-{count}.json"));
        (0..).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(u64::MAX))
    }

    /// Saves the model, unless the same was saved before: the old snapshot is replaced in one step.
    pub(crate) fn save(&self, mind: &Mind) -> io::Result<()> {
        let stats = mind.stats();
        let model = (stats.version, stats.counters);
        if self.saved().model != Some(model) {
            self.write(mind)?;
        }
        *self.saved() = Saved { model: Some(model), at: Some(Instant::now()) };
        Ok(())
    }

    /// Part by part into the file, so that a large model is not held twice.
    fn write(&self, mind: &Mind) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        let mut writer = BufWriter::new(&mut file);
        let mut seal = seal::Seal::default();
        mind.write(|part| {
            seal.update(part);
            writer.write_all(part)
        })?;
        writer.write_all(seal.trailer().as_bytes())?;
        writer.flush()?;
        drop(writer);
        file.as_file().sync_all()?;
        file.persist(self.folder.join(FILE)).map_err(|error| error.error)?;
        File::open(&self.folder)?.sync_all()
    }

    /// How long ago the model was saved, or was seen to be as it was saved.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.saved().at.map(|at| at.elapsed())
    }

    fn saved(&self) -> std::sync::MutexGuard<'_, Saved> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path, spec: &Spec, seed: u64) -> Result<Option<Model>, Unusable> {
    let sealed = match fs::read(path) {
        Ok(sealed) => sealed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Unusable::Read(error)),
    };
    Ok(Some(Model::read(seal::open(&sealed)?, spec.clone(), seed)?))
}

/// Saves the model now and then, and whenever another one took its place.
pub(crate) async fn keep(
    snapshots: Arc<Snapshots>,
    mind: Arc<Mind>,
    settings: Arc<Store<Settings>>,
    health: Arc<Health>,
) {
    let mut changes = settings.subscribe();
    let mut tried_at = tokio::time::Instant::now();
    loop {
        let period = settings.current().snapshot_period_ms.milliseconds();
        tokio::select! {
            () = tokio::time::sleep_until(tried_at + period) => {}
            () = mind.replaced() => {}
            changed = changes.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        }
        save(&snapshots, &mind, &health).await;
        tried_at = tokio::time::Instant::now();
    }
}

/// Saves the model away from the tasks that serve; one that cannot be saved is said to be so by `/health`.
pub(crate) async fn save(snapshots: &Arc<Snapshots>, mind: &Arc<Mind>, health: &Health) {
    let (snapshots, mind) = (Arc::clone(snapshots), Arc::clone(mind));
    let saved = tokio::task::spawn_blocking(move || snapshots.save(&mind)).await;
    match saved.map_err(io::Error::other).and_then(|saved| saved) {
        Ok(()) => health.restore(PART),
        // Another model took its place while it was written, which brings the next turn at once.
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
        Err(error) => {
            tracing::error!(%error, "the model could not be saved");
            health.degrade(PART, format!("the model could not be saved: {error}"));
        }
    }
}
