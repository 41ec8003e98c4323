use serde_json::{Map, Value};

use super::layers::{self, Layer, Origin, Problem};
use super::{Effect, Settings};

/// Why a patch was refused. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    /// The patch is not a JSON object.
    #[error("a patch of the settings is a JSON object")]
    NotAnObject,
    /// Keys that do not exist, or values that are not allowed.
    #[error("nothing was changed, because of {}", keys(.0))]
    Values(Vec<Problem>),
    /// Keys that take effect at the next start only.
    #[error("nothing was changed, because this takes effect at a start only: {}", .0.join(", "))]
    NeedsRestart(Vec<&'static str>),
    /// The settings could not be saved.
    #[error("the settings could not be saved, so nothing was changed: {0}")]
    Save(#[source] std::io::Error),
}

fn keys(problems: &[Problem]) -> String {
    problems.iter().map(|problem| problem.key.as_str()).collect::<Vec<_>>().join(", ")
}

pub(super) fn list(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; ")
}

/// Applies a JSON Merge Patch (RFC 7396) to the patched layer: a null takes the patch of its key back, so
/// that the environment, the file or the default counts again.
pub(super) fn apply<S: Settings>(
    base: &[&Layer],
    patched: &Map<String, Value>,
    patch: Value,
) -> Result<(Map<String, Value>, S), PatchError> {
    let Value::Object(patch) = patch else {
        return Err(PatchError::NotAnObject);
    };
    let layer = |values: &Map<String, Value>| Layer { origin: Origin::Patch(None), values: values.clone() };
    let with = |values: &Map<String, Value>| {
        let top = layer(values);
        let layers: Vec<&Layer> = base.iter().copied().chain([&top]).collect();
        layers::resolve::<S>(&layers)
    };
    let current = with(patched).map_err(PatchError::Values)?;
    let current = serde_json::to_value(&current).unwrap_or_default();

    let merged: Map<String, Value> = patch
        .into_iter()
        .map(|(name, change)| {
            let key = S::keys().into_iter().find(|key| key.is_named(&name));
            let before = key.and_then(|key| current.get(key.name).cloned()).unwrap_or_default();
            (name, merge(before, change))
        })
        .collect();
    let changes = layers::read::<S>(&Origin::Patch(None), merged).map_err(PatchError::Values)?;
    let needs_restart: Vec<_> = S::keys()
        .into_iter()
        .filter(|key| key.effect == Effect::Restart)
        .filter(|key| changes.get(key.name).is_some_and(|value| Some(value) != current.get(key.name)))
        .map(|key| key.name)
        .collect();
    if !needs_restart.is_empty() {
        return Err(PatchError::NeedsRestart(needs_restart));
    }

    let mut next = patched.clone();
    for (name, value) in changes {
        match value {
            Value::Null => next.remove(&name),
            value => next.insert(name, value),
        };
    }
    let settings = with(&next).map_err(PatchError::Values)?;
    Ok((next, settings))
}

/// RFC 7396, section 2.
fn merge(target: Value, patch: Value) -> Value {
    let Value::Object(patch) = patch else {
        return patch;
    };
    let mut target = match target {
        Value::Object(target) => target,
        _ => Map::new(),
    };
    for (name, change) in patch {
        if change.is_null() {
            target.remove(&name);
        } else {
            let before = target.remove(&name).unwrap_or_default();
            target.insert(name, merge(before, change));
        }
    }
    Value::Object(target)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The examples of RFC 7396, appendix A.
    #[test]
    fn merges_as_the_rfc_shows() {
        for (target, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a":"b"}), json!(["c"]), json!(["c"])),
            (json!({"a":"foo"}), json!(null), json!(null)),
            (json!({"a":"foo"}), json!("bar"), json!("bar")),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            assert_eq!(merge(target, patch), result);
        }
    }
}
