use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use protocol::{ErrorBody, ErrorCode, SettingProblem};

/// What a client should wait before it tries again where a node is busy or about to stop.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// An error on its way to a client: an HTTP status and the JSON body that every service answers.
#[derive(Debug, Clone)]
pub struct ApiError {
    status: StatusCode,
    body: ErrorBody,
    retry: bool,
}

impl ApiError {
    /// An error with this status, code and message.
    pub fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        let body =
            ErrorBody { code: code.into(), message: message.into(), call_id: None, problems: Vec::new() };
        Self { status, body, retry: false }
    }

    /// 400: the request is malformed.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::BadInput, message)
    }

    /// The same, of this call.
    #[must_use]
    pub fn of_call(mut self, call_id: impl Into<String>) -> Self {
        self.body.call_id = Some(call_id.into());
        self
    }

    /// The same, with each setting that is wrong.
    #[must_use]
    pub fn with_problems(mut self, problems: Vec<SettingProblem>) -> Self {
        self.body.problems = problems;
        self
    }

    /// The same, telling the client to try again soon.
    #[must_use]
    pub fn to_be_retried(mut self) -> Self {
        self.retry = true;
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The number in the body, see [`ErrorCode`].
    pub fn code(&self) -> u16 {
        self.body.code
    }

    /// What the client is told.
    pub fn message(&self) -> &str {
        &self.body.message
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if self.retry {
            response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        response
    }
}
