use protocol::learner::{OneOrMany, Refused, Sample};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// What a body or message brings: samples, and what was meant to be samples and is none.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Batch {
    pub(crate) samples: Vec<Sample>,
    pub(crate) malformed: Vec<Refused>,
    /// Whether it was a single sample, not a list.
    pub(crate) is_single: bool,
}

/// A body that is no JSON, or neither an object nor a list.
#[derive(Debug, thiserror::Error)]
#[error("the body is neither a sample nor a list of samples: {0}")]
pub(crate) struct NotSamples(#[source] serde_json::Error);

impl Batch {
    /// Reads a sample or a list of samples. Those of a list are read one by one where not all are good, so
    /// that a bad one costs the others nothing.
    pub(crate) fn read(json: &str) -> Result<Self, NotSamples> {
        match serde_json::from_str::<OneOrMany>(json) {
            Ok(samples) => Ok(samples.into()),
            Err(_) => {
                Self::read_one_by_one(json, |text| serde_json::from_str(text).map_err(|e| e.to_string()))
            }
        }
    }

    /// The same for samples as clients of the original P2PFaaS write them: numbers as text, states as text with
    /// commas. Samples of our form are taken, too.
    pub(crate) fn read_original(json: &str) -> Result<Self, NotSamples> {
        Self::read_one_by_one(json, |text| {
            let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
            let part = |name| value.get(name).ok_or_else(|| format!("{name} is missing"));
            let eid = eid_of(&value).ok_or("eid is no whole number")?;
            original(eid, part("state")?, part("action")?, part("reward")?)
        })
    }

    fn read_one_by_one(
        json: &str,
        read: impl Fn(&str) -> Result<Sample, String>,
    ) -> Result<Self, NotSamples> {
        let is_single = json.trim_start().starts_with('{');
        let parts: Vec<&RawValue> = if is_single {
            vec![serde_json::from_str(json).map_err(NotSamples)?]
        } else {
            serde_json::from_str(json).map_err(NotSamples)?
        };
        let mut batch = Self { is_single, ..Self::default() };
        for part in parts {
            match read(part.get()) {
                Ok(sample) => batch.samples.push(sample),
                Err(why) => batch.malformed.push(Refused { eid: salvage_eid(part.get()), why }),
            }
        }
        Ok(batch)
    }

    /// How many samples there are, good and bad.
    pub(crate) fn len(&self) -> usize {
        self.samples.len() + self.malformed.len()
    }
}

impl From<OneOrMany> for Batch {
    fn from(samples: OneOrMany) -> Self {
        let is_single = matches!(samples, OneOrMany::One(_));
        let samples = match samples {
            OneOrMany::One(sample) => vec![sample],
            OneOrMany::Many(samples) => samples,
        };
        Self { samples, malformed: vec![], is_single }
    }
}

/// A sample of the original, whose parts are text or numbers.
pub(crate) fn original(eid: u64, state: &Value, action: &Value, reward: &Value) -> Result<Sample, String> {
    let action = number(action).filter(|action| (0.0..=f64::from(u32::MAX)).contains(action));
    let state = match state {
        Value::String(text) => state_of(text),
        Value::Array(parts) => parts.iter().map(number).collect(),
        _ => None,
    };
    Ok(Sample {
        eid,
        state: state.ok_or("state is no list of numbers")?,
        action: action.ok_or("action is no number from 0")? as u32,
        reward: number(reward).ok_or("reward is no number")?,
        ..Sample::default()
    })
}

/// The numbers of a state as the original writes it: `0.0,1.0,2.0`.
pub(crate) fn state_of(text: &str) -> Option<Vec<f64>> {
    text.split(',').map(|part| part.trim().parse().ok()).collect()
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn salvage_eid(json: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        eid: &'a RawValue,
    }
    let named: Named<'_> = serde_json::from_str(json).ok()?;
    named.eid.get().trim_matches('"').parse().ok()
}

fn eid_of(value: &Value) -> Option<u64> {
    let eid = value.get("eid")?;
    eid.as_u64().or_else(|| eid.as_str()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bad_sample_costs_the_others_nothing() {
        let batch = Batch::read(
            r#"[{"eid": 1, "state": [0], "action": 1, "reward": 1},
                {"eid": 2, "state": [1e999], "action": 1, "reward": 1},
                {"eid": 3, "state": [0], "action": -1, "reward": 1},
                {"eid": "x"}, 7,
                {"eid": 4, "state": [0], "action": 1, "reward": 0.5, "features": [1.0]}]"#,
        )
        .unwrap();
        assert_eq!(batch.samples.iter().map(|sample| sample.eid).collect::<Vec<_>>(), [1, 4]);
        let eids: Vec<_> = batch.malformed.iter().map(|refused| refused.eid).collect();
        assert_eq!(eids, [Some(2), Some(3), None, None]);
        assert!(!batch.is_single && batch.len() == 6);
    }

    #[test]
    fn the_originals_form_is_read() {
        let json = r#"[{"eid":"3","state":"0.0,1.0","action":"1.0","reward":1}, {"eid": 4, "state": [2, 3],
            "action": 2, "reward": "0.5"}, {"eid": "5", "state": "a", "action": "1", "reward": 1}]"#;
        let batch = Batch::read_original(json).unwrap();
        let wanted = |eid, state: &[f64], action, reward| Sample {
            eid,
            state: state.to_vec(),
            action,
            reward,
            ..Sample::default()
        };
        assert_eq!(batch.samples, [wanted(3, &[0.0, 1.0], 1, 1.0), wanted(4, &[2.0, 3.0], 2, 0.5)]);
        assert_eq!(batch.malformed[0].eid, Some(5));
    }

    proptest! {
        #[test]
        fn no_body_makes_it_fail(text in ".{0,200}") {
            let _ = Batch::read(&text);
            let _ = Batch::read_original(&text);
        }
    }
}
