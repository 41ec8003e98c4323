use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longer names fit into no label of Docker's or DNS's that would have to carry them.
const NAME_LENGTH_MAX: usize = 128;

/// The name of a function: one or more of `[-a-zA-Z_0-9.]`, as OpenFaaS routes them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FunctionName(Arc<str>);

/// A name that no function can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidFunctionName;

impl FunctionName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FunctionName {
    type Err = InvalidFunctionName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if text.is_empty() || text.len() > NAME_LENGTH_MAX || !text.bytes().all(allowed) {
            return Err(InvalidFunctionName);
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for FunctionName {
    type Error = InvalidFunctionName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<FunctionName> for String {
    fn from(name: FunctionName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl Borrow<str> for FunctionName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for InvalidFunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a function's name is 1 to {NAME_LENGTH_MAX} letters, digits, '-', '_' or '.'")
    }
}

impl std::error::Error for InvalidFunctionName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_names_that_openfaas_routes() {
        for name in ["echo", "face-recognition", "a.b_c-9", "F"] {
            assert_eq!(name.parse::<FunctionName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn refuses_what_could_not_be_a_path_segment() {
        for name in ["", "?", "a/b", "a b", "é", &"x".repeat(NAME_LENGTH_MAX + 1)] {
            assert_eq!(name.parse::<FunctionName>(), Err(InvalidFunctionName), "{name:?}");
        }
    }
}
