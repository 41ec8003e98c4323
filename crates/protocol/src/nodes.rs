//! The nodes as one of them sees them: the body of `GET /nodes`, and the messages of `GET /nodes/watch`
//! (subprotocol [`SUBPROTOCOL`], JSON text messages).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{FunctionName, NodeId};

/// The WebSocket subprotocol of the node watch.
pub const SUBPROTOCOL: &str = "p2pfaas.nodes.1";

/// What the node that answers thinks of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    /// It answers.
    Alive,
    /// It did not answer one node's probe and has not refuted that yet: still to be used, with care.
    Suspect,
    /// It answered nobody for as long as a suspicion lasts.
    Dead,
    /// It said good-bye.
    Left,
}

/// The TCP and UDP ports of a node's services; 0 for a service that it does not offer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodePorts {
    /// HTTP port of the scheduler.
    pub scheduler: u16,
    /// HTTP port of the learner.
    pub learner: u16,
    /// HTTP port of the discovery.
    pub discovery: u16,
    /// UDP and TCP port of the gossip.
    pub gossip: u16,
}

/// A node's load as it last told it, rounded down by less than 1 in 16 for the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeLoad {
    /// Jobs that occupy a slot.
    pub running: u32,
    /// Jobs that wait for a slot.
    pub waiting: u32,
    /// The node takes no new jobs.
    pub draining: bool,
}

/// One node, as the node that answers sees it. Parts that it has not heard yet are empty or absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Node {
    /// Stable over restarts and changes of address.
    #[schema(value_type = String)]
    pub id: NodeId,
    /// What its operator calls it; empty for nothing.
    #[serde(default)]
    pub name: String,
    /// The address that other nodes reach it at.
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// The ports of its services.
    pub ports: NodePorts,
    /// The group of the original P2PFaaS; empty for none.
    pub group: String,
    /// The cell it belongs to in a cluster of more than one; empty for none.
    pub cell: String,
    /// What is thought of it.
    pub state: NodeState,
    /// Grows with every start of the node, and when it rejoins after having been taken for dead.
    pub generation: u32,
    /// Grows when the node refutes a suspicion; starts at 0 in each generation (SWIM, section 4.2).
    pub incarnation: u16,
    /// When it came into `state`, as seen from here, in milliseconds since the Unix epoch.
    pub since: u64,
    /// Round trip of a probe from here, smoothed; absent until one was measured.
    pub rtt_ms: Option<f32>,
    /// Instruction set, such as `x86_64` or `aarch64`; empty while unknown.
    pub architecture: String,
    /// Version of the services; empty while unknown.
    pub version: String,
    /// Jobs that it runs at once; 0 while unknown.
    pub slots: u32,
    /// Absent until it was heard.
    pub load: Option<NodeLoad>,
    /// Time a job occupies a slot, smoothed by that node; absent until it has run one.
    pub service_time_ms: Option<f32>,
    /// The functions that it runs, in order.
    #[schema(value_type = Vec<String>)]
    pub functions: Vec<FunctionName>,
}

/// All nodes, as the node that answers sees them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeList {
    /// The node that answers.
    #[serde(rename = "self")]
    pub own: Node,
    /// The others, by id; the dead ones too until they are forgotten.
    pub nodes: Vec<Node>,
    /// Grows by one with each change; see [`WatchMessage`].
    pub version: u64,
}

/// What the discovery sends to who watches. A snapshot comes first; each later message has the version
/// after that of the one before, or the watcher has missed something and connects anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WatchMessage {
    /// Everything.
    Snapshot(Box<NodeList>),
    /// A node that is new, or of which something changed; the one that answers is among them.
    Changed {
        /// The list's version with this change in it.
        version: u64,
        /// The node as it is now.
        node: Box<Node>,
    },
    /// A node that was forgotten.
    Removed {
        /// The list's version with this change in it.
        version: u64,
        /// The node that is gone.
        id: NodeId,
    },
}

/// What the scheduler sends up the watch: the part of its own node's record that it knows best.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeReport {
    /// Jobs that may run at once.
    pub slots: u32,
    /// Jobs running and waiting, and whether new ones are taken.
    pub load: NodeLoad,
    /// Time a job occupies a slot, smoothed; absent until one has run.
    pub service_time_ms: Option<f32>,
    /// The functions that this node runs.
    pub functions: Vec<FunctionName>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> Node {
        Node {
            id: NodeId::new(7),
            name: String::new(),
            address: IpAddr::from([10, 0, 0, 7]),
            ports: NodePorts { scheduler: 18080, learner: 19020, discovery: 19000, gossip: 19001 },
            group: String::new(),
            cell: String::new(),
            state: NodeState::Suspect,
            generation: 3,
            incarnation: 1,
            since: 1_700_000_000_000,
            rtt_ms: Some(0.5),
            architecture: "x86_64".to_owned(),
            version: "0.1.0".to_owned(),
            slots: 4,
            load: None,
            service_time_ms: None,
            functions: vec!["echo".parse().unwrap()],
        }
    }

    #[test]
    fn the_body_of_nodes_has_the_keys_of_the_contract() {
        let list = NodeList { own: node(), nodes: vec![], version: 9 };
        let json = serde_json::to_value(&list).unwrap();
        assert_eq!(json["self"]["id"], "0000000000000007");
        assert_eq!(json["self"]["address"], "10.0.0.7");
        assert_eq!(json["self"]["state"], "suspect");
        assert_eq!(json["self"]["functions"][0], "echo");
        assert_eq!(json["version"], 9);
    }

    #[test]
    fn watch_messages_read_back() {
        let messages = [
            WatchMessage::Snapshot(Box::new(NodeList { own: node(), nodes: vec![node()], version: 1 })),
            WatchMessage::Changed { version: 2, node: Box::new(node()) },
            WatchMessage::Removed { version: 3, id: NodeId::new(7) },
        ];
        for message in messages {
            let text = serde_json::to_string(&message).unwrap();
            assert_eq!(serde_json::from_str::<WatchMessage>(&text).unwrap(), message);
        }
    }

    #[test]
    fn a_report_with_an_unknown_key_is_refused() {
        let text = r#"{"slots":1,"load":{"running":0,"waiting":0,"draining":false},
            "service_time_ms":null,"functions":[],"slot":2}"#;
        assert!(serde_json::from_str::<NodeReport>(text).is_err());
    }
}
