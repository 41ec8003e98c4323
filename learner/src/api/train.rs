use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use protocol::ErrorBody;
use protocol::learner::{ACTION_HEADER, EID_HEADER, OneOrMany, REWARD_HEADER, STATE_HEADER, Trained};
use serde_json::Value;
use service::ApiError;

use super::{Api, body};
use crate::samples::{self, Batch};
use crate::session::learn;

/// Learns from a sample, or from a list of samples
///
/// The samples of a list are taken one by one: a bad one is refused with the reason, and costs the others
/// nothing. A single sample that is none is answered with 422.
#[utoipa::path(post, path = "/train", tag = "learner", request_body = OneOrMany, responses(
    (status = 200, description = "How many were taken, and which were not", body = Trained),
    (status = 400, description = "Not JSON", body = ErrorBody),
    (status = 413, description = "Larger, or more samples, than the settings allow", body = ErrorBody),
    (status = 422, description = "The sample is none", body = ErrorBody),
))]
pub(super) async fn train(State(api): State<Arc<Api>>, request: Request) -> Result<Json<Trained>, ApiError> {
    let json = body::read(request, api.settings.current().message_bytes_max.size()).await?;
    let batch = Batch::read(&json).map_err(|error| ApiError::bad_request(error.to_string()))?;
    take(&api, batch)
}

/// Learns from a list of samples, as clients of the original P2PFaaS write them
#[utoipa::path(post, path = "/train_batch", tag = "learner", request_body = Value, responses(
    (status = 200, description = "How many were taken, and which were not", body = Trained),
    (status = 400, description = "Not JSON", body = ErrorBody),
    (status = 413, description = "Larger, or more samples, than the settings allow", body = ErrorBody),
    (status = 422, description = "The sample is none", body = ErrorBody),
))]
pub(super) async fn train_batch(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Json<Trained>, ApiError> {
    let json = body::read(request, api.settings.current().message_bytes_max.size()).await?;
    let batch = Batch::read_original(&json).map_err(|error| ApiError::bad_request(error.to_string()))?;
    take(&api, batch)
}

fn take(api: &Api, batch: Batch) -> Result<Json<Trained>, ApiError> {
    let max = api.settings.current().samples_batch_max.size();
    if batch.len() > max {
        return Err(body::too_large(format!("{max} samples")));
    }
    let is_single = batch.is_single;
    let trained = learn(&api.mind, batch);
    match trained.refused.first() {
        Some(refused) if is_single => Err(body::unprocessable(refused.why.clone())),
        _ => Ok(Json(trained)),
    }
}

/// Learns from a sample in the headers, as clients of the original P2PFaaS send it
#[utoipa::path(get, path = "/train", tag = "learner",
    params(
        ("X-P2pfaas-Learning-Eid" = u64, Header, description = "The number of the choice"),
        ("X-P2pfaas-Learning-State" = String, Header, description = "The state, with commas"),
        ("X-P2pfaas-Learning-Action" = u32, Header, description = "The action"),
        ("X-P2pfaas-Learning-Reward" = f64, Header, description = "What it was worth"),
    ),
    responses(
        (status = 200, description = "Taken: ok", body = String),
        (status = 400, description = "A header is missing", body = ErrorBody),
        (status = 422, description = "The sample is none, or is refused", body = ErrorBody),
    )
)]
pub(super) async fn train_original(
    State(api): State<Arc<Api>>,
    request_headers: HeaderMap,
) -> Result<&'static str, ApiError> {
    let header = |name| body::header(&request_headers, name);
    let part = |name| header(name).map(Value::from);
    let eid = header(EID_HEADER)?.trim().parse();
    let eid = eid.map_err(|_| body::unprocessable("the eid is no whole number"))?;
    let (state, action) = (part(STATE_HEADER)?, part(ACTION_HEADER)?);
    let sample =
        samples::original(eid, &state, &action, &part(REWARD_HEADER)?).map_err(body::unprocessable)?;
    take(&api, OneOrMany::One(sample).into()).map(|_| "ok")
}
