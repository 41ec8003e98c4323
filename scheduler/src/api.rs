//! The scheduler's own routes.

mod function;
mod monitoring;
mod policy;
mod root;

use std::sync::Arc;

use axum::routing::any;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;

/// The routes that take any method, which the router of utoipa cannot express.
#[derive(OpenApi)]
#[openapi(paths(function::call))]
struct AnyMethod;

pub(crate) fn routes(shared: Arc<Shared>) -> OpenApiRouter {
    OpenApiRouter::with_openapi(AnyMethod::openapi())
        .route("/function/{*call}", any(function::call))
        .routes(routes!(monitoring::load))
        .routes(routes!(policy::show, policy::set))
        .routes(routes!(root::hello, root::hello_post))
        .with_state(shared)
}
