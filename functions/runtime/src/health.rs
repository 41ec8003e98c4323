//! The health route, and the client of it that Docker's HEALTHCHECK starts.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::ServeError;

/// Where every function says whether it is healthy: 200, or 503 while it stops.
pub(crate) const HEALTH_PATH: &str = "/_/health";

/// A function whose health route takes longer than this is not healthy. It is below the three seconds that
/// the images give a health check, so that the reason is told before Docker kills the check.
const HEALTHCHECK_TIME_MAX: Duration = Duration::from_secs(2);

/// Asks the function that listens on `port` of this host for its health.
pub(crate) async fn check(port: u16) -> Result<(), ServeError> {
    let unhealthy = |reason: String| ServeError::Unhealthy { reason };
    match timeout(HEALTHCHECK_TIME_MAX, ask(port)).await {
        Ok(Ok(StatusCode::OK)) => Ok(()),
        Ok(Ok(status)) => Err(unhealthy(format!("port {port} answered {status}"))),
        Ok(Err(reason)) => Err(unhealthy(format!("port {port}: {reason}"))),
        Err(_) => Err(unhealthy(format!("port {port} did not answer in {HEALTHCHECK_TIME_MAX:?}"))),
    }
}

async fn ask(port: u16) -> Result<StatusCode, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(HEALTH_PATH).header(header::HOST, "localhost").body(Body::empty())?;
    // The connection moves the bytes, and ends by itself only after the answer, so the answer wins the race.
    tokio::select! {
        response = sender.send_request(request) => Ok(response?.status()),
        ended = connection => Err(ended.err().map_or_else(|| "the connection was closed".into(), Into::into)),
    }
}
