use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bytes::Bytes;
use protocol::{ErrorBody, ErrorCode, SettingProblem};
use serde_json::Value;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use crate::ApiError;
use crate::settings::{Configurable, Effect, Key, PatchError};

/// The settings that may change at run time, with their values
#[utoipa::path(get, path = "/configuration", tag = "service", responses(
    (status = 200, description = "Key and value, see the schema Configuration", body = Value),
))]
pub(super) async fn show(State(settings): State<Arc<dyn Configurable>>) -> Json<Value> {
    Json(settings.live())
}

/// Changes settings by a JSON Merge Patch (RFC 7396), all or nothing, kept over a restart
///
/// Null takes back what was patched: the environment, the file or the default counts again.
#[utoipa::path(patch, path = "/configuration", tag = "service", request_body = Value, responses(
    (status = 200, description = "The new settings, in force", body = Value),
    (status = 400, description = "Not a JSON object", body = ErrorBody),
    (status = 409, description = "A key takes effect at a start only", body = ErrorBody),
    (status = 422, description = "Each bad key with its value and what is allowed", body = ErrorBody),
    (status = 500, description = "The settings could not be saved; nothing changed", body = ErrorBody),
))]
pub(super) async fn patch(
    State(settings): State<Arc<dyn Configurable>>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let patch = serde_json::from_slice(&body)
        .map_err(|error| ApiError::bad_request(format!("the body is not JSON: {error}")))?;
    apply_patch(settings, patch).await.map(Json)
}

/// Patches settings away from the tasks that serve: they are written to disk, which may take as long as
/// the disk likes.
///
/// # Errors
/// The answer to a patch that was refused.
pub async fn apply_patch(settings: Arc<dyn Configurable>, patch: Value) -> Result<Value, ApiError> {
    match tokio::task::spawn_blocking(move || settings.patch(patch)).await {
        Ok(patched) => patched.map_err(ApiError::from),
        Err(panicked) => Err(ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::Generic,
            format!("the settings could not be changed: {panicked}"),
        )),
    }
}

/// The same as PATCH, under the name that clients of the original P2PFaaS use
#[utoipa::path(post, path = "/configuration", tag = "service", request_body = Value, responses(
    (status = 200, description = "The new settings, in force", body = Value),
    (status = 400, description = "Not a JSON object", body = ErrorBody),
    (status = 409, description = "A key takes effect at a start only", body = ErrorBody),
    (status = 422, description = "Each bad key with its value and what is allowed", body = ErrorBody),
    (status = 500, description = "The settings could not be saved; nothing changed", body = ErrorBody),
))]
pub(super) async fn post(state: State<Arc<dyn Configurable>>, body: Bytes) -> Result<Json<Value>, ApiError> {
    patch(state, body).await
}

impl From<PatchError> for ApiError {
    fn from(error: PatchError) -> Self {
        let message = error.to_string();
        match error {
            PatchError::NotAnObject => Self::bad_request(message),
            PatchError::NeedsRestart(_) => Self::new(StatusCode::CONFLICT, ErrorCode::BadInput, message),
            PatchError::Save(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Generic, message),
            PatchError::Values(problems) => {
                let shown = problems.into_iter().map(|problem| SettingProblem {
                    key: problem.key,
                    value: problem.value,
                    why: problem.why,
                });
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::BadInput, message)
                    .with_problems(shown.collect())
            }
        }
    }
}

/// What `/configuration` takes and answers, made from the keys.
pub(super) fn schema(keys: &[Key]) -> Object {
    let live = keys.iter().filter(|key| key.effect == Effect::Live);
    let mut schema = ObjectBuilder::new();
    for key in live {
        let kind = match key.default {
            Value::Bool(_) => Type::Boolean,
            Value::Number(_) => Type::Integer,
            Value::String(_) => Type::String,
            Value::Array(_) => Type::Array,
            Value::Object(_) | Value::Null => Type::Object,
        };
        let described = ObjectBuilder::new()
            .schema_type(SchemaType::Type(kind))
            .default(Some(key.default.clone()))
            .description(Some(format!("{} Allowed: {}.", key.meaning, key.allowed)));
        schema = schema.property(key.name, described);
    }
    schema.build()
}
