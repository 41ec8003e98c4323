//! Links over real sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backpressure;
mod calls;
mod faults;
mod handshake;
mod harness;
mod proxy;
mod raw;
