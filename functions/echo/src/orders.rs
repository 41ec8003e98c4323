//! What the query may order the function to do. Keys it does not know are somebody else's, and are left alone.

use axum::extract::Query;
use axum::http::{StatusCode, Uri};
use function_runtime::Error;
use serde::{Deserialize, Deserializer, de};
use std::time::Duration;

/// Ten minutes outlast every time-out that a test wants to see expire.
const DELAY_MS_MAX: u64 = 10 * 60 * 1000;

/// One gibibyte shows that an answer is streamed: no service of a node may hold it in memory. It costs this
/// function nothing, because each piece is the same.
const SIZE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Two cookies show that a repeated header is kept; more only make the head of the answer longer.
const COOKIES_MAX: u64 = 16;

/// The orders of one request, each within its bounds.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Orders {
    /// Answer this status, from 200 to 599.
    pub(crate) status: Option<Status>,
    /// Answer after so many milliseconds.
    #[serde(deserialize_with = "up_to::<_, DELAY_MS_MAX>")]
    delay_ms: Option<u64>,
    /// Answer so many bytes in pieces, without saying beforehand how many.
    #[serde(deserialize_with = "up_to::<_, SIZE_BYTES_MAX>")]
    pub(crate) size: Option<u64>,
    /// Promise more bytes than this, send this many, and break off the connection.
    #[serde(deserialize_with = "up_to::<_, SIZE_BYTES_MAX>")]
    pub(crate) abort_after: Option<u64>,
    /// 1: answer what arrived, as JSON.
    pub(crate) info: u8,
    /// Answer with so many `Set-Cookie` headers.
    #[serde(deserialize_with = "cookies")]
    pub(crate) cookies: u64,
}

impl Orders {
    /// Reads the orders from a query; one that is not understood, or out of bounds, is 400.
    pub(crate) fn parse(query: &str) -> Result<Self, Error> {
        let uri = Uri::builder()
            .path_and_query(format!("/?{query}"))
            .build()
            .map_err(|cause| Error::bad_request(cause.to_string()))?;
        match Query::try_from_uri(&uri) {
            Ok(Query(orders)) => Ok(orders),
            Err(rejection) => Err(Error::bad_request(rejection.body_text())),
        }
    }

    pub(crate) fn delay(&self) -> Option<Duration> {
        self.delay_ms.map(Duration::from_millis)
    }
}

/// A status that may end a response; those below 200 announce another one.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "u16")]
pub(crate) struct Status(StatusCode);

impl TryFrom<u16> for Status {
    type Error = String;

    fn try_from(number: u16) -> Result<Self, String> {
        match StatusCode::from_u16(number) {
            Ok(status) if (200..600).contains(&number) => Ok(Self(status)),
            _ => Err(format!("{number} is not a status from 200 to 599")),
        }
    }
}

impl From<Status> for StatusCode {
    fn from(status: Status) -> Self {
        status.0
    }
}

fn up_to<'de, D: Deserializer<'de>, const MAX: u64>(deserializer: D) -> Result<Option<u64>, D::Error> {
    match u64::deserialize(deserializer)? {
        number if number <= MAX => Ok(Some(number)),
        number => Err(de::Error::custom(format!("{number} is more than the allowed {MAX}"))),
    }
}

fn cookies<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(up_to::<D, COOKIES_MAX>(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_and_other_keys_left_alone() {
        let orders =
            Orders::parse("status=404&delay_ms=5&size=7&abort_after=3&info=1&cookies=2&x=y&z").unwrap();
        assert_eq!(orders.status, Some(Status(StatusCode::NOT_FOUND)));
        assert_eq!(orders.delay(), Some(Duration::from_millis(5)));
        assert_eq!((orders.size, orders.abort_after), (Some(7), Some(3)));
        assert_eq!((orders.info, orders.cookies), (1, 2));
        assert_eq!(Orders::parse("").unwrap(), Orders::default());
    }

    #[test]
    fn an_order_out_of_bounds_names_the_reason() {
        for (query, reason) in [
            ("status=99", "99 is not a status"),
            ("status=101", "101 is not a status"),
            ("status=600", "600 is not a status"),
            ("status=ok", "status"),
            ("delay_ms=600001", "more than the allowed 600000"),
            ("delay_ms=-1", "delay_ms"),
            ("size=1073741825", "more than the allowed 1073741824"),
            ("cookies=17", "more than the allowed 16"),
        ] {
            let error = Orders::parse(query).unwrap_err();
            assert_eq!(error.status(), 400);
            assert!(error.message().contains(reason), "{query}: {}", error.message());
        }
    }
}
