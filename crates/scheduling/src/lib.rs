//! The pure core of a node: it decides which jobs run, wait, go to a peer or are rejected, and never waits
//! itself.
//!
//! [`Node`] is told what happened and when, and answers what to do. It has no clock, no socket and no
//! thread; the scheduler's shell and the simulator drive the same code.

mod job;
mod node;
mod outbox;
mod peers;
pub mod policy;
mod queue;
mod service_time;
mod time;
mod type_load;

pub use job::{
    HOPS_MAX, JobId, JobRequest, JobView, Outcome, PolicyChoice, Rejection, TASK_TYPES_MAX, TaskType,
};
pub use node::{Arrival, Decision, FORWARDS_MAX, Limits, Node, Setup, Turn, Verdict};
pub use outbox::{Explanation, Outbox, Sample};
pub use peers::{Candidates, Peer, Peers, Report, Sighting};
pub use policy::{Answer, Context, Policy, Question, Step};
pub use time::Time;
pub use type_load::TypeLoad;
