use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use protocol::ErrorCode;

use crate::health::Phase;
use crate::{ApiError, Health, HealthReport};

/// The content type of the OpenMetrics text format, version 1.0.0, that Prometheus reads.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether the service can do its job
#[utoipa::path(get, path = "/health", tag = "service", responses(
    (status = 200, description = "It can; parts that are down but lived without are listed", body = HealthReport),
    (status = 503, description = "It is starting or draining", body = HealthReport),
))]
pub(super) async fn health(State(health): State<Arc<Health>>) -> (StatusCode, Json<HealthReport>) {
    let report = health.report();
    let status = match report.status {
        Phase::Ok => StatusCode::OK,
        Phase::Starting | Phase::Draining => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(report))
}

/// The same as /health, under the name that faas-cli asks
#[utoipa::path(get, path = "/healthz", tag = "service", responses(
    (status = 200, description = "See /health", body = HealthReport),
    (status = 503, description = "See /health", body = HealthReport),
))]
pub(super) async fn healthz(state: State<Arc<Health>>) -> (StatusCode, Json<HealthReport>) {
    health(state).await
}

/// Metrics as Prometheus reads them
#[utoipa::path(get, path = "/metrics", tag = "service", responses(
    (status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text"),
))]
pub(super) async fn metrics(State(registry): State<Arc<Registry>>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => {
            let message = format!("the metrics cannot be written: {error}");
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Generic, message).into_response()
        }
    }
}
