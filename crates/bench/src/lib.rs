//! Measures the services from outside, as their callers see them.
//!
//! Each command of `p2pfaas-bench` is one module: [`load`] puts load on any URL.

pub mod arguments;
pub mod load;
pub mod open_files;
