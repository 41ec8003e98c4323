//! Measures the services from outside, as their callers see them.
//!
//! Each command of `p2pfaas-bench` is one module: [`load`] puts load on any URL, and [`compare`] runs a
//! scheduler and a function on this machine and holds what the scheduler costs against its targets.

pub mod arguments;
pub mod compare;
pub mod gossip;
pub mod load;
pub mod machine;
pub mod open_files;
