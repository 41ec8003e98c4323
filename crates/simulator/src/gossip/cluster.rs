mod happening;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use membership::{
    Boot, ClusterKey, ClusterName, Counters, Description, ExchangeId, KeyRing, Membership, OwnAddress,
    Profile, Settings, Time,
};
use protocol::NodeId;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::events::Events;
use crate::network::{Conditions, Network};

const GOSSIP_PORT: u16 = 19001;
/// Enough for every kind of datagram to be among them.
const OVERHEARD_MAX: usize = 256;
/// The nodes start at random moments within this time.
const START_SPREAD: Duration = Duration::from_millis(100);

/// How a cluster is made.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// Nodes.
    pub nodes: usize,
    /// The network between them.
    pub conditions: Conditions,
    /// Everything that is random follows from it.
    pub seed: u64,
    /// Whether the nodes share a cluster key.
    pub sealed: bool,
    /// Whether foca is guarded; see [`Settings::guard`].
    pub guard: bool,
    /// The pace.
    pub profile: Profile,
    /// Whether the nodes have IPv6 addresses.
    pub ipv6: bool,
}

impl ClusterOptions {
    /// A sealed and guarded cluster on a LAN with so much loss.
    pub fn new(nodes: usize, loss: f64, seed: u64) -> Self {
        let conditions = Conditions::lan(loss);
        Self { nodes, conditions, seed, sealed: true, guard: true, profile: Profile::Lan, ipv6: false }
    }
}

/// A cluster whose first node is the seed of all others.
pub struct Cluster {
    hosts: Vec<Host>,
    events: Events<Event>,
    network: Network,
    rng: Pcg64,
    options: ClusterOptions,
    now: Duration,
    trace: u64,
    members_seen: usize,
    watched: Option<Watched>,
    /// Live nodes that some live node took for dead, each time.
    false_deaths: u64,
    counts_false_deaths: bool,
    /// The latest datagrams and requests, for a test that repeats or spoils them.
    overheard: VecDeque<Vec<u8>>,
}

struct Host {
    id: NodeId,
    core: Option<Membership>,
    generation: u32,
    members: usize,
    stalled_until: Duration,
    wake_at: Option<Duration>,
    has_left: bool,
}

/// A change of one node that is followed through the cluster.
struct Watched {
    host: usize,
    what: Sight,
    since: Duration,
    seen: Vec<Option<Duration>>,
    /// Live nodes that have not seen it.
    missing: usize,
}

/// What counts as having seen a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// The node is dead or has left.
    Gone,
    /// The node's record has this stamp or a later one.
    Record((u32, u32)),
}

enum Event {
    Wake(usize),
    Datagram { from: usize, to: usize, bytes: Vec<u8> },
    Request { from: usize, to: usize, exchange: ExchangeId, bytes: Vec<u8> },
    Answer { to: usize, exchange: ExchangeId, bytes: Option<Vec<u8>> },
}

impl Event {
    /// Whom it happens to.
    fn host(&self) -> usize {
        match self {
            Self::Wake(host) => *host,
            Self::Datagram { to, .. } | Self::Request { to, .. } | Self::Answer { to, .. } => *to,
        }
    }
}

impl Cluster {
    /// All nodes of `options`, started within a tenth of a second.
    pub fn start(options: ClusterOptions) -> Self {
        let mut cluster = Self {
            hosts: Vec::new(),
            events: Events::new(),
            network: Network::new(options.conditions, options.seed),
            rng: Pcg64::seed_from_u64(options.seed ^ 1),
            now: Duration::ZERO,
            trace: 0,
            members_seen: 0,
            watched: None,
            false_deaths: 0,
            counts_false_deaths: true,
            overheard: VecDeque::new(),
            options,
        };
        for host in 0..cluster.options.nodes {
            let id = NodeId::new(cluster.rng.random());
            cluster.hosts.push(Host {
                id,
                core: None,
                generation: 0,
                members: 0,
                stalled_until: Duration::ZERO,
                wake_at: None,
                has_left: false,
            });
            let core = cluster.boot(host);
            cluster.hosts[host].core = Some(core);
            let at = cluster.random_time(START_SPREAD);
            cluster.wake(host, if host == 0 { Duration::ZERO } else { at });
        }
        cluster
    }

    fn boot(&mut self, host: usize) -> Membership {
        let mut settings = Settings::new(ClusterName::new("simulated").expect("a valid name"));
        settings.profile = self.options.profile;
        settings.guard = self.options.guard;
        settings.seeds = if host == 0 { vec![] } else { vec![self.address(0)] };
        settings.keys = self.options.sealed.then(|| ring(&[1]));
        self.hosts[host].generation += 1;
        let (node, generation) = (self.hosts[host].id, self.hosts[host].generation);
        let address = OwnAddress::Given(self.address(host));
        let boot = Boot { node, generation, address, seed: self.rng.random() };
        let mut core = Membership::new(settings, boot, Time::after_epoch(self.now));
        let description = Description { slots: 4, version: "0.1.0".to_owned(), ..Description::default() };
        core.describe(description, Time::after_epoch(self.now)).expect("a short description");
        core
    }

    fn address(&self, host: usize) -> SocketAddr {
        let host = host as u32;
        if self.options.ipv6 {
            let bits = (0xfd00_u128 << 112) | u128::from(host);
            SocketAddr::new(Ipv6Addr::from_bits(bits).into(), GOSSIP_PORT)
        } else {
            SocketAddr::new(Ipv4Addr::from_bits(0x0a00_0000 | host).into(), GOSSIP_PORT)
        }
    }

    fn host_at(&self, address: SocketAddr) -> usize {
        let bits = match address.ip() {
            std::net::IpAddr::V4(ip) => ip.to_bits() & 0x00ff_ffff,
            std::net::IpAddr::V6(ip) => (ip.to_bits() & 0xffff_ffff) as u32,
        };
        bits as usize
    }

    /// Time since the start.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// A number that follows from everything that was sent: equal for two runs that are the same.
    pub fn trace(&self) -> u64 {
        self.trace
    }

    /// Runs for `span`.
    pub fn run(&mut self, span: Duration) {
        self.run_until(self.now + span, |_| false);
    }

    /// Runs until `done`, at most to the time `end`. Returns the time at which it was done.
    pub fn run_until(&mut self, end: Duration, done: impl Fn(&Self) -> bool) -> Option<Duration> {
        while !done(self) {
            let Some((at, event)) = self.events.pop(end) else {
                self.now = end;
                return None;
            };
            self.now = at;
            self.happen(event);
        }
        Some(self.now)
    }

    /// Part of all pairs of live nodes of which the one knows the other, 0 to 1.
    pub fn completeness(&self) -> f64 {
        let live = self.hosts.iter().filter(|host| host.is_up()).count();
        self.members_seen as f64 / (live * live.saturating_sub(1)).max(1) as f64
    }

    /// Whether every live node knows every other.
    pub fn is_complete(&self) -> bool {
        self.completeness() >= 1.0
    }

    /// The counters of all live nodes together.
    pub fn counters(&self) -> Vec<Counters> {
        self.hosts.iter().filter_map(|host| host.core.as_ref()).map(Membership::counters).collect()
    }

    /// The sum of one counter over all live nodes.
    pub fn total(&self, counter: impl Fn(&Counters) -> u64) -> u64 {
        self.counters().iter().map(counter).sum()
    }

    /// How often a live node was taken for dead.
    pub fn false_deaths(&self) -> u64 {
        self.false_deaths
    }

    /// A node of the cluster; `None` once it was killed.
    pub fn core(&self, host: usize) -> Option<&Membership> {
        self.hosts[host].core.as_ref()
    }

    /// Lets a node do something, and carries out what it asks for.
    pub fn act(&mut self, host: usize, act: impl FnOnce(&mut Membership, Time)) {
        let now = Time::after_epoch(self.now);
        if let Some(core) = &mut self.hosts[host].core {
            act(core, now);
            self.settle(host);
        }
    }

    /// Changes the network.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.network.set_conditions(conditions);
    }

    /// Cuts the first half off from the second, or heals the cut. Deaths in a cut cluster are not false.
    pub fn set_cut(&mut self, is_cut: bool) {
        self.counts_false_deaths = false;
        self.network.set_cut(is_cut.then_some(self.options.nodes / 2));
    }

    /// Ends a node without a good-bye.
    pub fn kill(&mut self, host: usize) {
        self.members_seen -= self.hosts[host].members;
        self.hosts[host].members = 0;
        self.hosts[host].core = None;
    }

    /// Starts a node that was killed, with its id, in its next life.
    pub fn restart(&mut self, host: usize) {
        let core = self.boot(host);
        self.hosts[host].core = Some(core);
        self.wake(host, self.now);
    }

    /// Lets a node say good-bye.
    pub fn leave(&mut self, host: usize) {
        self.hosts[host].has_left = true;
        self.act(host, |core, now| core.leave(now));
    }

    /// Stops a node for `span`: what arrives waits.
    pub fn stall(&mut self, host: usize, span: Duration) {
        self.hosts[host].stalled_until = self.now + span;
    }

    /// Gives every node this key ring.
    pub fn set_keys(&mut self, host: usize, keys: &[u8]) {
        let keys = ring(keys);
        let seeds = if host == 0 { vec![] } else { vec![self.address(0)] };
        self.act(host, |core, now| {
            let mut settings = Settings::new(ClusterName::new("simulated").expect("a valid name"));
            settings.keys = Some(keys);
            settings.seeds = seeds;
            core.reconfigure(settings, now);
        });
    }

    /// Hands a datagram to a node, as if `from` had sent it.
    pub fn inject(&mut self, from: usize, to: usize, bytes: Vec<u8>) {
        self.events.add(self.now, Event::Datagram { from, to, bytes });
    }

    /// The datagrams and requests that were sent last, by whomever.
    pub fn overheard(&self) -> impl Iterator<Item = &[u8]> {
        self.overheard.iter().map(Vec::as_slice)
    }

    pub(super) fn watch(&mut self, host: usize, what: Sight) {
        let seen = vec![None; self.hosts.len()];
        let observers = self.hosts.iter().enumerate().filter(|(i, other)| other.is_up() && *i != host);
        let missing = observers.count();
        self.watched = Some(Watched { host, what, since: self.now, seen, missing });
    }

    /// How long each live node took to see what is watched.
    pub(super) fn sightings(&self) -> Vec<Duration> {
        let Some(watched) = &self.watched else { return vec![] };
        watched.seen.iter().flatten().map(|at| *at - watched.since).collect()
    }

    /// How many live nodes have not seen what is watched.
    pub(super) fn sightings_missing(&self) -> usize {
        self.watched.as_ref().map_or(0, |watched| watched.missing)
    }

    /// The id of a node.
    pub fn id(&self, host: usize) -> NodeId {
        self.hosts[host].id
    }

    fn wake(&mut self, host: usize, at: Duration) {
        let known = self.hosts[host].wake_at;
        if known.is_none_or(|known| at < known) {
            self.hosts[host].wake_at = Some(at);
            self.events.add(at, Event::Wake(host));
        }
    }

    fn random_time(&mut self, below: Duration) -> Duration {
        let part: f64 = self.rng.random_range(0.0..1.0);
        below.mul_f64(part)
    }
}

impl Host {
    fn is_up(&self) -> bool {
        self.core.is_some() && !self.has_left
    }
}

fn ring(keys: &[u8]) -> KeyRing {
    let keys: Vec<_> = keys.iter().map(|byte| ClusterKey::new([*byte; 32])).collect();
    KeyRing::new(&keys).expect("one to three different keys")
}
