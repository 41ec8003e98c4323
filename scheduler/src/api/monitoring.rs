use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use protocol::{Load, headers};

use crate::Shared;

/// How busy this node is, in the headers of the original P2PFaaS and as JSON
#[utoipa::path(get, path = "/monitoring/load", tag = "scheduler", responses(
    (status = 200, description = "Jobs that run and wait, and how many may", body = Load, headers(
        ("X-P2PFaaS-Load" = usize, description = "Jobs that run"),
        ("X-P2PFaaS-MaxLoad" = usize, description = "Slots"),
        ("X-P2PFog-Queue-Length" = usize, description = "Jobs that wait"),
    )),
))]
pub(super) async fn load(State(shared): State<Arc<Shared>>) -> ([(HeaderName, HeaderValue); 3], Json<Load>) {
    let load = shared.admissions.load();
    let header = |name, value: usize| (HeaderName::from_static(name), HeaderValue::from(value));
    let headers = [
        header(headers::LOAD, load.running),
        header(headers::MAX_LOAD, load.slots),
        header(headers::QUEUE_LENGTH, load.waiting),
    ];
    (headers, Json(load))
}
