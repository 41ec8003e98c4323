//! Burns the processor for an exponentially distributed time, as jobs do in the models of queueing theory.
//!
//! What is drawn is time of the processor, not of the clock: when jobs share a core, each takes longer, as
//! real work does.

mod burn;
mod input;

use axum::extract::Request;
use axum::{Json, Router};
use function_runtime::{Error, read_body};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::input::Input;

/// The function: one handler for every method and path.
pub fn router() -> Router {
    Router::new().fallback(run)
}

/// What the function answers; all times are in milliseconds.
#[derive(Serialize)]
struct Answer {
    mean_ms: f64,
    drawn_ms: f64,
    cpu_ms: f64,
    elapsed_ms: f64,
}

async fn run(request: Request) -> Result<Json<Answer>, Error> {
    let (parts, body) = request.into_parts();
    let input = Input::parse(parts.uri.query().unwrap_or_default(), &read_body(body).await?)?;
    let drawn = input.draw();
    let gone = GoneOnDrop::default();
    let stop = gone.flag();
    let burnt = tokio::task::spawn_blocking(move || burn::burn(drawn, &stop))
        .await
        .map_err(|cause| Error::internal(format!("the burn failed: {cause}")))?;
    Ok(Json(Answer {
        mean_ms: input.mean_ms,
        drawn_ms: drawn.as_secs_f64() * 1000.0,
        cpu_ms: burnt.cpu.as_secs_f64() * 1000.0,
        elapsed_ms: burnt.elapsed.as_secs_f64() * 1000.0,
    }))
}

/// Says that the caller has hung up, for then the server drops the call and nobody wants the rest of the burn.
#[derive(Default)]
struct GoneOnDrop(Arc<AtomicBool>);

impl GoneOnDrop {
    fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }
}

impl Drop for GoneOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
