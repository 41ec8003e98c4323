//! Hundreds of membership cores on one virtual network, and the goals they have to reach.

mod cluster;
mod goals;
mod measure;

pub use cluster::{Cluster, ClusterOptions};
pub use goals::{GoalsOptions, Measure, Row, goals};
