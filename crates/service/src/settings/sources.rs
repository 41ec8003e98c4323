use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::key::VARIABLE_PREFIX;
use super::layers::{self, Layer, Origin, Problem};
use super::{Settings, SettingsError};

/// The file that is read where no other is named; it may be missing.
pub const DEFAULT_FILE: &str = "config/config.json";

/// The daemons that share one settings file, each with a section of its own.
const SECTIONS: [&str; 3] = ["scheduler", "learner", "discovery"];

/// Where the settings come from at start.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The settings file; none means [`DEFAULT_FILE`] if it is there.
    pub file: Option<PathBuf>,
    /// The environment.
    pub variables: Vec<(String, String)>,
}

impl Sources {
    /// The environment of this process, and this file.
    pub fn of_process(file: Option<PathBuf>) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self { file, variables: std::env::vars_os().filter_map(text).collect() }
    }

    /// Variables that look like ours and set no key: probably misspelt, or meant for another daemon.
    pub fn unknown_variables<S: Settings>(&self) -> Vec<&str> {
        let known: Vec<String> = S::keys().iter().flat_map(super::Key::variables).collect();
        let ours = self.variables.iter().map(|(name, _)| name.as_str());
        ours.filter(|name| name.starts_with(VARIABLE_PREFIX) && !known.iter().any(|known| known == name))
            .collect()
    }

    pub(super) fn file_layer<S: Settings>(&self) -> Result<Layer, SettingsError> {
        let path = self.file.clone().unwrap_or_else(|| DEFAULT_FILE.into());
        let origin = Origin::File(path.clone());
        let Some(mut sections) = read_object(&path, self.file.is_none())? else {
            return Ok(Layer { origin, values: Map::new() });
        };
        let section = sections.remove(S::SERVICE);
        if let Some((key, value)) = sections.into_iter().find(|(key, _)| !SECTIONS.contains(&key.as_str())) {
            let why = format!("there is no section {key:?}; there are {}", SECTIONS.join(", "));
            return Err(SettingsError::Values(vec![Problem { origin, key, value, why }]));
        }
        let values = match section {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(section)) => {
                layers::read::<S>(&origin, section).map_err(SettingsError::Values)?
            }
            Some(value) => {
                let why = "a section is a JSON object".to_owned();
                return Err(SettingsError::Values(vec![Problem {
                    origin,
                    key: S::SERVICE.into(),
                    value,
                    why,
                }]));
            }
        };
        Ok(Layer { origin, values })
    }

    /// An empty variable sets nothing, so that compose files may pass on what is perhaps not set.
    pub(super) fn environment_layer<S: Settings>(&self) -> Result<Layer, SettingsError> {
        let mut values = Map::new();
        let mut problems = Vec::new();
        for key in S::keys() {
            let set = |name: &String| {
                self.variables.iter().find(|(variable, text)| variable == name && !text.is_empty())
            };
            let Some((name, text)) = key.variables().find_map(|name| set(&name)) else {
                continue;
            };
            match read_variable::<S>(&key, text) {
                Ok(value) => {
                    values.insert(key.name.to_owned(), value);
                }
                Err(why) => problems.push(Problem {
                    origin: Origin::Environment,
                    key: name.clone(),
                    value: key.shown(&text.as_str().into()),
                    why,
                }),
            }
        }
        if !problems.is_empty() {
            return Err(SettingsError::Values(problems));
        }
        Ok(Layer { origin: Origin::Environment, values })
    }
}

/// A variable holds JSON, or plain text where the key takes that.
fn read_variable<S: Settings>(key: &super::Key, text: &str) -> Result<Value, String> {
    let as_text = Value::from(text);
    let json = serde_json::from_str::<Value>(text).ok().filter(|json| !json.is_null());
    let Some(json) = json else {
        return layers::check::<S>(key, &as_text).map(|()| as_text);
    };
    let why = match layers::check::<S>(key, &json) {
        Ok(()) => return Ok(json),
        Err(why) => why,
    };
    layers::check::<S>(key, &as_text).map(|()| as_text).map_err(|_| why)
}

/// Reads a file that holds a JSON object, or nothing where it may be missing and is.
pub(super) fn read_object(
    path: &Path,
    may_be_missing: bool,
) -> Result<Option<Map<String, Value>>, SettingsError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if may_be_missing && error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(SettingsError::Read { path: path.into(), source }),
    };
    match serde_json::from_slice(&bytes) {
        Ok(object) => Ok(Some(object)),
        Err(source) => Err(SettingsError::Parse { path: path.into(), source }),
    }
}
