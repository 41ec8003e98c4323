use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A scheduling policy by its name and parameters, as `/configuration/scheduler` carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a name and parameters")]
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

/// A text that is no [`PolicySpec`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidPolicySpec;

impl fmt::Display for InvalidPolicySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a policy is written Name(parameter, parameter)")
    }
}

impl std::error::Error for InvalidPolicySpec {}

impl FromStr for PolicySpec {
    type Err = InvalidPolicySpec;

    /// Reads what is displayed: `Name(parameter, parameter)`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, rest) = text.trim().split_once('(').ok_or(InvalidPolicySpec)?;
        let inner = rest.strip_suffix(')').ok_or(InvalidPolicySpec)?;
        let name = name.trim();
        if name.is_empty() || inner.contains(['(', ')']) {
            return Err(InvalidPolicySpec);
        }
        let parameters = match inner.trim() {
            "" => Vec::new(),
            some => some.split(',').map(|parameter| parameter.trim().to_owned()).collect(),
        };
        Ok(Self { name: name.to_owned(), parameters })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_displayed_reads_back() {
        for text in ["RejectScheduler()", "NoScheduler(true)", "PowerOfNScheduler(1, 2, true, 1)"] {
            assert_eq!(text.parse::<PolicySpec>().unwrap().to_string(), text);
        }
        assert_eq!("N( 1,2 )".parse::<PolicySpec>().unwrap().parameters, ["1", "2"]);
        for text in ["", "NoScheduler", "NoScheduler(true", "(true)", "A(B(1))"] {
            assert_eq!(text.parse::<PolicySpec>(), Err(InvalidPolicySpec), "{text:?}");
        }
    }
}
