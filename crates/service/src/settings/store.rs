use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use tokio::sync::watch;

use super::layers::{self, Layer, Origin, Problem};
use super::{Effect, Key, PatchError, Settings, Sources, patch, sources};
use crate::replace_file;

/// Settings with which the daemon cannot start. The process exits with 78 (`EX_CONFIG`).
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A settings file cannot be read.
    #[error("cannot read the settings file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A settings file is not JSON, or not an object.
    #[error("the settings file {} is not a JSON object", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why not.
        source: serde_json::Error,
    },
    /// Keys that do not exist, or values that are not allowed.
    #[error("{}", patch::list(.0))]
    Values(Vec<Problem>),
}

/// The settings in force, and their one way to change.
pub struct Store<S> {
    base: [Layer; 2],
    kept_in: PathBuf,
    patched: Mutex<Map<String, Value>>,
    current: watch::Sender<Arc<S>>,
    followers: Mutex<Vec<Follower<S>>>,
}

type Follower<S> = Box<dyn Fn(&S) + Send + Sync>;

/// A [`Store`] of whatever settings, as the HTTP routes see it.
pub trait Configurable: Send + Sync {
    /// The settings that may change at run time, as a JSON object.
    fn live(&self) -> Value;

    /// Applies a JSON Merge Patch (RFC 7396), all or nothing: checked whole, saved, then put in force.
    ///
    /// # Errors
    /// Says why nothing was changed.
    fn patch(&self, patch: Value) -> Result<Value, PatchError>;

    /// Every key.
    fn keys(&self) -> Vec<Key>;
}

impl<S: Settings> Store<S> {
    /// Reads all sources.
    ///
    /// # Errors
    /// Names the file or variable, the key, the value and what is allowed.
    pub fn load(sources: &Sources) -> Result<Self, SettingsError> {
        let base = [sources.file_layer::<S>()?, sources.environment_layer::<S>()?];
        let layers = [&base[0], &base[1]];
        let settings: S = layers::resolve(&layers).map_err(SettingsError::Values)?;
        let kept_in = settings.common().data_path.join(format!("{}-settings.json", S::SERVICE));
        let origin = Origin::Patch(Some(kept_in.clone()));
        let patched = match sources::read_object(&kept_in, true)? {
            Some(object) => layers::read::<S>(&origin, object).map_err(SettingsError::Values)?,
            None => Map::new(),
        };
        let top = Layer { origin, values: patched.clone() };
        let settings = layers::resolve::<S>(&[layers[0], layers[1], &top]).map_err(SettingsError::Values)?;
        let current = watch::Sender::new(Arc::new(settings));
        Ok(Self { base, kept_in, patched: Mutex::new(patched), current, followers: Mutex::default() })
    }

    /// The settings in force.
    pub fn current(&self) -> Arc<S> {
        Arc::clone(&self.current.borrow())
    }

    /// Tells of every change from now on.
    pub fn subscribe(&self) -> watch::Receiver<Arc<S>> {
        self.current.subscribe()
    }

    /// Calls `put_in_force` with the settings now and after every change, before the change is answered:
    /// who patched a setting and was told so finds it in force.
    pub fn follow(&self, put_in_force: impl Fn(&S) + Send + Sync + 'static) {
        let mut followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        put_in_force(&self.current());
        followers.push(Box::new(put_in_force));
    }

    /// Every key with its value and where that came from.
    pub fn explain(&self) -> Vec<(Key, Value, Origin)> {
        let document = serde_json::to_value(&*self.current()).unwrap_or_default();
        let patched = self.patched.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let top = Layer { origin: Origin::Patch(Some(self.kept_in.clone())), values: patched };
        let layers = [&self.base[0], &self.base[1], &top];
        let explained = |key: Key| {
            let value = document.get(key.name).cloned().unwrap_or_default();
            let origin = layers::origin_of(&layers, key.name);
            (key, value, origin)
        };
        S::keys().into_iter().map(explained).collect()
    }
}

impl<S: Settings> Configurable for Store<S> {
    fn live(&self) -> Value {
        let document = serde_json::to_value(&*self.current()).unwrap_or_default();
        let mut shown = Map::new();
        for key in S::keys().into_iter().filter(|key| key.effect == Effect::Live) {
            let value = document.get(key.name).cloned().unwrap_or_default();
            if let Some(alias) = key.alias {
                shown.insert(alias.to_owned(), value.clone());
            }
            shown.insert(key.name.to_owned(), value);
        }
        shown.into()
    }

    fn patch(&self, patch: Value) -> Result<Value, PatchError> {
        // Held while the file is written: patches come one after the other.
        let mut patched = self.patched.lock().unwrap_or_else(PoisonError::into_inner);
        let base: Vec<&Layer> = self.base.iter().collect();
        let (next, settings) = patch::apply::<S>(&base, &patched, patch)?;
        if next != *patched {
            let text = serde_json::to_vec_pretty(&next).map_err(io::Error::from);
            text.and_then(|text| replace_file(&self.kept_in, &text)).map_err(PatchError::Save)?;
            *patched = next;
        }
        self.current.send_replace(Arc::new(settings));
        let followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        for put_in_force in &*followers {
            put_in_force(&self.current());
        }
        Ok(self.live())
    }

    fn keys(&self) -> Vec<Key> {
        S::keys()
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
