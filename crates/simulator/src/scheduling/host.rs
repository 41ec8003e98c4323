use std::collections::BTreeMap;
use std::time::Duration;

use protocol::NodeId;
use rand::seq::index;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use scheduling::{JobId, Limits, Node, Policy, Report, Setup};

use super::Scenario;
use super::scenario::{Deadlines, HostSpec};

/// A node with its clients and what runs on it.
pub(super) struct Host {
    pub(super) node: Node,
    /// Draws when jobs of its clients arrive: the same whatever the policy does.
    pub(super) arrivals: Pcg64,
    /// Draws what the jobs of its clients are, each with one draw.
    pub(super) work: Pcg64,
    /// Peers that it knows, by number.
    pub(super) neighbours: Vec<u32>,
    /// Jobs that the node knows, by its name for them.
    pub(super) jobs: BTreeMap<JobId, Held>,
    /// Probes that a job waits for.
    pub(super) asked: BTreeMap<JobId, Asked>,
    /// What the others could know of its load.
    pub(super) published: Option<Report>,
    /// Time that its slots were in use, all together.
    pub(super) busy: Duration,
}

/// A job at a host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    /// Its place among the jobs of the run.
    pub(super) job: usize,
    pub(super) waits: bool,
}

/// Answers of peers as they come in.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) reports: Vec<(NodeId, Option<Report>)>,
    pub(super) missing: usize,
}

/// Each kind of randomness has its own stream, so that one does not shift the other.
const ARRIVALS: u64 = 1;
const WORK: u64 = 2;
const NODES: u64 = 3;
const NEIGHBOURS: u64 = 4;

impl Host {
    pub(super) fn new(place: usize, scenario: &Scenario, policy: Box<dyn Policy>, seed: u64) -> Self {
        let spec = &scenario.hosts[place];
        let setup =
            Setup { limits: limits(spec, scenario.deadlines), policy, seed: stream(seed, NODES, place) };
        Self {
            node: Node::new(setup),
            arrivals: Pcg64::seed_from_u64(stream(seed, ARRIVALS, place)),
            work: Pcg64::seed_from_u64(stream(seed, WORK, place)),
            neighbours: neighbours(place, scenario, seed),
            jobs: BTreeMap::new(),
            asked: BTreeMap::new(),
            published: None,
            busy: Duration::ZERO,
        }
    }
}

fn limits(spec: &HostSpec, deadlines: Deadlines) -> Limits {
    Limits {
        slots: spec.slots,
        queue_length_max: spec.queue_length_max,
        shed_late: deadlines == Deadlines::Enforced { shed_late: true },
    }
}

/// Different others, each as likely as any other.
fn neighbours(place: usize, scenario: &Scenario, seed: u64) -> Vec<u32> {
    let others = scenario.hosts.len() - 1;
    let number = |index: usize| (index + usize::from(index >= place)) as u32;
    if scenario.neighbours_max >= others {
        return (0..others).map(number).collect();
    }
    let mut rng = Pcg64::seed_from_u64(stream(seed, NEIGHBOURS, place));
    index::sample(&mut rng, others, scenario.neighbours_max).into_iter().map(number).collect()
}

/// A seed of its own for each purpose and host.
fn stream(seed: u64, purpose: u64, place: usize) -> u64 {
    Pcg64::seed_from_u64(seed ^ (purpose << 56) ^ ((place as u64) << 24)).random()
}

/// The id of the host with this number.
pub(super) fn id_of(place: usize) -> NodeId {
    NodeId::new(place as u64)
}

/// The number of the host with this id.
pub(super) fn place_of(id: NodeId) -> usize {
    id.bits() as usize
}
