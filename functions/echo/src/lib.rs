//! Answers any request, on any path, with its own body and content type.
//!
//! A request without a query takes the shortest way there is: this is the function of the benchmark, and
//! what it costs is measured with what is to be measured. Queries make it answer otherwise, for tests; the
//! README lists them.

mod body;
mod orders;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header, request};
use axum::response::Response;
use bytes::Bytes;
use function_runtime::{Error, read_body};
use serde_json::json;

use crate::body::Filling;
use crate::orders::Orders;

/// What curl shows of an answer that has no type of its own.
const CONTENT_TYPE_DEFAULT: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The function: one handler for every method and path.
pub fn router() -> Router {
    Router::new().fallback(echo)
}

async fn echo(request: Request) -> Result<Response, Error> {
    let (parts, body) = request.into_parts();
    // The body is read to its end before the answer starts, because many clients only read once they have
    // written everything, and would wait for ever on an answer that is sent meanwhile.
    let body = read_body(body).await?;
    match parts.uri.query() {
        None => Ok(same(&parts, body)),
        Some(query) => obey(&Orders::parse(query)?, &parts, body).await,
    }
}

/// The answer without any order: the body and its type.
fn same(parts: &request::Parts, body: Bytes) -> Response {
    let content_type = parts.headers.get(header::CONTENT_TYPE).cloned().unwrap_or(CONTENT_TYPE_DEFAULT);
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

async fn obey(orders: &Orders, parts: &request::Parts, body: Bytes) -> Result<Response, Error> {
    if let Some(delay) = orders.delay() {
        tokio::time::sleep(delay).await;
    }
    let mut response = if orders.info == 1 { info(parts) } else { same(parts, body) };
    if let Some(bytes) = orders.abort_after {
        *response.body_mut() = Body::new(Filling::broken_after(bytes));
    } else if let Some(bytes) = orders.size {
        *response.body_mut() = Body::new(Filling::of(bytes));
    }
    *response.status_mut() = orders.status.map_or(StatusCode::OK, StatusCode::from);
    for number in 1..=orders.cookies {
        let cookie = HeaderValue::from_str(&format!("cookie-{number}={number}"))
            .map_err(|cause| Error::internal(cause.to_string()))?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The request as it arrived, for tests of what a gateway passes on.
fn info(parts: &request::Parts) -> Response {
    let headers: Vec<_> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let info = json!({
        "method": parts.method.as_str(),
        "path": parts.uri.path(),
        "query": parts.uri.query(),
        "headers": headers,
    });
    let mut response = Response::new(Body::from(info.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
