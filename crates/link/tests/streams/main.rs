//! The streams of a connection without the connection: two ends, and two queues of frames between them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod pair;
mod properties;
mod rules;
