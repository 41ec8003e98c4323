use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::{ErrorBody, ErrorCode};
use service::ApiError;

use crate::Shared;
use crate::peers::Topology;

/// The nodes of the cluster, as this node's discovery last told them
#[utoipa::path(get, path = "/nodes", tag = "scheduler", responses(
    (status = 200, description = "The list of the discovery, and `stale`: whether it is away", body = Topology),
    (status = 503, description = "Discovery was never reached", body = ErrorBody),
))]
pub(super) async fn show(State(shared): State<Arc<Shared>>) -> Result<Json<Topology>, ApiError> {
    shared.directory.topology().map(Json).ok_or_else(|| {
        let why = shared.health.why_degraded(crate::peers::DISCOVERY);
        let why = why.unwrap_or_else(|| "this node has no discovery".to_owned());
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Generic, why).to_be_retried()
    })
}
