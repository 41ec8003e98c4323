//! Arguments that clap cannot read by itself, parsed into types that cannot be wrong.

use std::{fmt, str::FromStr, time::Duration};

use hyper::header::{HeaderName, HeaderValue};

/// A time above zero, written as `10s`, `500ms` or `1m 30s`: nothing can be measured in no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositiveDuration(Duration);

impl PositiveDuration {
    /// `count` milliseconds.
    ///
    /// # Panics
    /// When `count` is zero.
    #[must_use]
    pub const fn from_millis(count: u64) -> Self {
        assert!(count > 0, "a positive duration is longer than zero");
        Self(Duration::from_millis(count))
    }

    /// The duration itself.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for PositiveDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
        if duration.is_zero() { Err("must be longer than zero".to_owned()) } else { Ok(Self(duration)) }
    }
}

impl fmt::Display for PositiveDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

/// A number of calls a second, above zero.
///
/// # Errors
/// What is wrong with `text`, for the user.
pub fn positive_rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if rate.is_finite() && rate > 0.0 { Ok(rate) } else { Err("must be above zero".to_owned()) }
}

/// A header as `Name: value`.
///
/// # Errors
/// What is wrong with `text`, for the user.
pub fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("expected `Name: value`")?;
    let name = name.trim().parse::<HeaderName>().map_err(|error| error.to_string())?;
    let value = value.trim().parse::<HeaderValue>().map_err(|error| error.to_string())?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_their_unit_and_are_not_zero() {
        assert_eq!("500ms".parse(), Ok(PositiveDuration::from_millis(500)));
        assert_eq!("1m 30s".parse(), Ok(PositiveDuration::from_millis(90_000)));
        assert_eq!(PositiveDuration::from_millis(90_000).to_string(), "1m 30s");
        for bad in ["0s", "10", "soon"] {
            assert!(bad.parse::<PositiveDuration>().is_err(), "{bad}");
        }
    }

    #[test]
    fn rates_are_finite_and_above_zero() {
        assert_eq!(positive_rate("2.5"), Ok(2.5));
        for bad in ["0", "-1", "inf", "NaN", "fast"] {
            assert!(positive_rate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn headers_are_split_at_the_first_colon() {
        let (name, value) = header("X-Forwarded: a:b").unwrap();
        assert_eq!(name, "x-forwarded");
        assert_eq!(value, "a:b");
        assert!(header("no colon").is_err());
        assert!(header("bad name: x").is_err());
    }
}
