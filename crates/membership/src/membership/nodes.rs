//! The view that `GET /nodes` shows.

use std::net::SocketAddr;

use foca::{State, Timer};
use protocol::NodeId;
use protocol::nodes::{Node, NodeList, NodePorts, NodeState};

use super::Membership;
use crate::identity::Identity;
use crate::time::Time;
use crate::view::Standing;

/// Why a node cannot be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotForget {
    /// There is no such node.
    #[error("no node {0} is known")]
    Unknown(NodeId),
    /// Only dead nodes and nodes that left can be forgotten.
    #[error("node {0} is still there")]
    Present(NodeId),
}

impl Membership {
    /// All nodes, this one first.
    pub fn nodes(&self) -> NodeList {
        NodeList {
            own: self.own_node(),
            nodes: self.view.iter().map(|(_, standing)| self.shown(standing)).collect(),
            version: self.view.version(),
        }
    }

    /// One of the nodes, this one among them.
    pub fn node(&self, id: NodeId) -> Option<Node> {
        if id == self.node_id() {
            return Some(self.own_node());
        }
        self.view.of(id).map(|standing| self.shown(standing))
    }

    /// What is thought of another node; cheaper than [`node`](Self::node).
    pub fn state_of(&self, id: NodeId) -> Option<NodeState> {
        self.view.of(id).map(|standing| standing.state)
    }

    /// The stamp (generation, version) of the record that is held of a node.
    pub fn record_stamp(&self, id: NodeId) -> Option<(u32, u32)> {
        self.records.of(id).map(|entry| entry.record.stamp())
    }

    /// Members that are alive or suspect, without this node.
    pub fn member_count(&self) -> usize {
        self.foca.num_members()
    }

    /// Who a member is, where it is reached, in which life.
    pub fn identity_of(&self, id: NodeId) -> Option<Identity> {
        self.view.of(id).map(|standing| standing.identity)
    }

    /// Forgets a node that is dead or has left. The others go on remembering it.
    ///
    /// # Errors
    /// [`CannotForget`] for a node that is unknown or still there.
    pub fn forget(&mut self, id: NodeId, now: Time) -> Result<(), CannotForget> {
        self.now = now;
        let member = self.others().find(|member| member.id().node == id);
        let member = member.ok_or(CannotForget::Unknown(id))?;
        if member.state() != State::Down {
            return Err(CannotForget::Present(id));
        }
        let timer = Timer::RemoveDown(*member.id());
        self.drive_surely(|foca, effects| foca.handle_timer(timer, effects));
        self.drop_node(id);
        Ok(())
    }

    fn own_node(&self) -> Node {
        let state = if self.has_left() { NodeState::Left } else { NodeState::Alive };
        let identity = self.identity();
        self.shown(&Standing { identity, state, incarnation: self.incarnation, since: self.started_at })
    }

    fn shown(&self, standing: &Standing) -> Node {
        let identity = standing.identity;
        let address: SocketAddr = identity.address();
        let entry = self.records.of(identity.node);
        let hot = entry.map(|entry| entry.record.hot);
        let description = entry.and_then(|entry| entry.description.as_deref());
        let description = description.cloned().unwrap_or_default();
        Node {
            id: identity.node,
            name: description.name,
            address: address.ip(),
            ports: NodePorts { gossip: address.port(), ..description.ports },
            group: description.group,
            cell: description.cell,
            state: standing.state,
            generation: identity.generation(),
            incarnation: standing.incarnation,
            since: u64::try_from(standing.since.since_epoch().as_millis()).unwrap_or(u64::MAX),
            rtt_ms: self.probes.rtt(identity.node).map(|rtt| rtt.as_secs_f32() * 1e3),
            architecture: description.architecture,
            version: description.version,
            slots: description.slots,
            load: hot.map(|hot| hot.load()),
            service_time_ms: hot.and_then(|hot| hot.service_time()).map(|time| time.as_secs_f32() * 1e3),
            functions: description.functions,
        }
    }
}
