//! Measures the services from outside, as their callers see them.
//!
//! Each command of `p2pfaas-bench` is one module: [`load`] puts load on any URL, and [`compare`] runs a
//! scheduler and a function on this machine and holds what the scheduler costs against its targets. [`demo`] runs a
//! [`cluster`] to try things with.

pub mod arguments;
pub mod cluster;
pub mod compare;
pub mod decide;
pub mod demo;
pub mod experiment;
pub mod forward;
mod goal;
pub mod gossip;
mod json;
pub mod learner;
pub mod load;
pub mod machine;
pub mod open_files;
pub mod plot;
pub mod process;
pub mod simulate;
