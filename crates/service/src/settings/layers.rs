use std::fmt;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::{Key, Settings};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The settings file.
    File(PathBuf),
    /// A variable of the environment.
    Environment,
    /// A patch, just now or kept from an earlier run.
    Patch(Option<PathBuf>),
}

/// A value that a key may not have, or a key that does not exist.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Where it stands.
    pub origin: Origin,
    /// The key, or the variable of the environment.
    pub key: String,
    /// The value that was given.
    pub value: Value,
    /// What is wrong, and which values are allowed.
    pub why: String,
}

/// The values that one source sets, by the proper name of their key.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) origin: Origin,
    pub(super) values: Map<String, Value>,
}

/// Reads a JSON object as a layer: old names become proper ones, and every value is checked alone.
pub(super) fn read<S: Settings>(
    origin: &Origin,
    object: Map<String, Value>,
) -> Result<Map<String, Value>, Vec<Problem>> {
    let keys = S::keys();
    let mut values = Map::new();
    let mut problems = Vec::new();
    for (name, value) in object {
        let key = keys.iter().find(|key| key.is_named(&name));
        let shown = key.map_or_else(|| value.clone(), |key| key.shown(&value));
        let problem =
            |why: String| Problem { origin: origin.clone(), key: name.clone(), value: shown.clone(), why };
        let Some(key) = key else {
            problems.push(problem(unknown_key(&keys, &name)));
            continue;
        };
        if let Err(why) = check::<S>(key, &value) {
            problems.push(problem(why));
        } else if values.get(key.name).is_some_and(|other| *other != value) {
            problems.push(problem(format!("{} is another name of {:?} and says otherwise", name, key.name)));
        } else {
            values.insert(key.name.to_owned(), value);
        }
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

/// Checks one value. Null is allowed: it means that this source does not set the key.
pub(super) fn check<S: Settings>(key: &Key, value: &Value) -> Result<(), String> {
    if value.is_null() {
        return Ok(());
    }
    let alone = Map::from_iter([(key.name.to_owned(), value.clone())]);
    match serde_json::from_value::<S>(alone.into()) {
        Ok(_) => Ok(()),
        // An error of serde's would quote the value.
        Err(_) if key.is_secret => Err(format!("allowed is {}", key.allowed)),
        Err(error) => {
            let why = error.to_string();
            Err(if why.contains(&key.allowed) { why } else { format!("{why}; allowed is {}", key.allowed) })
        }
    }
}

/// Puts the layers over the defaults, later ones over earlier ones.
pub(super) fn resolve<S: Settings>(layers: &[&Layer]) -> Result<S, Vec<Problem>> {
    let mut document = Map::new();
    for layer in layers {
        for (name, value) in &layer.values {
            if !value.is_null() {
                document.insert(name.clone(), value.clone());
            }
        }
    }
    let blame = |key: &str, why: String| {
        vec![Problem {
            origin: origin_of(layers, key),
            key: key.to_owned(),
            value: shown::<S>(key, document.get(key)),
            why,
        }]
    };
    let settings: S = serde_json::from_value(document.clone().into())
        .map_err(|error| blame(S::SERVICE, error.to_string()))?;
    settings.check_together().map_err(|(key, why)| blame(key, why))?;
    Ok(settings)
}

fn shown<S: Settings>(name: &str, value: Option<&Value>) -> Value {
    let value = value.cloned().unwrap_or_default();
    S::keys().iter().find(|key| key.is_named(name)).map_or_else(|| value.clone(), |key| key.shown(&value))
}

/// The topmost layer that sets the key.
pub(super) fn origin_of(layers: &[&Layer], name: &str) -> Origin {
    let sets = |layer: &&&Layer| layer.values.get(name).is_some_and(|value| !value.is_null());
    layers.iter().rev().find(sets).map_or(Origin::Default, |layer| layer.origin.clone())
}

fn unknown_key(keys: &[Key], name: &str) -> String {
    let known: Vec<_> = keys.iter().map(|key| key.name).collect();
    format!("there is no key {name:?}; there are {}", known.join(", "))
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment => f.write_str("environment"),
            Self::Patch(Some(path)) => write!(f, "patches kept in {}", path.display()),
            Self::Patch(None) => f.write_str("patch"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} = {}: {}", self.origin, self.key, self.value, self.why)
    }
}
