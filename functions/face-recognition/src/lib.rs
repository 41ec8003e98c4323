//! Finds the faces in a photograph.
//!
//! A picture goes through [`input`] (bytes to pixels), [`detect`] (pixels to faces) and, if the caller wants
//! to see them, [`draw`] (faces onto pixels). All three are pure; this file only brings them to HTTP, and
//! keeps the work on as many threads as there are cores.

pub mod detect;
pub mod draw;
pub mod input;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use function_runtime::{Error, read_body};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::Semaphore;

use crate::detect::{Face, FaceDetector};
use crate::input::{InputError, Picture};

/// How many calls may wait for a core. Each of them holds its picture in memory, and more would only wait
/// longer than their callers do.
const WAITING_MAX: usize = 32;

/// The function: one handler for every method and path.
///
/// # Errors
/// When the embedded model cannot be read, which is a fault of the build.
pub fn router() -> std::io::Result<Router> {
    let cores = std::thread::available_parallelism()?.get();
    let function = Function {
        detector: FaceDetector::new()?,
        admitted: Semaphore::new(cores + WAITING_MAX),
        cores: Arc::new(Semaphore::new(cores)),
    };
    Ok(Router::new().fallback(recognize).with_state(Arc::new(function)))
}

struct Function {
    detector: FaceDetector,
    /// Calls inside: at work or waiting.
    admitted: Semaphore,
    /// Calls at work.
    cores: Arc<Semaphore>,
}

#[derive(Default, Deserialize)]
struct Wish {
    #[serde(default)]
    output: Output,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Output {
    #[default]
    Json,
    Image,
}

#[derive(Serialize)]
struct Found {
    width: u32,
    height: u32,
    faces: Vec<Face>,
}

async fn recognize(
    State(function): State<Arc<Function>>,
    wish: Result<Query<Wish>, QueryRejection>,
    request: Request,
) -> Result<Response, Error> {
    let Query(wish) = wish.map_err(|rejection| Error::bad_request(rejection.body_text()))?;
    let _admitted = function.admitted.try_acquire().map_err(|_| {
        Error::busy(format!("{WAITING_MAX} calls are already waiting for a core; try again later"))
    })?;
    let body = read_body(request.into_body()).await?;
    let core =
        function.cores.clone().acquire_owned().await.map_err(|cause| Error::internal(cause.to_string()))?;
    let worker = function.clone();
    let work = move || {
        // Work that has started keeps its core even when the caller hangs up, for it cannot be cancelled.
        let _core = core;
        answer(&worker.detector, &body, wish.output)
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|cause| Error::internal(format!("the detection failed: {cause}")))?
}

/// All the work of one call, on one thread.
fn answer(detector: &FaceDetector, body: &[u8], output: Output) -> Result<Response, Error> {
    let Picture { image, format } = input::read(body)?;
    let (width, height) = (image.width(), image.height());
    let faces = detector.detect(&image.to_luma8());
    match output {
        Output::Json => Ok(Json(Found { width, height, faces }).into_response()),
        Output::Image => {
            let bytes = draw::encode(draw::boxes(image, format, &faces), format)
                .map_err(|cause| Error::internal(format!("the picture could not be encoded: {cause}")))?;
            Ok(([(header::CONTENT_TYPE, format.to_mime_type())], bytes).into_response())
        }
    }
}

impl From<InputError> for Error {
    fn from(cause: InputError) -> Self {
        match cause {
            InputError::TooManyPixels { .. } => Self::too_large(cause.to_string()),
            _ => Self::bad_request(cause.to_string()),
        }
    }
}
