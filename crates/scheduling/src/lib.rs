//! The pure core of a node: it decides which jobs run, wait or are rejected, and never waits itself.
//!
//! [`Node`] is told what happened and when, and answers what to do. It has no clock, no socket and no
//! thread; the scheduler's shell and the simulator drive the same code.

mod job;
mod node;
pub mod policy;
mod queue;
mod time;
mod type_load;

pub use job::{JobId, JobRequest, JobView, Outcome, PolicyChoice, Rejection, TASK_TYPES_MAX, TaskType};
pub use node::{Admission, Arrival, Limits, Node, Turn};
pub use policy::{Context, Policy, Step};
pub use time::Time;
pub use type_load::TypeLoad;
