//! The other nodes: who they are, as discovery tells it, and the links to them.

mod directory;
mod links;
mod watch;

pub(crate) use directory::{Directory, Topology};
pub(crate) use links::Peers;
pub(crate) use watch::{PART as DISCOVERY, Watch};
