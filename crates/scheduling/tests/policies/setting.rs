//! A node among peers, for tests that play the peers themselves.

use std::time::Duration;

use protocol::{Load, NodeId, PolicySpec};
use scheduling::policy::{REGISTRY, build};
use scheduling::{
    Arrival, Decision, JobId, JobRequest, Limits, Node, PolicyChoice, Report, Setup, Sighting, TaskType, Time,
};

pub(crate) const LIMITS: Limits = Limits { slots: 4, queue_length_max: 4, shed_late: true };

pub(crate) fn spec(name: &str, parameters: &[&str]) -> PolicySpec {
    PolicySpec { name: name.to_owned(), parameters: parameters.iter().map(|&text| text.to_owned()).collect() }
}

/// Every policy with its example, and some with parameters that bring out more.
pub(crate) fn specs() -> Vec<PolicySpec> {
    let examples = REGISTRY.iter().map(|entry| spec(entry.name, entry.example));
    let others = [
        spec("NoScheduler", &["false"]),
        spec("ForwardScheduler", &["3"]),
        spec("PowerOfNScheduler", &["3", "0", "false", "3"]),
        spec("PowerOfNSchedulerTau", &["2", "0", "false", "2", "0ms"]),
        spec("RoundRobinWithMasterScheduler", &["true", "10.0.0.1", "false"]),
        spec("RandomScheduler", &["true"]),
        spec("PowerOfTwoScheduler", &["16", "true", "2"]),
        spec("ShortestExpectedDelayScheduler", &["4", "true", "3"]),
        spec("PrequalScheduler", &["1", "true", "3"]),
    ];
    examples.chain(others).collect()
}

/// Those of [`specs`] that give jobs to peers.
pub(crate) fn cooperative() -> impl Iterator<Item = PolicySpec> {
    specs().into_iter().filter(|spec| !["NoScheduler", "RejectScheduler"].contains(&&*spec.name))
}

pub(crate) fn node(policy: &PolicySpec, seed: u64) -> Node {
    Node::new(Setup { limits: LIMITS, policy: build(policy).unwrap(), seed })
}

/// A node that knows the peers 0, 1, .. and up.
pub(crate) fn node_among(policy: &PolicySpec, peers: u64) -> Node {
    let mut node = node(policy, 1);
    node.set_peers((0..peers).map(sighting).collect(), ms(0));
    node
}

pub(crate) fn peer(id: u64) -> NodeId {
    NodeId::new(id)
}

pub(crate) fn sighting(id: u64) -> Sighting {
    Sighting {
        id: peer(id),
        generation: 1,
        functions: vec!["echo".parse().unwrap()],
        rtt: Some(Duration::from_millis(1)),
        report: None,
    }
}

pub(crate) fn load(running: usize, waiting: usize) -> Load {
    Load { running, waiting, slots: LIMITS.slots, queue_length_max: LIMITS.queue_length_max }
}

pub(crate) fn report(running: usize, waiting: usize) -> Report {
    let service_time = Some(Duration::from_millis(100));
    Report { load: load(running, waiting), service_time, ..Report::default() }
}

pub(crate) fn ms(ms: u64) -> Time {
    Time::from_origin(Duration::from_millis(ms))
}

pub(crate) fn request() -> JobRequest {
    JobRequest {
        function: "echo".parse().unwrap(),
        runs_here: true,
        task_type: TaskType::default(),
        deadline: None,
        policy: PolicyChoice::Configured,
        hops: 0,
        visited: Vec::new(),
    }
}

pub(crate) fn arrive(node: &mut Node) -> Arrival {
    node.arrive(request(), ms(0))
}

/// Gives the node so many jobs of its own, whatever its policy.
pub(crate) fn occupy(node: &mut Node, jobs: usize) -> Vec<JobId> {
    let own = || JobRequest { policy: PolicyChoice::Bypass, ..request() };
    let ids = (0..jobs).map(|_| node.arrive(own(), ms(0)).id).collect();
    assert_eq!(node.load().jobs(), jobs);
    ids
}

/// The peers that a decision asks.
pub(crate) fn probed(decision: Decision) -> Vec<NodeId> {
    match decision {
        Decision::Probe(peers) => peers,
        other => panic!("{other:?} asks no peers"),
    }
}
