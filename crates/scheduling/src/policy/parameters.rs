//! Reads parameters of policies, which are all text.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::HOPS_MAX;

/// A parameter that is a truth value.
pub(super) fn truth(name: &str, text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("{name} is {text:?} where \"true\" or \"false\" is allowed"))
}

/// The parameter "loss" where it may be left out: jobs wait.
pub(super) fn loss(text: Option<&String>) -> Result<bool, String> {
    text.map_or(Ok(false), |text| truth("loss", text))
}

/// A parameter that is a whole number in `range`.
pub(super) fn whole(name: &str, text: &str, range: RangeInclusive<usize>) -> Result<usize, String> {
    let (from, to) = (range.start(), range.end());
    let wrong = || format!("{name} is {text:?} where a whole number from {from} to {to} is allowed");
    text.parse().ok().filter(|number| range.contains(number)).ok_or_else(wrong)
}

/// A parameter that bounds the hops of a job.
pub(super) fn hops(name: &str, text: &str) -> Result<u8, String> {
    let number = whole(name, text, 0..=usize::from(HOPS_MAX))?;
    Ok(u8::try_from(number).unwrap_or(HOPS_MAX))
}

/// The longest duration that a parameter may name: no caller waits for longer.
const DURATION_MAX: Duration = Duration::from_secs(3_600);

/// A parameter that is a duration as Go writes it, with one unit: `10s`, `200ms`, `1.5ms`, `50us`.
pub(super) fn duration(name: &str, text: &str) -> Result<Duration, String> {
    let wrong = || {
        let most = DURATION_MAX.as_secs();
        format!(
            "{name} is {text:?} where a duration such as \"10s\" or \"200ms\" is allowed, at most \"{most}s\""
        )
    };
    let units = [("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("ns", 1e-9), ("s", 1.0), ("m", 60.0)];
    let (number, scale) = units
        .iter()
        .find_map(|(unit, scale)| text.strip_suffix(unit).map(|number| (number, scale)))
        .ok_or_else(wrong)?;
    let seconds = number.parse::<f64>().map_err(|_| wrong())? * scale;
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    if duration > DURATION_MAX { Err(wrong()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_the_original_writes_them() {
        for (text, micros) in [("10s", 10_000_000), ("200ms", 200_000), ("1.5ms", 1_500), ("50us", 50)] {
            assert_eq!(duration("tau", text), Ok(Duration::from_micros(micros)));
        }
        for text in ["", "10", "s", "-1s", "NaNs", "infs", "2h", "1e9s"] {
            assert!(duration("tau", text).unwrap_err().contains("tau"), "{text}");
        }
    }

    #[test]
    fn numbers_stay_in_their_range() {
        assert_eq!(whole("fan-out", "2", 1..=16), Ok(2));
        for text in ["0", "17", "-1", "x", ""] {
            assert!(whole("fan-out", text, 1..=16).unwrap_err().contains("1 to 16"), "{text}");
        }
    }
}
