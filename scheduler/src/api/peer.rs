use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use protocol::ErrorBody;
use service::ApiError;

use crate::Shared;

/// The link of a peer: a WebSocket over which it hands jobs to this node (subprotocol `p2pfaas.peer.1`)
#[utoipa::path(get, path = "/peer/link", tag = "scheduler", responses(
    (status = 101, description = "The link is open"),
    (status = 400, description = "The subprotocol, the caller's id or its nonce is missing", body = ErrorBody),
    (status = 421, description = "Another node was expected here", body = ErrorBody),
    (status = 426, description = "Not a WebSocket", body = ErrorBody),
    (status = 503, description = "This node takes no links, or not yet", body = ErrorBody),
))]
pub(super) async fn link(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    shared.peers.upgrade(request)
}
