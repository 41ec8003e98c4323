//! The pure core of the learner: agents that choose and learn, what they remember, and samples put in order.
//!
//! A [`Model`] is what a daemon or a simulation holds: it is asked [`Model::act`], told [`Model::train`] and the
//! time, and does no I/O. Everything random follows from its seed: the same questions and samples at the same
//! moments give the same answers, byte for byte.
//!
//! - [`agent`]: one agent, one file, one line in the registry
//! - [`value`]: what agents remember: tables, tiles, linear models
//! - `ring.rs`: samples by eid, each in its turn, within a time limit
//! - `document.rs`, [`seal`]: a model as JSON, and how a broken snapshot is told from a good one

pub mod agent;
mod counters;
mod document;
mod epsilon;
mod model;
pub mod parameters;
mod refusal;
mod ring;
pub mod seal;
mod spec;
pub mod value;

pub use counters::{Counters, Stats};
pub use document::InvalidModel;
pub use model::Model;
pub use parameters::Parameters;
pub use refusal::Refusal;
pub use ring::WAITING_MAX;
pub use spec::Spec;

/// Parts that a state may have: the type and two counts for each of 64 task types, and room.
pub const STATE_PARTS_MAX: usize = 256;
/// Features that a candidate may have; the memory and time of linear agents grow with its square.
pub const FEATURES_MAX: usize = 64;
/// Candidates of one question: a node offers its choice of peers, not all of a large cluster.
pub const CANDIDATES_MAX: usize = 1_024;
/// Larger numbers in states, features and rewards are refused: their squares must stay exact enough.
pub const MAGNITUDE_MAX: f64 = 1e6;
