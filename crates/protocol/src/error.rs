use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The JSON body of every error answer of every service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// See [`ErrorCode`].
    pub code: u16,
    /// What went wrong and, where it is known, what to do about it.
    pub message: String,
    /// The call's id, as in `X-Call-Id`; absent where there was no call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// Each setting that was refused; absent where the error is another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<SettingProblem>,
}

/// A setting that was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SettingProblem {
    /// Its key.
    pub key: String,
    /// The value that it was to have.
    pub value: Value,
    /// What is wrong, and which values are allowed.
    pub why: String,
}

/// The numbers that clients of the original P2PFaaS know; the HTTP status beside them is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum ErrorCode {
    /// Anything that has no number of its own.
    Generic = 1,
    /// No such function, route or record.
    NotFound = 3,
    /// The request is malformed, too large, or its body broke off.
    BadInput = 4,
    /// The function could not be reached, or broke off.
    FunctionFailed = 5,
    /// Slots and queue are full and nobody else can take the job.
    QueueFull = 400,
    /// A policy or a header rejected the job on purpose.
    Rejected = 401,
    /// The job was handed to a peer, which was lost or gave it up.
    ForwardFailed = 403,
    /// The deadline passed before the job could start, or while it ran.
    DeadlinePassed = 408,
    /// The node is draining.
    Draining = 503,
}

impl From<ErrorCode> for u16 {
    fn from(code: ErrorCode) -> Self {
        code as u16
    }
}
