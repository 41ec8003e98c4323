use protocol::PolicySpec;

/// Reads `NAME`, `NAME(parameter, ...)` or the JSON of `/configuration/scheduler`. Whether there is such a policy,
/// the scheduler says.
pub(super) fn parse(text: &str) -> Result<PolicySpec, String> {
    let text = text.trim();
    if text.starts_with('{') {
        return serde_json::from_str(text).map_err(|error| error.to_string());
    }
    let (name, parameters) = match text.split_once('(') {
        None => (text, ""),
        Some((name, rest)) => {
            let inner = rest.strip_suffix(')').ok_or("the bracket is not closed")?;
            (name.trim_end(), inner.trim())
        }
    };
    if name.is_empty() || !name.chars().all(|letter| letter.is_ascii_alphanumeric()) {
        return Err(format!("{name:?} is no name of a policy"));
    }
    let parameters = parameters.split(',').map(|parameter| parameter.trim().to_owned());
    let parameters = parameters.filter(|parameter| !parameter.is_empty()).collect();
    Ok(PolicySpec { name: name.to_owned(), parameters })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_written_as_its_header_shows_it_or_as_json() {
        let spec = |name: &str, parameters: &[&str]| PolicySpec {
            name: name.to_owned(),
            parameters: parameters.iter().map(|&parameter| parameter.to_owned()).collect(),
        };
        for (text, expected) in [
            ("NoScheduler", spec("NoScheduler", &[])),
            ("NoScheduler()", spec("NoScheduler", &[])),
            ("PowerOfNScheduler(1, 2,true,1)", spec("PowerOfNScheduler", &["1", "2", "true", "1"])),
            (r#"{"name": "ForwardScheduler", "parameters": ["1"]}"#, spec("ForwardScheduler", &["1"])),
        ] {
            assert_eq!(parse(text), Ok(expected.clone()), "{text}");
            assert_eq!(parse(&expected.to_string()), Ok(expected), "as it is shown");
        }
        for text in ["", "A(1", "A B", "{}", "(1)"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
