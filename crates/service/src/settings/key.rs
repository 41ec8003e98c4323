use serde_json::Value;

/// One key of a daemon's settings, as its declaration describes it.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its name in the file and in a patch; the environment has it as `P2PFAAS_` and the name in capitals.
    pub name: &'static str,
    /// An older name that is accepted, and shown beside the name where the key may change at run time.
    pub alias: Option<&'static str>,
    /// What it does.
    pub meaning: String,
    /// The unit of its value; empty where there is none.
    pub unit: &'static str,
    /// Its value where nobody sets another.
    pub default: Value,
    /// Which values it may have.
    pub allowed: String,
    /// When a new value takes effect.
    pub effect: Effect,
    /// Whether its value is never shown.
    pub is_secret: bool,
}

/// When a new value of a key takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// At once, by a patch, without losing a job.
    Live,
    /// At the next start; a patch of it is refused.
    Restart,
}

impl Key {
    /// The variable of the environment that sets the key.
    pub fn variable(&self) -> String {
        variable(self.name)
    }

    /// All variables of the environment that set the key, the proper one first.
    pub(super) fn variables(&self) -> impl Iterator<Item = String> {
        std::iter::once(self.name).chain(self.alias).map(variable)
    }

    /// The value as it may be shown in an error.
    pub(super) fn shown(&self, value: &Value) -> Value {
        if self.is_secret { HIDDEN.into() } else { value.clone() }
    }

    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name == name || self.alias == Some(name)
    }
}

/// What is shown in place of a secret.
pub(super) const HIDDEN: &str = "(hidden)";

pub(super) const VARIABLE_PREFIX: &str = "P2PFAAS_";

fn variable(name: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", name.to_ascii_uppercase())
}
