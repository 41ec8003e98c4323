use std::io;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use learning::Stats;
use protocol::{ErrorBody, ErrorCode};
use serde::Serialize;
use service::ApiError;
use utoipa::ToSchema;

use super::{Api, body};

/// The model that is now in force.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Version {
    version: u64,
}

/// How the model stands: counters, probability of a random action, average reward, version
#[utoipa::path(get, path = "/learner/stats", tag = "learner", responses(
    (status = 200, description = "By name; those of the original P2PFaaS are among them", body = Value),
))]
pub(super) async fn stats(State(api): State<Arc<Api>>) -> Json<Stats> {
    Json(api.mind.stats())
}

/// The model: agent, parameters, counters and weights
#[utoipa::path(get, path = "/learner/weights", tag = "learner", responses(
    (status = 200, description = "The model, as PUT takes it", body = Value),
    (status = 503, description = "The model changes too fast to be written", body = ErrorBody),
))]
pub(super) async fn weights(State(api): State<Arc<Api>>) -> Result<Response, ApiError> {
    let mind = Arc::clone(&api.mind);
    let json = away(move || mind.to_json()).await?.map_err(|_: io::Error| {
        let message = "the model was replaced while it was written; ask again";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Generic, message).to_be_retried()
    })?;
    Ok(([(CONTENT_TYPE, "application/json")], json).into_response())
}

/// Loads a model that was trained elsewhere, for the agent and the number of actions that are in force
#[utoipa::path(put, path = "/learner/weights", tag = "learner", request_body = Value, responses(
    (status = 200, description = "It is in force", body = Version),
    (status = 400, description = "The body broke off, or is not UTF-8", body = ErrorBody),
    (status = 413, description = "Larger than the settings allow", body = ErrorBody),
    (status = 422, description = "Not a model of this agent; nothing changed", body = ErrorBody),
))]
pub(super) async fn load(State(api): State<Arc<Api>>, request: Request) -> Result<Json<Version>, ApiError> {
    let document = body::read(request, api.settings.current().model_bytes_max.size()).await?;
    let mind = Arc::clone(&api.mind);
    let loaded = away(move || mind.load(document.as_bytes())).await?;
    let version = loaded.map_err(|error| body::unprocessable(error.to_string()))?;
    Ok(Json(Version { version }))
}

/// Forgets what was learned
#[utoipa::path(get, path = "/learner/reset", tag = "learner", responses(
    (status = 200, description = "A new model is in force", body = Version),
))]
pub(super) async fn reset(State(api): State<Arc<Api>>) -> Json<Version> {
    Json(Version { version: api.mind.reset() })
}

/// The same as GET
#[utoipa::path(post, path = "/learner/reset", tag = "learner", responses(
    (status = 200, description = "A new model is in force", body = Version),
))]
pub(super) async fn reset_post(state: State<Arc<Api>>) -> Json<Version> {
    reset(state).await
}

/// Large models are read and written away from the tasks that serve.
async fn away<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Generic, error.to_string())
    })
}
