//! Wire types and identifiers that the services share. No I/O, no clock.

mod error;
mod function_name;
pub mod headers;
pub mod learner;
mod load;
mod node_id;
pub mod nodes;
pub mod peer;
mod policy_spec;

pub use error::{ErrorBody, ErrorCode, SettingProblem};
pub use function_name::{FunctionName, InvalidFunctionName};
pub use load::Load;
pub use node_id::{InvalidNodeId, NodeId};
pub use policy_spec::PolicySpec;
