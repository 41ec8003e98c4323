//! Settings: defaults, then the file, then the environment, then what was patched at run time.
//!
//! A daemon declares its keys once, with the [`settings!`](crate::settings!) macro. Every value comes
//! through the same check, wherever it comes from, into types that cannot hold a wrong one.

mod cluster_key;
mod common;
mod declare;
mod key;
mod key_source;
mod layers;
mod patch;
mod sources;
mod store;
mod values;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::logs::LogLevel;
pub use cluster_key::{ClusterKeySetting, ClusterKeys, InvalidClusterKeys, KeyFile};
pub use common::Common;
pub use key::{Effect, Key};
pub use key_source::{ClusterKeyError, KeySource};
pub use layers::{Origin, Problem};
pub use patch::PatchError;
pub use sources::{DEFAULT_FILE, Sources};
pub use store::{Configurable, SettingsError, Store};
pub use values::{Allowed, Switch, Whole};

/// The settings of one daemon. Implemented by [`settings!`](crate::settings!).
pub trait Settings:
    Clone + std::fmt::Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The daemon's name, which is also its section in the file.
    const SERVICE: &'static str;

    /// Every key, in the order of the documentation.
    fn keys() -> Vec<Key>;

    /// The settings that every daemon has.
    fn common(&self) -> Common;

    /// Checks what binds several keys to each other.
    ///
    /// # Errors
    /// Names the key that should change, and why.
    fn check_together(&self) -> Result<(), (&'static str, String)>;
}
