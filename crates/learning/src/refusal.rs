use crate::{CANDIDATES_MAX, FEATURES_MAX, MAGNITUDE_MAX, STATE_PARTS_MAX};

/// Why a question or a sample is not taken.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// Not a number, infinite, or too large.
    #[error("{part} holds {value}, where a number from -{MAGNITUDE_MAX} to {MAGNITUDE_MAX} is allowed")]
    Number {
        /// Where it stands.
        part: &'static str,
        /// The number.
        value: f64,
    },
    /// More parts than any model takes, or none at all.
    #[error("{part} has {length} parts, where 1 to {max} are allowed")]
    Size {
        /// What has them.
        part: &'static str,
        /// How many it has.
        length: usize,
        /// How many are allowed.
        max: usize,
    },
    /// Not as many parts as the model was trained with.
    #[error("{part} has {length} parts, where this model knows {wanted}")]
    Length {
        /// What has them.
        part: &'static str,
        /// How many it has.
        length: usize,
        /// How many the samples before it had.
        wanted: usize,
    },
    /// No action has this number.
    #[error("there is no action {action}; there are {actions_n}, from 0")]
    Action {
        /// The number.
        action: u32,
        /// How many actions there are.
        actions_n: u32,
    },
    /// More candidates than one question may have.
    #[error("there are {0} candidates, where {CANDIDATES_MAX} are allowed")]
    Candidates(usize),
    /// The sample was taken before.
    #[error("the sample with this eid was taken already")]
    Duplicate,
    /// Another sample with this eid was taken before.
    #[error("another sample with this eid was taken already")]
    EidTaken,
    /// The samples after it have been learned from already.
    #[error("the sample came too late: its turn has passed")]
    Late,
}

impl Refusal {
    /// A name for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Number { .. } => "number",
            Self::Size { .. } => "size",
            Self::Length { .. } => "length",
            Self::Action { .. } => "action",
            Self::Candidates(_) => "candidates",
            Self::Duplicate => "duplicate",
            Self::EidTaken => "eid_taken",
            Self::Late => "late",
        }
    }

    /// Every name that [`Self::label`] may give.
    pub const LABELS: [&'static str; 8] =
        ["number", "size", "length", "action", "candidates", "duplicate", "eid_taken", "late"];

    pub(crate) fn check_state(part: &'static str, state: &[f64]) -> Result<(), Self> {
        Self::check(part, state, STATE_PARTS_MAX)
    }

    pub(crate) fn check_features(features: &[f64]) -> Result<(), Self> {
        Self::check("features", features, FEATURES_MAX)
    }

    fn check(part: &'static str, numbers: &[f64], max: usize) -> Result<(), Self> {
        let length = numbers.len();
        if !(1..=max).contains(&length) {
            return Err(Self::Size { part, length, max });
        }
        numbers.iter().try_for_each(|&value| Self::check_number(part, value))
    }

    pub(crate) fn check_number(part: &'static str, value: f64) -> Result<(), Self> {
        if value.abs() <= MAGNITUDE_MAX { Ok(()) } else { Err(Self::Number { part, value }) }
    }

    pub(crate) fn check_length(part: &'static str, length: usize, known: Option<usize>) -> Result<(), Self> {
        match known {
            Some(wanted) if wanted != length => Err(Self::Length { part, length, wanted }),
            _ => Ok(()),
        }
    }
}
