use std::error::Error;
use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use learning::Refusal;
use protocol::ErrorCode;
use serde::de::DeserializeOwned;
use service::ApiError;

/// A body that takes longer to come in is given up.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads a body of up to `bytes_max`, which may be text only.
pub(super) async fn read(request: Request, bytes_max: usize) -> Result<String, ApiError> {
    let body = tokio::time::timeout(BODY_TIMEOUT, to_bytes(request.into_body(), bytes_max)).await;
    let body: Bytes = match body {
        Ok(Ok(body)) => body,
        Ok(Err(error)) if is_too_long(&error) => return Err(too_large(format!("{bytes_max} bytes"))),
        Ok(Err(error)) => return Err(ApiError::bad_request(format!("the body broke off: {error}"))),
        Err(_) => return Err(ApiError::bad_request("the body did not come in time")),
    };
    String::from_utf8(body.into()).map_err(|_| ApiError::bad_request("the body is not UTF-8"))
}

fn is_too_long(error: &axum::Error) -> bool {
    error.source().is_some_and(|source| source.to_string().contains("length limit"))
}

/// 413: more than is allowed.
pub(super) fn too_large(max: String) -> ApiError {
    let message = format!("the body is too large; {max} are allowed");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::BadInput, message)
}

/// Reads JSON: 400 for what is none, 422 for what is something else.
pub(super) fn parse<T: DeserializeOwned>(json: &str) -> Result<T, ApiError> {
    serde_json::from_str(json).map_err(|error| {
        if error.is_data() {
            unprocessable(error.to_string())
        } else {
            ApiError::bad_request(format!("the body is not JSON: {error}"))
        }
    })
}

/// 422: JSON, but not what is wanted.
pub(super) fn unprocessable(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::BadInput, message)
}

pub(super) fn refused(refusal: Refusal) -> ApiError {
    unprocessable(refusal.to_string())
}

/// A header that must be there, as the original's clients send it.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, ApiError> {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.ok_or_else(|| ApiError::bad_request(format!("the header {name} is missing")))
}
