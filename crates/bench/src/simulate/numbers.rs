//! Numbers of a scenario file, within the bounds in which they mean something.

use std::time::Duration;

use serde::Deserialize;

/// A finite number above zero.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Positive(pub(crate) f64);

/// A finite number that is not negative.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct NotNegative(pub(crate) f64);

/// A part of a whole, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Part(pub(crate) f64);

/// A whole number between two others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub(crate) struct Whole<const MIN: u64, const MAX: u64>(pub(crate) usize);

/// Larger numbers of seconds, or of anything, are slips.
const LARGEST: f64 = 1e9;

impl Positive {
    pub(crate) fn seconds(self) -> Duration {
        Duration::from_secs_f64(self.0)
    }

    pub(crate) fn milliseconds(self) -> Duration {
        Duration::from_secs_f64(self.0 / 1e3)
    }
}

impl NotNegative {
    pub(crate) fn seconds(self) -> Duration {
        Duration::from_secs_f64(self.0)
    }

    pub(crate) fn milliseconds(self) -> Duration {
        Duration::from_secs_f64(self.0 / 1e3)
    }
}

impl TryFrom<f64> for Positive {
    type Error = String;

    fn try_from(number: f64) -> Result<Self, String> {
        let fits = number > 0.0 && number <= LARGEST;
        if fits { Ok(Self(number)) } else { Err(format!("{number} where a number above 0 is allowed")) }
    }
}

impl TryFrom<f64> for NotNegative {
    type Error = String;

    fn try_from(number: f64) -> Result<Self, String> {
        let fits = (0.0..=LARGEST).contains(&number);
        if fits { Ok(Self(number)) } else { Err(format!("{number} where a number from 0 is allowed")) }
    }
}

impl TryFrom<f64> for Part {
    type Error = String;

    fn try_from(number: f64) -> Result<Self, String> {
        let fits = (0.0..=1.0).contains(&number);
        if fits { Ok(Self(number)) } else { Err(format!("{number} where a number from 0 to 1 is allowed")) }
    }
}

impl<const MIN: u64, const MAX: u64> TryFrom<u64> for Whole<MIN, MAX> {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, String> {
        let fits = (MIN..=MAX).contains(&number);
        let wrong = || format!("{number} where a whole number from {MIN} to {MAX} is allowed");
        usize::try_from(number).ok().filter(|_| fits).map(Self).ok_or_else(wrong)
    }
}
