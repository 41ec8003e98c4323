//! The parameters of agents: each with its name, meaning and range, in one list.

use std::fmt;

use protocol::SettingProblem;
use serde_json::{Map, Value};

/// A parameter, as the list of all describes it.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Another name that is accepted.
    pub alias: Option<&'static str>,
    /// What it does.
    pub meaning: &'static str,
    /// Which values it may have; empty where the type says all.
    pub range: Option<[f64; 2]>,
}

/// Weights that make of the scheduler's nine features the last, the probability that the deadline is met: an agent
/// begins about as well as the policy of the shortest expected delay decides, and goes on from there.
const SHORTEST_EXPECTED_DELAY: [f64; 9] = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];

/// A value that a parameter may have.
trait Parameter: Sized {
    fn read(value: &Value, range: Option<[f64; 2]>) -> Option<Self>;
    fn write(&self) -> Value;
}

macro_rules! parameters {
    ($(
        $(#[doc = $meaning:literal])+
        $name:ident $(($alias:ident))?: $kind:ty = $default:expr $(, in [$min:expr, $max:expr])?;
    )*) => {
        /// The parameters of an agent. An agent ignores those that do not concern it.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Parameters {
            $($(#[doc = $meaning])+ pub $name: $kind,)*
        }

        impl Default for Parameters {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Parameters {
            /// Every parameter.
            pub const KEYS: &'static [Key] = &[$(Key {
                name: stringify!($name),
                alias: [$(Some(stringify!($alias)),)? None][0],
                meaning: concat!($($meaning),+),
                range: [$(Some([$min, $max]),)? None][0],
            },)*];

            /// All values, by name.
            pub fn to_map(&self) -> Map<String, Value> {
                let mut map = Map::new();
                $(map.insert(stringify!($name).to_owned(), self.$name.write());)*
                map
            }

            fn set(&mut self, key: &Key, value: &Value) -> Option<()> {
                match key.name {
                    $(stringify!($name) => self.$name = Parameter::read(value, key.range)?,)*
                    _ => return None,
                }
                Some(())
            }
        }
    };
}

parameters! {
    /// Numbered actions: 0 rejects, 1 runs here, 2 forwards to a probed peer, 3 and above to the peer of that number.
    actions_n: u32 = 3, in [2.0, 1024.0];
    /// Step size of the values. With tiles it is the step of each tile.
    alpha: f64 = 0.01, in [0.0, 1.0];
    /// Step size of the average reward.
    beta: f64 = 0.01, in [0.0, 1.0];
    /// What the next value counts for, in agents that discount.
    gamma: f64 = 0.0, in [0.0, 1.0];
    /// How much of a trace remains after a step.
    lambda: f64 = 0.3, in [0.0, 1.0];
    /// Probability of a random action at the start.
    epsilon_start (epsilon): f64 = 0.3, in [0.0, 1.0];
    /// Probability of a random action below which it does not sink.
    epsilon_min: f64 = 0.01, in [0.0, 1.0];
    /// What the probability of a random action is multiplied by after each answer.
    epsilon_decay: f64 = 0.9995, in [0.0, 1.0];
    /// Whether the probability of a random action sinks.
    epsilon_decay_enabled: bool = true;
    /// Whether rejecting is explored as other actions are. If not, it is chosen only where a sample has shown it to be better.
    explore_reject: bool = false;
    /// Known to the original P2PFaaS; each transition is learned from as soon as it is complete, so that it has no effect.
    window_size: u32 = 10, in [1.0, 1_000_000.0];
    /// A sample that is missing is given up when so many later ones wait for it, or at the time limit of the settings.
    entry_missing_max_attempts: u32 = 16_384, in [1.0, 16_384.0];
    /// States that a table holds; to those beyond it the table does not extend.
    states_max: u32 = 100_000, in [1.0, 1_000_000.0];
    /// Steps of a table into which the unit of a candidate's feature is cut.
    feature_steps: f64 = 4.0, in [0.01, 1000.0];
    /// Tilings laid over each other.
    tilings: u32 = 8, in [1.0, 64.0];
    /// Width of a tile along a part of the state.
    state_tile_width: f64 = 2.0, in [0.001, 1_000_000.0];
    /// Width of a tile along a feature of a candidate.
    feature_tile_width: f64 = 0.5, in [0.001, 1_000_000.0];
    /// How far a linear agent trusts its prior: the weight of the ridge.
    ridge: f64 = 1.0, in [0.000_001, 1_000_000.0];
    /// What remains of a linear agent's evidence after a sample.
    memory: f64 = 0.9995, in [0.5, 1.0];
    /// How much a linear agent explores: the factor of a candidate's uncertainty.
    exploration: f64 = 0.3, in [0.0, 1000.0];
    /// Weights of the features that a linear agent begins with, where there are as many features; else zeros.
    prior: Vec<f64> = SHORTEST_EXPECTED_DELAY.to_vec();
}

impl Parameters {
    /// The same with these values, which name parameters by their names or other names.
    ///
    /// # Errors
    /// Each value that is not allowed, and each name that is none.
    pub fn with(mut self, values: &Map<String, Value>) -> Result<Self, Vec<SettingProblem>> {
        let mut problems = Vec::new();
        for (name, value) in values {
            let why = match Key::named(name) {
                None => unknown(),
                Some(key) if self.set(key, value).is_none() => format!("allowed is {}", key.allowed()),
                Some(_) => continue,
            };
            problems.push(SettingProblem { key: name.clone(), value: value.clone(), why });
        }
        if problems.is_empty() { Ok(self) } else { Err(problems) }
    }
}

fn unknown() -> String {
    let known: Vec<_> = Parameters::KEYS.iter().map(|key| key.name).collect();
    format!("there is no such parameter; there are {}", known.join(", "))
}

impl Key {
    /// The parameter of this name or other name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Parameters::KEYS.iter().find(|key| key.name == name || key.alias == Some(name))
    }

    /// Which values it may have, in words.
    pub fn allowed(&self) -> impl fmt::Display {
        let default = Parameters::default().to_map().remove(self.name).unwrap_or_default();
        match (default, self.range) {
            (Value::Bool(_), _) => "true or false".to_owned(),
            (Value::Array(_), _) => format!("a list of up to {} numbers", crate::FEATURES_MAX),
            (Value::Number(number), Some([min, max])) if number.is_u64() => {
                format!("a whole number from {min} to {max}")
            }
            (_, Some([min, max])) => format!("a number from {min} to {max}"),
            (_, None) => "a number".to_owned(),
        }
    }
}

fn within(number: f64, range: Option<[f64; 2]>) -> bool {
    number.is_finite() && range.is_none_or(|[min, max]| (min..=max).contains(&number))
}

impl Parameter for f64 {
    fn read(value: &Value, range: Option<[f64; 2]>) -> Option<Self> {
        value.as_f64().filter(|number| within(*number, range))
    }

    fn write(&self) -> Value {
        (*self).into()
    }
}

impl Parameter for u32 {
    /// Scripts of the original write `10.0` as well as `10`.
    fn read(value: &Value, range: Option<[f64; 2]>) -> Option<Self> {
        let number = value.as_f64().filter(|number| within(*number, range))?;
        (number.fract() == 0.0).then_some(number as u32)
    }

    fn write(&self) -> Value {
        (*self).into()
    }
}

impl Parameter for bool {
    fn read(value: &Value, _range: Option<[f64; 2]>) -> Option<Self> {
        value.as_bool()
    }

    fn write(&self) -> Value {
        (*self).into()
    }
}

impl Parameter for Vec<f64> {
    fn read(value: &Value, _range: Option<[f64; 2]>) -> Option<Self> {
        let numbers = value.as_array().filter(|numbers| numbers.len() <= crate::FEATURES_MAX)?;
        let bounds = Some([-crate::MAGNITUDE_MAX, crate::MAGNITUDE_MAX]);
        numbers.iter().map(|number| f64::read(number, bounds)).collect()
    }

    fn write(&self) -> Value {
        self.clone().into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(values: Value) -> Result<Parameters, Vec<SettingProblem>> {
        Parameters::default().with(values.as_object().unwrap())
    }

    #[test]
    fn the_scripts_of_the_original_are_understood() {
        let parameters = with(json!({
            "actions_n": 14, "alpha": 0.001, "beta": 0.1, "window_size": 10, "epsilon": 0.9, "epsilon_min": 0.05,
            "epsilon_decay": 0.9995, "epsilon_decay_enabled": true, "entry_missing_max_attempts": 50.0
        }))
        .unwrap();
        assert_eq!((parameters.actions_n, parameters.entry_missing_max_attempts), (14, 50));
        assert_eq!(parameters.epsilon_start, 0.9);
    }

    #[test]
    fn each_bad_value_is_named_with_what_is_allowed() {
        let problems = with(json!({
            "alpha": 1.5, "beta": "0.1", "actions_n": 2.5, "explore_reject": 1, "prior": [1.0, "x"], "gama": 1
        }))
        .unwrap_err();
        let named: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(named, ["actions_n", "alpha", "beta", "explore_reject", "gama", "prior"]);
        assert_eq!(problems[0].why, "allowed is a whole number from 2 to 1024");
        assert_eq!(problems[1].why, "allowed is a number from 0 to 1");
    }

    #[test]
    fn what_is_written_reads_back() {
        let parameters = with(json!({"alpha": 0.5, "prior": [1.0], "explore_reject": true})).unwrap();
        assert_eq!(Parameters::default().with(&parameters.to_map()).unwrap(), parameters);
        assert_eq!(parameters.to_map().len(), Parameters::KEYS.len());
    }
}
