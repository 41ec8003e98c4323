//! What two nodes say to each other beside foca's messages. Encoded by postcard, sealed by
//! [`seal`](crate::seal).

use std::net::SocketAddr;

use foca::Member;
use protocol::NodeId;
use serde::{Deserialize, Serialize};

use crate::identity::Identity;
use crate::record::{Description, Record};

/// Greets whoever is at an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) from: Identity,
    /// Where it is sent to: tells a node that does not know its own address how it is reached.
    pub(crate) to: SocketAddr,
}

/// Answers a greeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Welcome {
    pub(crate) from: Identity,
    /// Where the greeting came from, as the network shows it here.
    pub(crate) observed: SocketAddr,
    /// The latest generation of the greeting node that is known here, if it is not the greeting's own: a
    /// node whose clock went back starts above it.
    pub(crate) known_generation: Option<u32>,
}

/// What is known of one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeEntry {
    pub(crate) member: Member<Identity>,
    pub(crate) record: Option<Record>,
}

/// Asked on a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Opens a push-pull: a digest of each bucket of what the asker knows.
    Compare { from: Identity, salt: u32, digests: Vec<u32> },
    /// Closes a push-pull, or fetches: what the other lacks, and the descriptions that are lacking here.
    Exchange {
        from: Identity,
        entries: Vec<NodeEntry>,
        descriptions: Vec<(NodeId, Description)>,
        wanted: Vec<NodeId>,
    },
}

/// Answered on a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Response {
    /// The buckets that differ, and what is known here of the nodes in them.
    Differences { buckets: Vec<u16>, entries: Vec<NodeEntry> },
    /// Those of the wanted descriptions that are known here.
    Descriptions(Vec<(NodeId, Description)>),
}
