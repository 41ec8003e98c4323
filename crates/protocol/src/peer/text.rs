//! The types of HTTP as text in JSON, by the names that `#[serde(with = ...)]` looks for.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that becomes a value without a copy of its own.
struct Text<T>(std::marker::PhantomData<T>);

/// A value that is written as a text.
trait FromText: Sized {
    const WHAT: &'static str;
    fn from_text(text: &str) -> Option<Self>;
}

impl<T: FromText> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}

fn read<'de, T: FromText, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_str(Text(std::marker::PhantomData))
}

pub(super) mod method {
    use http::Method;

    use super::{Deserializer, FromText, Serializer};

    impl FromText for Method {
        const WHAT: &'static str = "a method";
        fn from_text(text: &str) -> Option<Self> {
            Self::from_bytes(text.as_bytes()).ok()
        }
    }

    pub(in crate::peer) fn serialize<S: Serializer>(method: &Method, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(method.as_str())
    }

    pub(in crate::peer) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Method, D::Error> {
        super::read(from)
    }
}

pub(super) mod path {
    use http::uri::PathAndQuery;

    use super::{Deserializer, FromText, Serializer};

    impl FromText for PathAndQuery {
        const WHAT: &'static str = "a path, with or without a query";
        fn from_text(text: &str) -> Option<Self> {
            if text == "/" { Some(Self::from_static("/")) } else { text.parse().ok() }
        }
    }

    pub(in crate::peer) fn serialize<S: Serializer>(path: &PathAndQuery, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(path.as_str())
    }

    pub(in crate::peer) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathAndQuery, D::Error> {
        super::read(from)
    }
}

pub(super) mod status {
    use http::StatusCode;

    use super::{Deserialize, Deserializer, Error, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    pub(in crate::peer) fn serialize<S: Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u16(status.as_u16())
    }

    pub(in crate::peer) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<StatusCode, D::Error> {
        StatusCode::from_u16(u16::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// A list of pairs in the order of the map, a repeated name as a pair each.
pub(super) mod headers {
    use http::{HeaderMap, HeaderName, HeaderValue};
    use serde::de::SeqAccess;

    use super::{Cow, Deserialize, Deserializer, Error, FromText, Serialize, Serializer, Visitor, fmt};

    struct Value<'a>(&'a HeaderValue);

    /// The bytes of a value need not be UTF-8: each is written as the character of its number (Latin-1).
    impl Serialize for Value<'_> {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            let text = match self.0.to_str() {
                Ok(ascii) => Cow::Borrowed(ascii),
                Err(_) => Cow::Owned(self.0.as_bytes().iter().map(|&byte| char::from(byte)).collect()),
            };
            to.serialize_str(&text)
        }
    }

    impl FromText for HeaderValue {
        const WHAT: &'static str = "a header's value";
        fn from_text(text: &str) -> Option<Self> {
            if text.is_ascii() {
                return Self::from_str(text).ok();
            }
            let bytes: Option<Vec<u8>> =
                text.chars().map(|char| u8::try_from(u32::from(char)).ok()).collect();
            Self::from_maybe_shared(bytes?).ok()
        }
    }

    impl FromText for HeaderName {
        const WHAT: &'static str = "a header's name";
        fn from_text(text: &str) -> Option<Self> {
            Self::from_bytes(text.as_bytes()).ok()
        }
    }

    struct Pair(HeaderName, HeaderValue);

    impl<'de> Deserialize<'de> for Pair {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            from.deserialize_tuple(2, Pairs)
        }
    }

    struct Part<T>(T);

    impl<'de, T: FromText> Deserialize<'de> for Part<T> {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            super::read(from).map(Self)
        }
    }

    struct Pairs;

    impl<'de> Visitor<'de> for Pairs {
        type Value = Pair;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a pair of name and value")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Pair, A::Error> {
            let name: Option<Part<HeaderName>> = parts.next_element()?;
            let value: Option<Part<HeaderValue>> = parts.next_element()?;
            match (name, value) {
                (Some(name), Some(value)) => Ok(Pair(name.0, value.0)),
                _ => Err(A::Error::invalid_length(1, &self)),
            }
        }
    }

    /// What most jobs and replies have.
    const USUAL_HEADERS: usize = 12;

    struct List;

    impl<'de> Visitor<'de> for List {
        type Value = HeaderMap;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of pairs of name and value")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut pairs: A) -> Result<HeaderMap, A::Error> {
            let mut headers = HeaderMap::with_capacity(USUAL_HEADERS);
            while let Some(Pair(name, value)) = pairs.next_element()? {
                headers.try_append(name, value).map_err(A::Error::custom)?;
            }
            Ok(headers)
        }
    }

    pub(in crate::peer) fn serialize<S: Serializer>(headers: &HeaderMap, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(headers.iter().map(|(name, value)| (name.as_str(), Value(value))))
    }

    pub(in crate::peer) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<HeaderMap, D::Error> {
        from.deserialize_seq(List)
    }
}
