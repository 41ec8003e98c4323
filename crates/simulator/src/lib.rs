//! A virtual clock and network around the pure crates: what takes hours on hundreds of machines takes
//! seconds here, and the same seed gives the same run.
//!
//! - [`events`]: the heap of what is to happen, which is the clock
//! - [`network`]: delay, loss, duplication, partitions
//! - [`gossip`]: hundreds of [`membership::Membership`] on that network, and the goals they have to reach
//! - [`mod@scheduling`]: up to thousands of `scheduling::Node`s on that network, and what their policies are worth

pub mod events;
pub mod gossip;
pub mod network;
pub mod scheduling;
