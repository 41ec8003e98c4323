use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A scheduling policy by its name and parameters, as `/configuration/scheduler` carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// The policy's name, such as `NoScheduler`.
    pub name: String,
    /// Its parameters in order, all of them text, as the original P2PFaaS has them.
    #[serde(default)]
    pub parameters: Vec<String>,
}

impl fmt::Display for PolicySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name, self.parameters.join(", "))
    }
}
