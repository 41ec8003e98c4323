//! The scheduler's own routes.

mod function;
mod monitoring;
mod nodes;
mod peer;
mod policy;
mod root;

use std::sync::Arc;

use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;

/// The calls of functions take a shortcut past the router, see [`crate::Scheduler`]; they are documented here.
#[derive(OpenApi)]
#[openapi(paths(function::call))]
struct Calls;

pub(crate) fn routes(shared: Arc<Shared>) -> OpenApiRouter {
    OpenApiRouter::with_openapi(Calls::openapi())
        .routes(routes!(monitoring::load))
        .routes(routes!(nodes::show))
        .routes(routes!(peer::link))
        .routes(routes!(policy::show, policy::set))
        .routes(routes!(root::hello, root::hello_post))
        .with_state(shared)
}
