use axum::Json;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use std::error::Error as StdError;

use crate::BODY_BYTES_MAX;

/// What a function answers when it cannot do its work: a status, and the JSON `{"code", "message"}`.
#[derive(Debug, Clone, Serialize)]
pub struct Error {
    #[serde(skip)]
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Error {
    /// An error answered with `status`. `code` is one word for programs, `message` one sentence for people.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// 400: the caller sent what the function cannot use, and `message` says what and why.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// 413: the caller sent more than the function takes.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    /// 429: the function has as much to do as it admits; the caller may try again.
    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", message)
    }

    /// 500: the function failed at no fault of the caller.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// 503: the function has been told to stop.
    pub(crate) fn stopping() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the function is stopping")
    }

    /// The status the error is answered with.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The sentence that tells the reason.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        (self.status, Json(self)).into_response()
    }
}

/// Reads a whole request body of up to [`BODY_BYTES_MAX`].
///
/// A larger one is 413, and one that breaks off before its end is 400.
pub async fn read_body(body: Body) -> Result<Bytes, Error> {
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(cause) if is_length_limit(cause.as_ref()) => {
            Err(Error::too_large(format!("the request body is larger than {BODY_BYTES_MAX} bytes")))
        }
        Err(cause) => Err(Error::bad_request(format!("the request body broke off: {cause}"))),
    }
}

fn is_length_limit(cause: &(dyn StdError + 'static)) -> bool {
    cause.is::<LengthLimitError>()
}

/// Why a function did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// `LISTENING_HOST` is set, and is not an IP address.
    #[error("LISTENING_HOST must be an IP address, not {value:?}")]
    Host {
        /// What it is set to.
        value: String,
    },
    /// `PORT` is set, and is not a TCP port.
    #[error("PORT must be a number from 1 to 65535, not {value:?}")]
    Port {
        /// What it is set to.
        value: String,
    },
    /// The only argument a function takes is `healthcheck`.
    #[error("unknown argument {argument:?}: only `healthcheck` is allowed")]
    Argument {
        /// What was given.
        argument: String,
    },
    /// The asynchronous run time did not start.
    #[error("starting the run time failed")]
    Runtime(#[source] std::io::Error),
    /// The port could not be opened.
    #[error("listening on port {port} failed")]
    Listen {
        /// The port.
        port: u16,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The handlers of SIGTERM and SIGINT could not be installed.
    #[error("waiting for signals failed")]
    Signals(#[source] std::io::Error),
    /// The calls in progress had not ended when the grace time was over.
    #[error("calls were still in progress after the grace time of {} s", grace.as_secs())]
    GraceOver {
        /// The grace time.
        grace: std::time::Duration,
    },
    /// A second signal cut the graceful stop short.
    #[error("a second signal ended the graceful stop")]
    SecondSignal,
    /// The function that `healthcheck` asked did not answer, or not with 200.
    #[error("unhealthy: {reason}")]
    Unhealthy {
        /// What it did instead.
        reason: String,
    },
}
