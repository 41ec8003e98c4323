use std::fmt;

use protocol::SettingProblem;
use serde_json::{Map, Value};

use crate::Parameters;
use crate::agent::{Entry, REGISTRY};

/// An agent with its parameters, which can be built.
#[derive(Clone)]
pub struct Spec {
    entry: &'static Entry,
    /// Its parameters.
    pub parameters: Parameters,
}

impl Spec {
    /// The agent of this name, or of a name that the original P2PFaaS has for it, with these parameters over
    /// its defaults.
    ///
    /// # Errors
    /// Names what is wrong, and what is allowed.
    pub fn new(name: &str, values: &Map<String, Value>) -> Result<Self, Vec<SettingProblem>> {
        let Some(entry) = Entry::named(name) else {
            let known: Vec<_> = REGISTRY.iter().map(|entry| entry.name).collect();
            let why = format!("no agent has this name; there are {}", known.join(", "));
            return Err(vec![SettingProblem { key: "name".to_owned(), value: name.into(), why }]);
        };
        let parameters = (entry.defaults)().with(values)?;
        Ok(Self { entry, parameters })
    }

    /// The agent's entry in the registry.
    pub fn entry(&self) -> &'static Entry {
        self.entry
    }

    /// The agent's name.
    pub fn name(&self) -> &'static str {
        self.entry.name
    }

    /// Whether a model of the one can go on as a model of the other: the same agent over the same actions and
    /// the same division of states.
    pub fn is_compatible(&self, other: &Self) -> bool {
        let shape = |spec: &Self| {
            let own = &spec.parameters;
            let widths = [own.feature_steps, own.state_tile_width, own.feature_tile_width];
            (spec.name(), own.actions_n, own.tilings, widths.map(f64::to_bits))
        };
        shape(self) == shape(other)
    }
}

impl PartialEq for Spec {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name() && self.parameters == other.parameters
    }
}

impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spec").field("name", &self.name()).field("parameters", &self.parameters).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(name: &str, values: Value) -> Result<Spec, Vec<SettingProblem>> {
        Spec::new(name, values.as_object().unwrap())
    }

    #[test]
    fn the_originals_name_is_accepted() {
        assert_eq!(spec("SarsaQTable", json!({})).unwrap().name(), "DifferentialSarsa");
        let problems = spec("Nonesuch", json!({})).unwrap_err();
        assert!(problems[0].why.contains("QLearning"), "{problems:?}");
    }

    #[test]
    fn a_step_size_may_change_under_a_model_but_not_its_actions() {
        let before = spec("QLearning", json!({})).unwrap();
        assert!(before.is_compatible(&spec("QLearning", json!({"alpha": 0.5})).unwrap()));
        assert!(!before.is_compatible(&spec("QLearning", json!({"actions_n": 9})).unwrap()));
        assert!(!before.is_compatible(&spec("ExpectedSarsa", json!({})).unwrap()));
    }
}
