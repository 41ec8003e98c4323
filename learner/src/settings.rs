use learning::Spec;
use learning::agent::REGISTRY;
use learning::parameters::Key;
use protocol::SettingProblem;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::settings::{Allowed, Whole};

const MIB: u64 = 1024 * 1024;

service::settings! {
    /// The settings of a learner.
    pub struct Settings for "learner" on port 19020 {
        /// The agent and its parameters, see [learning](learning.md). Another agent, or another number of actions, begins a new model.
        Live agent: AgentSetting = AgentSetting::default(), "";
        /// Everything random follows from it.
        Restart seed: Whole<0, 4_294_967_295> = Whole::nearest(1), "";
        /// How long a missing sample is waited for, before those after it are learned from without it.
        Live sample_wait_ms: Whole<1, 3_600_000> = Whole::nearest(10_000), "ms";
        /// How often the model is saved, if it has changed; it is saved at the stop, too.
        Live snapshot_period_ms: Whole<1_000, 86_400_000> = Whole::nearest(30_000), "ms";
        /// Samples that one request or message may bring.
        Live samples_batch_max: Whole<1, 100_000> = Whole::nearest(10_000), "samples";
        /// The longest request, and the longest message of a session.
        Live message_bytes_max: Whole<1_024, { 64 * MIB }> = Whole::nearest(4 * MIB), "bytes";
        /// The largest model that can be loaded.
        Live model_bytes_max: Whole<1_024, { 1024 * MIB }> = Whole::nearest(64 * MIB), "bytes";
        /// Sessions open at once; more are refused.
        Live sessions_max: Whole<1, 10_000> = Whole::nearest(64), "sessions";
    }
}

/// An agent that can be built.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Named", into = "Named")]
pub struct AgentSetting {
    spec: Spec,
    /// The parameters that were set; the others are the agent's defaults.
    values: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
    #[serde(default)]
    parameters: Map<String, Value>,
}

impl AgentSetting {
    /// The agent with all its parameters.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The parameters that were set.
    pub fn values(&self) -> &Map<String, Value> {
        &self.values
    }
}

impl Default for AgentSetting {
    fn default() -> Self {
        let named = Named { name: REGISTRY[0].name.to_owned(), parameters: Map::new() };
        match Self::try_from(named) {
            Ok(setting) => setting,
            Err(why) => unreachable!("{why}"),
        }
    }
}

impl TryFrom<Named> for AgentSetting {
    type Error = String;

    fn try_from(named: Named) -> Result<Self, String> {
        let values = under_proper_names(named.parameters);
        let spec = Spec::new(&named.name, &values).map_err(|problems| list(&problems))?;
        Ok(Self { spec, values })
    }
}

/// What is kept stands under proper names, so that a value under another name is the newer one.
fn under_proper_names(values: Map<String, Value>) -> Map<String, Value> {
    let (others, mut proper): (Map<_, _>, Map<_, _>) =
        values.into_iter().partition(|(name, _)| Key::named(name).is_some_and(|key| key.alias == Some(name)));
    for (name, value) in others {
        let name = Key::named(&name).map_or(name, |key| key.name.to_owned());
        proper.insert(name, value);
    }
    proper
}

fn list(problems: &[SettingProblem]) -> String {
    let tell = |problem: &SettingProblem| format!("{} = {}: {}", problem.key, problem.value, problem.why);
    problems.iter().map(tell).collect::<Vec<_>>().join("; ")
}

impl From<AgentSetting> for Named {
    fn from(setting: AgentSetting) -> Self {
        Self { name: setting.spec.name().to_owned(), parameters: setting.values }
    }
}

impl Allowed for AgentSetting {
    fn allowed() -> String {
        let names: Vec<_> = REGISTRY.iter().map(|entry| entry.name).collect();
        format!("{{\"name\": \"...\", \"parameters\": {{...}}}} with a name of {}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn setting(value: Value) -> Result<AgentSetting, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_kept_stands_under_proper_names() {
        let named = json!({"name": "SarsaQTable", "parameters": {"epsilon": 0.5, "epsilon_start": 0.9, "alpha": 0.1}});
        let setting = setting(named).unwrap();
        assert_eq!(setting.spec().parameters.epsilon_start, 0.5);
        let kept = json!({"name": "DifferentialSarsa", "parameters": {"alpha": 0.1, "epsilon_start": 0.5}});
        assert_eq!(serde_json::to_value(&setting).unwrap(), kept);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let why = setting(json!({"name": "QLearning", "parameters": {"alpha": 2, "beta": "x"}})).unwrap_err();
        assert!(why.contains("alpha = 2") && why.contains("beta") && why.contains("from 0 to 1"), "{why}");
        assert!(setting(json!({"name": "Nonesuch"})).unwrap_err().contains("LinearThompson"));
    }
}
