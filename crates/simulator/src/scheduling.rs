//! Many real [`scheduling::Node`]s with their policies on a virtual network: what a policy is worth, before it
//! runs on machines.
//!
//! A [`Scenario`] says what there is, [`simulate`] lets it happen, and [`Figures`] say what came of it. Same
//! scenario, policy and seed: the same figures. Arrivals and the work of each job depend on the seed alone,
//! so that policies are compared on the same jobs.

mod adviser;
mod arrivals;
mod by_name;
mod decider;
mod figures;
mod host;
mod learners;
mod scenario;
mod service;
mod simulation;

pub use adviser::Adviser;
pub use arrivals::{Arrivals, Burst, Profile};
pub use by_name::{Everywhere, complete_policy, policies_with_examples, simulate_everywhere};
pub use decider::Decider;
pub use figures::{Figures, jain};
pub use learners::LearnerSpec;
pub use scenario::{
    Deadlines, Gossip, HostSpec, NEIGHBOURS_MAX, Scenario, TaskSpec, Wire, neighbours_default,
};
pub use service::Service;
pub use simulation::{Run, simulate};
