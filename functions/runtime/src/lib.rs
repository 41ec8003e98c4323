//! What every example function does: it listens on port 8080, answers `GET /_/health`, bounds request
//! bodies, tells errors as JSON, and stops gracefully when it is told to.
//!
//! A function is an [`axum::Router`] and a `main` of one line that hands it to [`serve`].

mod error;
mod health;
mod serve;

pub use error::{Error, ServeError, read_body};
pub use serve::{serve, serve_until};

/// The largest request body a function reads. It is far above a photograph, and small enough that a
/// handful of calls at once fit into the memory of an edge node.
pub const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
