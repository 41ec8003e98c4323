use std::time::Duration;

use http::{HeaderValue, StatusCode};
use protocol::{ErrorCode, FunctionName, NodeId};
use scheduling::Rejection;
use service::ApiError;

use crate::Shared;
use crate::body::BodyError;
use crate::caller::CallError;

/// Why a call is not answered by its function.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Malformed(String),
    #[error("{}", unknown_function(name, docker.as_deref()))]
    UnknownFunction { name: String, docker: Option<String> },
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("{}", refused(*reason, *patience))]
    Refused { reason: Rejection, patience: Duration },
    #[error("the function did not answer within {} ms", patience.as_millis())]
    TimedOut { patience: Duration },
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the peer {peer} was lost after it had taken the job, which may have run")]
    PeerLost { peer: NodeId },
    #[error("the peer {peer} gave the job up: {why}")]
    PeerFailed { peer: NodeId, why: String },
    #[error("the function on the peer {peer} broke off before any of its reply was passed on")]
    FarFunctionBrokeOff { peer: NodeId },
    #[error("the body is larger than body_bytes_max of the peer {peer}, and nobody else takes the job")]
    TooLargeForPeer { peer: NodeId },
    #[error("the peer that handed the job on is gone")]
    CallerLost,
}

fn unknown_function(name: &str, docker: Option<&str>) -> String {
    match docker {
        None => format!(
            "no function {name:?} runs here or on a node that is known: start a container of this name, or name \
             an endpoint"
        ),
        Some(why) => format!("no function {name:?} is known here, and Docker is away: {why}"),
    }
}

fn refused(reason: Rejection, patience: Duration) -> String {
    match reason {
        Rejection::DeadlinePassed => {
            format!("{reason}: {} ms after the call arrived", patience.as_millis())
        }
        _ => reason.to_string(),
    }
}

impl Failure {
    /// Nobody is known to have a function of this name.
    pub(super) fn unknown(shared: &Shared, name: &str) -> Self {
        let docker = shared.health.why_degraded(crate::executor::docker::NAME);
        Self::UnknownFunction { name: name.to_owned(), docker }
    }

    /// The one place where what went wrong with a call becomes an HTTP status.
    pub(super) fn into_api_error(self) -> ApiError {
        let message = self.to_string();
        let (status, code) = match &self {
            Self::Malformed(_) | Self::Body(BodyError::BrokeOff(_)) => {
                (StatusCode::BAD_REQUEST, ErrorCode::BadInput)
            }
            Self::UnknownFunction { .. } | Self::Refused { reason: Rejection::NoNode, .. } => {
                (StatusCode::NOT_FOUND, ErrorCode::NotFound)
            }
            Self::Body(BodyError::TooLarge { .. }) | Self::TooLargeForPeer { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::BadInput)
            }
            Self::Body(BodyError::TooSlow { .. }) => (StatusCode::REQUEST_TIMEOUT, ErrorCode::BadInput),
            Self::Body(BodyError::NoMemory)
            | Self::Refused { reason: Rejection::Full | Rejection::NobodyTakesIt, .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::QueueFull)
            }
            Self::Refused { reason: Rejection::OnPurpose, .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Rejected)
            }
            Self::Refused { reason: Rejection::Draining, .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Draining)
            }
            Self::Refused { reason: Rejection::DeadlinePassed | Rejection::TooLate, .. }
            | Self::TimedOut { .. } => (StatusCode::GATEWAY_TIMEOUT, ErrorCode::DeadlinePassed),
            Self::Call(_) | Self::FarFunctionBrokeOff { .. } => {
                (StatusCode::BAD_GATEWAY, ErrorCode::FunctionFailed)
            }
            Self::PeerLost { .. } | Self::PeerFailed { .. } | Self::CallerLost => {
                (StatusCode::BAD_GATEWAY, ErrorCode::ForwardFailed)
            }
        };
        let error = ApiError::new(status, code, message);
        match code {
            ErrorCode::QueueFull | ErrorCode::Draining => error.to_be_retried(),
            _ => error,
        }
    }

    /// A function that fails is news; that a caller errs or a node is full is daily work.
    pub(super) fn log(&self, call_id: &HeaderValue, function: Option<&FunctionName>) {
        let function = function.map(FunctionName::as_str);
        match self {
            Self::Call(_)
            | Self::TimedOut { .. }
            | Self::PeerLost { .. }
            | Self::PeerFailed { .. }
            | Self::FarFunctionBrokeOff { .. } => {
                tracing::warn!(?call_id, function, error = %self, "a job failed");
            }
            _ => tracing::debug!(?call_id, function, error = %self, "a call was refused"),
        }
    }
}
