//! Simulated nodes against what queueing theory says of them, exactly or in the limit of many nodes.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

#[path = "scheduling/behaviour.rs"]
mod behaviour;
#[path = "scheduling/oracles.rs"]
mod oracles;
#[path = "scheduling/setting.rs"]
mod setting;
