use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bytes::Bytes;
use protocol::{ErrorBody, ErrorCode, PolicySpec};
use serde_json::json;
use service::ApiError;
use service::settings::Allowed;

use crate::Shared;
use crate::settings::PolicySetting;

/// The policy in force
#[utoipa::path(get, path = "/configuration/scheduler", tag = "scheduler", responses(
    (status = 200, description = "Its name and parameters", body = PolicySpec),
))]
pub(super) async fn show(State(shared): State<Arc<Shared>>) -> Json<PolicySpec> {
    Json(shared.settings.current().scheduler.spec().clone())
}

/// Puts another policy in force, while jobs run: those in flight end under the old one
#[utoipa::path(post, path = "/configuration/scheduler", tag = "scheduler", request_body = PolicySpec, responses(
    (status = 200, description = "The policy that is now in force", body = PolicySpec),
    (status = 400, description = "Not JSON", body = ErrorBody),
    (status = 422, description = "No such policy, or parameters that do not fit it", body = ErrorBody),
    (status = 500, description = "The setting could not be saved; nothing changed", body = ErrorBody),
))]
pub(super) async fn set(
    State(shared): State<Arc<Shared>>,
    body: Bytes,
) -> Result<Json<PolicySpec>, ApiError> {
    let policy: serde_json::Value = serde_json::from_slice(&body)
        .map_err(|error| ApiError::bad_request(format!("the body is not JSON: {error}")))?;
    // A merge would keep the parameters of the old policy where the new one names none.
    let policy: PolicySpec = serde_json::from_value(policy).map_err(|error| {
        let message = format!("{error}; allowed is {}", PolicySetting::allowed());
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::BadInput, message)
    })?;
    service::apply_patch(Arc::clone(&shared.settings) as _, json!({ "scheduler": policy })).await?;
    Ok(show(State(shared)).await)
}
