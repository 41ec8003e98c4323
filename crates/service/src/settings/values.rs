use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

/// Says in words which values a type can hold.
pub trait Allowed {
    /// For example `a whole number from 1 to 65535`.
    fn allowed() -> String;

    /// Whether a value must never be shown: not in an answer, not in an error, not in a log.
    fn is_secret() -> bool {
        false
    }
}

/// A whole number from `MIN` to `MAX`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Whole<const MIN: u64, const MAX: u64>(u64);

impl<const MIN: u64, const MAX: u64> Whole<MIN, MAX> {
    /// This number, or the nearest one that is allowed.
    pub const fn nearest(number: u64) -> Self {
        if number < MIN {
            Self(MIN)
        } else if number > MAX {
            Self(MAX)
        } else {
            Self(number)
        }
    }

    /// The number.
    pub const fn value(self) -> u64 {
        self.0
    }

    /// The number as a size; on 32-bit machines the largest one where it would not fit.
    pub fn size(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// The number as milliseconds.
    pub const fn milliseconds(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

impl Whole<0, 65_535> {
    /// The number as a port.
    pub const fn port(self) -> u16 {
        self.0 as u16
    }
}

impl<const MIN: u64, const MAX: u64> Allowed for Whole<MIN, MAX> {
    fn allowed() -> String {
        format!("a whole number from {MIN} to {MAX}")
    }
}

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InRange<const MIN: u64, const MAX: u64>;

        impl<const MIN: u64, const MAX: u64> Visitor<'_> for InRange<MIN, MAX> {
            type Value = Whole<MIN, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&Whole::<MIN, MAX>::allowed())
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                if (MIN..=MAX).contains(&number) {
                    return Ok(Whole(number));
                }
                Err(E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }
        }
        deserializer.deserialize_u64(InRange::<MIN, MAX>)
    }
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Switch(pub bool);

impl Allowed for Switch {
    fn allowed() -> String {
        "true or false".to_owned()
    }
}

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bool::deserialize(deserializer).map(Self)
    }
}

impl Allowed for IpAddr {
    fn allowed() -> String {
        "an IPv4 or IPv6 address".to_owned()
    }
}

impl Allowed for PathBuf {
    fn allowed() -> String {
        "a path".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Port = Whole<1, 65_535>;

    #[test]
    fn takes_its_range_and_nothing_else() {
        for (text, wanted) in [("1", Some(1)), ("65535", Some(65_535)), ("0", None), ("65536", None)] {
            assert_eq!(serde_json::from_str::<Port>(text).ok().map(Port::value), wanted, "{text}");
        }
        for text in ["-1", "1.5", "\"1\"", "null", "true", "1e3"] {
            assert!(serde_json::from_str::<Port>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn says_what_is_allowed() {
        let error = serde_json::from_str::<Port>("0").unwrap_err().to_string();
        assert!(error.contains("a whole number from 1 to 65535"), "{error}");
    }
}
