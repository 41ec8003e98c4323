//! The routes that every service has.

mod configuration;
mod observe;

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::routing::get;
use prometheus_client::registry::Registry;
use protocol::ErrorCode;
use utoipa::openapi::{InfoBuilder, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::settings::Configurable;
use crate::{ApiError, Health};

pub use configuration::apply_patch;

/// The version of every service of this workspace.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The whole HTTP interface of a daemon: its own routes and those that all have.
pub(crate) fn router(
    service: &'static str,
    own: OpenApiRouter,
    health: Arc<Health>,
    registry: Registry,
    settings: Arc<dyn Configurable>,
) -> Router {
    let schema = configuration::schema(&settings.keys());
    let (router, mut api) = OpenApiRouter::new()
        .merge(OpenApiRouter::new().routes(routes!(observe::health)).with_state(Arc::clone(&health)))
        .merge(OpenApiRouter::new().routes(routes!(observe::healthz)).with_state(health))
        .merge(OpenApiRouter::new().routes(routes!(observe::metrics)).with_state(Arc::new(registry)))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(configuration::show, configuration::patch, configuration::post))
                .with_state(settings),
        )
        .merge(own)
        .split_for_parts();
    describe(&mut api, service, schema);
    router
        .route("/openapi.json", get(async move || Json(api)))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
}

fn describe(api: &mut OpenApi, service: &'static str, configuration: utoipa::openapi::schema::Object) {
    api.info = InfoBuilder::new()
        .title(format!("P2PFaaS {service}"))
        .version(VERSION)
        .license(Some(utoipa::openapi::License::new("Apache-2.0")))
        .build();
    let components = api.components.get_or_insert_default();
    components.schemas.insert("Configuration".to_owned(), configuration.into());
}

async fn not_found(request: Request) -> ApiError {
    let message = format!("there is no route {}; see /openapi.json", request.uri().path());
    ApiError::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, message)
}

async fn method_not_allowed(method: Method, request: Request) -> ApiError {
    let message = format!("{} does not take {method}; see /openapi.json", request.uri().path());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::BadInput, message)
}
