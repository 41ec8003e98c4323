//! Files in JSON that people write, and where in them something is wrong.

use anyhow::{Result, anyhow};
use serde::de::DeserializeOwned;

/// Reads a file's text.
///
/// # Errors
/// Names the key, as `nodes[0].slots`, unless the text is no JSON or the whole is meant.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    let deserializer = &mut serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let names_a_key = error.path().iter().next().is_some() && error.inner().is_data();
        let path = if names_a_key { format!("{}: ", error.path()) } else { String::new() };
        anyhow!("{path}{}", error.into_inner())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_is_wrong_is_named_and_what_is_no_json_has_no_key() {
        let why = |text| parse::<BTreeMap<String, Vec<u8>>>(text).unwrap_err().to_string();
        assert!(why(r#"{"a": [1, -1]}"#).starts_with("a[1]: invalid value"), "{}", why(r#"{"a": [1, -1]}"#));
        for text in ["", "[", "[]", r#"{"a": [1}"#, r#"{"a" [1]}"#] {
            let why = why(text);
            assert!(
                why.starts_with("EOF") || why.starts_with("expected") || why.starts_with("invalid"),
                "{why}"
            );
        }
    }
}
