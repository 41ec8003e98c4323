//! One test binary: fewer links, and every scenario in one place.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod architecture;
mod bad_input;
mod calls;
mod configuration;
mod containers;
mod cooperation;
mod discovery;
mod documentation;
mod full_node;
mod learner;
mod learning;
mod openapi;
mod processes;
