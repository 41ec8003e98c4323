//! What every policy of the registry keeps to, and the faults of the original P2PFaaS that concern policies.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

#[path = "policies/faults.rs"]
mod faults;
#[path = "policies/refusals.rs"]
mod refusals;
#[path = "policies/registry.rs"]
mod registry;
#[path = "policies/setting.rs"]
mod setting;
