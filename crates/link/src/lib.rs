//! The peer link: one scheduler hands jobs to another, many at once on one WebSocket.
//!
//! [`frame`], [`mux`] and what they use are pure: frames go in, events and frames come out, and no clock or
//! socket is near. Around them [`Links`] is the side that dials and hands jobs over, [`Callee`] the side that
//! is dialled and takes them.
//!
//! # On the wire
//! A frame is one binary message, see [`frame`]. Beyond what its table of kinds says:
//! - OPEN and RESPONSE may carry a body of up to [`bounds::INLINE_BYTES_MAX`], or its first part. A body
//!   whose length its head announces is through when so many bytes have come, and no END follows: a small job
//!   is one frame each way, and ACCEPTED between.
//! - ACCEPTED is with the socket before the job starts, so that a link that closed without it means that
//!   the job did not run ([`CallError::may_have_run`], docs/adr/0007).
//! - Each stream begins with [`bounds::CREDIT_BYTES`] of credit in both directions.
//! - LOAD on stream 0 was not asked for.

mod body;
pub mod bounds;
mod callee;
mod connection;
pub mod frame;
mod handshake;
mod incoming;
mod keys;
mod link;
mod malformed;
pub mod mux;
mod outgoing;
mod reader;
mod socket;
mod stats;

pub use bounds::Timing;
pub use callee::{Callee, Handler};
pub use connection::Lost;
pub use handshake::Identity;
pub use incoming::{Cancelled, IncomingCall, RespondError, Responder};
pub use keys::{ClusterKeys, KEYS_MAX, KeySource, TooManyKeys};
pub use link::{DialError, Link, Links, LoadObserver, ProbeError};
pub use malformed::Malformed;
pub use outgoing::{CallError, OutgoingCall};
pub use reader::{BodyError, BodyReader};
pub use stats::Stats;
