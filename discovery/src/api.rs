//! The discovery's own routes.

mod nodes;
mod original;
mod watch;

use std::sync::Arc;

use axum::http::StatusCode;
use protocol::ErrorCode;
use service::ApiError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::gossip::{Gossip, Stopped};

/// What the routes have in common.
pub(crate) struct Api {
    pub(crate) gossip: Gossip,
    /// Ends the connections that watch.
    pub(crate) stop: CancellationToken,
    /// Those connections.
    pub(crate) watches: TaskTracker,
}

impl Api {
    /// Ends the connections that watch, each with what it was still to be told and a reason.
    pub(crate) async fn end_watches(&self) {
        self.stop.cancel();
        self.watches.close();
        self.watches.wait().await;
    }
}

pub(crate) fn routes(api: Arc<Api>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(original::hello))
        .routes(routes!(original::list))
        .routes(routes!(original::reset))
        .routes(routes!(nodes::show, nodes::join))
        .routes(routes!(nodes::forget))
        .routes(routes!(watch::watch))
        .with_state(api)
}

impl From<Stopped> for ApiError {
    fn from(stopped: Stopped) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Draining, stopped.to_string())
    }
}
