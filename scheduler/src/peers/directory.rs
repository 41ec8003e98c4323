use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use protocol::nodes::{Node, NodeList, NodeState};
use protocol::{Load, NodeId};
use scheduling::{Report, Sighting};
use serde::Serialize;
use utoipa::ToSchema;

/// The nodes as discovery last told them: read by every job that looks for a peer, replaced as a whole.
#[derive(Default)]
pub(crate) struct Directory {
    view: ArcSwap<View>,
}

#[derive(Default)]
struct View {
    list: Option<Arc<NodeList>>,
    stale: bool,
    schedulers: BTreeMap<NodeId, SocketAddr>,
}

/// The body of `GET /nodes`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Topology {
    #[serde(flatten)]
    list: NodeList,
    /// Discovery is away: this is what it said last.
    stale: bool,
}

impl Directory {
    /// What discovery said, if it ever said something.
    pub(crate) fn topology(&self) -> Option<Topology> {
        let view = self.view.load();
        let list = view.list.as_deref()?.clone();
        Some(Topology { list, stale: view.stale })
    }

    /// The id of this node; none until discovery has told it.
    pub(crate) fn own_id(&self) -> Option<NodeId> {
        self.view.load().list.as_ref().map(|list| list.own.id)
    }

    /// The address of this node as others reach it.
    pub(crate) fn own_address(&self) -> Option<IpAddr> {
        let view = self.view.load();
        let own = view.list.as_ref()?.own.address;
        (!own.is_unspecified()).then_some(own)
    }

    /// Where the scheduler of a node listens, if the node is usable.
    pub(crate) fn scheduler_of(&self, id: NodeId) -> Option<SocketAddr> {
        self.view.load().schedulers.get(&id).copied()
    }

    pub(super) fn replace(&self, list: NodeList) {
        let usable = list.nodes.iter().filter(|node| is_usable(node));
        let schedulers =
            usable.map(|node| (node.id, SocketAddr::new(node.address, node.ports.scheduler))).collect();
        self.view.store(Arc::new(View { list: Some(Arc::new(list)), stale: false, schedulers }));
    }

    pub(super) fn set_stale(&self) {
        let view = self.view.load();
        let (list, schedulers) = (view.list.clone(), view.schedulers.clone());
        self.view.store(Arc::new(View { list, stale: true, schedulers }));
    }
}

/// The nodes of a list that jobs may be given to.
pub(super) fn sightings(list: &NodeList) -> Vec<Sighting> {
    list.nodes.iter().filter(|node| is_usable(node)).map(sighting).collect()
}

/// A node that is suspected is as good as any: if it is dead, the first call or probe tells.
fn is_usable(node: &Node) -> bool {
    matches!(node.state, NodeState::Alive | NodeState::Suspect)
        && node.ports.scheduler != 0
        && !node.address.is_unspecified()
}

fn sighting(node: &Node) -> Sighting {
    let milliseconds = |ms: f32| Duration::try_from_secs_f32(ms / 1_000.0).ok();
    let report = node.load.map(|load| Report {
        load: Load {
            running: load.running as usize,
            waiting: load.waiting as usize,
            slots: node.slots as usize,
            queue_length_max: 0,
        },
        service_time: node.service_time_ms.and_then(milliseconds),
        draining: load.draining,
        epoch: 0,
    });
    Sighting {
        id: node.id,
        generation: node.generation,
        functions: node.functions.clone(),
        rtt: node.rtt_ms.and_then(milliseconds),
        report,
    }
}

#[cfg(test)]
mod tests {
    use protocol::nodes::{NodeLoad, NodePorts};

    use super::*;

    fn node(id: u64, state: NodeState) -> Node {
        Node {
            id: NodeId::new(id),
            name: String::new(),
            address: [10, 0, 0, 7].into(),
            ports: NodePorts { scheduler: 18080, ..NodePorts::default() },
            group: String::new(),
            cell: String::new(),
            state,
            generation: 1,
            incarnation: 0,
            since: 0,
            rtt_ms: Some(1.5),
            architecture: String::new(),
            version: String::new(),
            slots: 4,
            load: Some(NodeLoad { running: 3, waiting: 1, draining: false }),
            service_time_ms: Some(20.0),
            functions: vec!["echo".parse().unwrap()],
        }
    }

    #[test]
    fn jobs_go_to_nodes_that_are_alive_and_offer_a_scheduler() {
        let states = [NodeState::Alive, NodeState::Suspect, NodeState::Dead, NodeState::Left];
        let mut nodes: Vec<Node> = (1..).zip(states).map(|(id, state)| node(id, state)).collect();
        nodes.push(Node { ports: NodePorts::default(), ..node(9, NodeState::Alive) });
        let list = NodeList { own: node(0, NodeState::Alive), nodes, version: 1 };
        let seen = sightings(&list);
        assert_eq!(seen.iter().map(|sighting| sighting.id.bits()).collect::<Vec<_>>(), [1, 2]);
        let report = seen[0].report.unwrap();
        assert_eq!((report.load.jobs(), report.load.slots), (4, 4));
        assert_eq!(report.service_time, Some(Duration::from_millis(20)));

        let directory = Directory::default();
        directory.replace(list);
        assert_eq!(directory.own_id(), Some(NodeId::new(0)));
        assert_eq!(directory.scheduler_of(NodeId::new(2)), Some(([10, 0, 0, 7], 18080).into()));
        assert_eq!(directory.scheduler_of(NodeId::new(3)), None);
        directory.set_stale();
        assert!(directory.topology().unwrap().stale);
        assert_eq!(directory.scheduler_of(NodeId::new(2)), Some(([10, 0, 0, 7], 18080).into()));
    }
}
