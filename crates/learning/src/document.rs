use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::{Counters, Spec};

/// The version of the form below; another one is refused, never guessed at.
pub(crate) const FORMAT: u32 = 1;

/// A model as JSON: what `GET /learner/weights` answers, `PUT` takes, and a snapshot holds. Of a model that was
/// trained elsewhere only the format, the agent and the weights are needed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document<'a> {
    pub(crate) format: u32,
    #[serde(borrow)]
    pub(crate) agent: Cow<'a, str>,
    #[serde(default)]
    pub(crate) parameters: Map<String, Value>,
    #[serde(default)]
    pub(crate) version: Option<u64>,
    #[serde(default)]
    pub(crate) epsilon: Option<f64>,
    #[serde(default)]
    pub(crate) state_length: Option<usize>,
    #[serde(default)]
    pub(crate) features_length: Option<usize>,
    #[serde(default)]
    pub(crate) counters: Counters,
    #[serde(borrow)]
    pub(crate) weights: &'a RawValue,
}

/// All of a [`Document`] but its weights, to be written.
#[derive(Debug, Serialize)]
pub(crate) struct Head<'a> {
    pub(crate) format: u32,
    pub(crate) agent: &'a str,
    pub(crate) parameters: Map<String, Value>,
    pub(crate) version: u64,
    pub(crate) epsilon: f64,
    pub(crate) state_length: Option<usize>,
    pub(crate) features_length: Option<usize>,
    pub(crate) counters: Counters,
}

/// A document that is no model, or not one of this agent.
#[derive(Debug, thiserror::Error)]
pub enum InvalidModel {
    /// It is not JSON, lacks a field, or has one too many.
    #[error("it is not a model: {0}")]
    Parse(#[source] serde_json::Error),
    /// It has another form.
    #[error("it has the format {0}, where this learner knows {FORMAT}")]
    Format(u32),
    /// It is of another agent, or of the same with other actions or another division of states.
    #[error("it is a model of {theirs}, where this learner has {ours}")]
    Agent {
        /// What it is of.
        theirs: String,
        /// What it should be of.
        ours: String,
    },
    /// The weights are not those of the agent.
    #[error("its weights are no good: {0}")]
    Weights(String),
}

impl<'a> Document<'a> {
    /// Reads a document, and checks that it is of this agent with these actions.
    pub(crate) fn parse(json: &'a [u8], spec: &Spec) -> Result<Self, InvalidModel> {
        let document: Self = serde_json::from_slice(json).map_err(InvalidModel::Parse)?;
        if document.format != FORMAT {
            return Err(InvalidModel::Format(document.format));
        }
        let theirs = Spec::new(&document.agent, &document.parameters);
        let fits = match &theirs {
            Ok(theirs) if document.parameters.is_empty() => theirs.name() == spec.name(),
            Ok(theirs) => theirs.is_compatible(spec),
            Err(_) => false,
        };
        if fits {
            return Ok(document);
        }
        let parameters = Value::Object(document.parameters);
        Err(InvalidModel::Agent {
            theirs: format!("{} with {parameters}", document.agent),
            ours: format!("{} with {}", spec.name(), Value::Object(spec.parameters.to_map())),
        })
    }
}
