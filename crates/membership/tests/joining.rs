//! Two or three cores that hand each other their outputs: joining, addresses, lives, records.

use std::net::SocketAddr;
use std::time::Duration;

use membership::{
    Boot, CannotForget, ClusterKey, ClusterName, Description, KeyRing, Membership, Output, OwnAddress,
    Settings, Time,
};
use protocol::NodeId;
use protocol::nodes::{NodeLoad, NodeState};

/// A core, and the address at which the others see it.
struct Host {
    core: Membership,
    seen_as: SocketAddr,
}

struct Site {
    hosts: Vec<Host>,
    now: Duration,
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn boot(id: u64, generation: u32, own: OwnAddress) -> Boot {
    Boot { node: NodeId::new(id), generation, address: own, seed: [id as u8; 32] }
}

fn settings(seeds: &[&str]) -> Settings {
    let mut settings = Settings::new(ClusterName::new("test").expect("a name"));
    settings.seeds = seeds.iter().map(|seed| address(seed)).collect();
    settings.keys = Some(KeyRing::new(&[ClusterKey::new([1; 32])]).expect("a key"));
    settings
}

impl Site {
    fn new() -> Self {
        Self { hosts: vec![], now: Duration::ZERO }
    }

    fn add(&mut self, boot: Boot, seen_as: &str, seeds: &[&str]) {
        let core = Membership::new(settings(seeds), boot, Time::after_epoch(self.now));
        self.hosts.push(Host { core, seen_as: address(seen_as) });
    }

    /// Runs for `span` in steps of 10 ms; everything arrives at once.
    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.now < end {
            self.now += Duration::from_millis(10);
            for host in 0..self.hosts.len() {
                self.hosts[host].core.tick(Time::after_epoch(self.now));
            }
            while (0..self.hosts.len()).any(|host| self.deliver(host)) {}
        }
    }

    fn deliver(&mut self, host: usize) -> bool {
        let now = Time::after_epoch(self.now);
        let from = self.hosts[host].seen_as;
        let Some(output) = self.hosts[host].core.output() else { return false };
        match output {
            Output::Send { to, datagram } => {
                if let Some(receiver) = self.hosts.iter_mut().find(|host| host.seen_as == to) {
                    receiver.core.receive(from, &datagram, now);
                }
            }
            Output::Dial { exchange, to, request } => {
                let receiver = self.hosts.iter_mut().find(|host| host.seen_as == to);
                let answer = receiver.and_then(|host| host.core.serve(&request, now).ok());
                self.hosts[host].core.answered(exchange, answer.as_deref(), now);
            }
            Output::Changed { .. } | Output::Removed { .. } => {}
        }
        true
    }

    fn now(&self) -> Time {
        Time::after_epoch(self.now)
    }
}

fn given(text: &str) -> OwnAddress {
    OwnAddress::Given(address(text))
}

#[test]
fn a_node_that_comes_back_under_a_new_address_is_one_node() {
    let mut site = Site::new();
    site.add(boot(1, 1, given("10.0.0.1:1")), "10.0.0.1:1", &[]);
    site.add(boot(2, 1, given("10.0.0.2:1")), "10.0.0.2:1", &["10.0.0.1:1"]);
    site.run(Duration::from_secs(3));
    site.hosts.pop();
    site.add(boot(2, 2, given("[fd00::2]:1")), "[fd00::2]:1", &["10.0.0.1:1"]);
    site.run(Duration::from_secs(3));
    let nodes = site.hosts[0].core.nodes().nodes;
    assert_eq!(nodes.len(), 1);
    assert_eq!((nodes[0].address, nodes[0].state), (address("[fd00::2]:1").ip(), NodeState::Alive));
    assert_eq!(nodes[0].generation, 2);
}

#[test]
fn a_node_behind_a_published_port_learns_its_address_and_so_does_its_seed() {
    let mut site = Site::new();
    site.add(boot(1, 1, OwnAddress::Observed { port: None }), "192.0.2.1:19001", &[]);
    let observed = OwnAddress::Observed { port: Some(19_002) };
    site.add(boot(2, 1, observed), "192.0.2.2:19002", &["192.0.2.1:19001"]);
    site.run(Duration::from_secs(3));
    assert_eq!(site.hosts[0].core.identity().address(), address("192.0.2.1:19001"));
    assert_eq!(site.hosts[1].core.identity().address(), address("192.0.2.2:19002"));
    assert_eq!(site.hosts[0].core.state_of(NodeId::new(2)), Some(NodeState::Alive));
    assert_eq!(site.hosts[1].core.state_of(NodeId::new(1)), Some(NodeState::Alive));
}

/// Cut off, a node buries the others and is buried; back again, it begins a new life under what may be a new
/// address.
#[test]
fn a_node_that_was_cut_off_and_moved_is_one_node_to_all_and_none_to_itself() {
    let mut site = Site::new();
    let seeds = ["10.0.0.1:1"];
    site.add(boot(1, 1, OwnAddress::Observed { port: None }), "10.0.0.1:1", &[]);
    for id in 2..=3 {
        site.add(boot(id, 1, OwnAddress::Observed { port: None }), &format!("10.0.0.{id}:1"), &seeds);
    }
    site.run(Duration::from_secs(3));
    let cut_off = site.hosts.pop().unwrap();
    site.run(Duration::from_secs(20));
    assert_eq!(site.hosts[0].core.state_of(NodeId::new(3)), Some(NodeState::Dead));
    site.hosts.push(cut_off);
    site.hosts[2].seen_as = address("10.0.0.9:1");
    site.run(Duration::from_secs(40));
    for (index, host) in site.hosts.iter().enumerate() {
        let list = host.core.nodes();
        assert_eq!(list.nodes.len(), 2, "{index}: {:?}", list.nodes);
        assert!(list.nodes.iter().all(|node| node.state == NodeState::Alive && node.id != list.own.id));
    }
    assert_eq!(site.hosts[0].core.node(NodeId::new(3)).unwrap().address, address("10.0.0.9:1").ip());
}

/// What it sends still arrives, and what is sent to it does not: nobody is dead, and it is seen to have moved
/// all the same. The seed has nobody to greet but its members.
#[test]
fn a_node_that_moved_without_a_pause_is_seen_where_it_is() {
    for moved in 0..3 {
        let mut site = Site::new();
        site.add(boot(1, 1, OwnAddress::Observed { port: None }), "10.0.0.1:1", &[]);
        for id in 2..=3 {
            let seen_as = format!("10.0.0.{id}:1");
            site.add(boot(id, 1, OwnAddress::Observed { port: None }), &seen_as, &["10.0.0.1:1"]);
        }
        site.run(Duration::from_secs(10));
        site.hosts[moved].seen_as = address("10.0.0.9:1");
        site.run(Duration::from_secs(15));
        let id = site.hosts[moved].core.identity().node;
        for host in site.hosts.iter().filter(|host| host.core.identity().node != id) {
            let list = host.core.nodes();
            assert_eq!(list.nodes.len(), 2, "{moved}: {:?}", list.nodes);
            assert!(
                list.nodes.iter().all(|node| node.state == NodeState::Alive),
                "{moved}: {:?}",
                list.nodes
            );
            let seen = host.core.node(id).unwrap().address;
            assert_eq!(seen, address("10.0.0.9:1").ip(), "{moved}: {:?}", list.nodes);
        }
    }
}

#[test]
fn a_clock_that_went_back_does_not_keep_a_node_out() {
    let mut site = Site::new();
    site.add(boot(1, 1, given("10.0.0.1:1")), "10.0.0.1:1", &[]);
    site.add(boot(2, 1_000_000, given("10.0.0.2:1")), "10.0.0.2:1", &["10.0.0.1:1"]);
    site.run(Duration::from_secs(3));
    site.hosts.pop();
    site.run(Duration::from_secs(20));
    assert_eq!(site.hosts[0].core.state_of(NodeId::new(2)), Some(NodeState::Dead));
    site.add(boot(2, 1, given("10.0.0.2:1")), "10.0.0.2:1", &["10.0.0.1:1"]);
    site.run(Duration::from_secs(3));
    assert_eq!(site.hosts[0].core.state_of(NodeId::new(2)), Some(NodeState::Alive));
    assert!(site.hosts[1].core.identity().generation() > 1_000_000);
}

#[test]
fn a_seed_that_starts_late_is_greeted_until_it_answers() {
    let mut site = Site::new();
    site.add(boot(2, 1, given("10.0.0.2:1")), "10.0.0.2:1", &["10.0.0.1:1", "10.0.0.2:1"]);
    site.run(Duration::from_secs(30));
    assert_eq!(site.hosts[0].core.member_count(), 0);
    site.add(boot(1, 1, given("10.0.0.1:1")), "10.0.0.1:1", &[]);
    site.run(Duration::from_secs(6));
    assert_eq!(site.hosts[0].core.member_count(), 1);
}

#[test]
fn two_clusters_become_one_when_a_node_is_told_to_join() {
    let mut site = Site::new();
    for id in 1..=2 {
        let own = format!("10.0.0.{id}:1");
        site.add(boot(id, 1, given(&own)), &own, &["10.0.0.1:1"]);
    }
    for id in 3..=4 {
        let own = format!("10.0.0.{id}:1");
        site.add(boot(id, 1, given(&own)), &own, &["10.0.0.3:1"]);
    }
    site.run(Duration::from_secs(3));
    assert_eq!(site.hosts[3].core.member_count(), 1);
    let now = site.now();
    assert!(site.hosts[3].core.join(address("10.0.0.2:1"), now));
    site.run(Duration::from_secs(3));
    assert!(site.hosts.iter().all(|host| host.core.member_count() == 3));
}

#[test]
fn what_a_node_says_of_itself_arrives_with_its_functions() {
    let mut site = Site::new();
    site.add(boot(1, 1, given("10.0.0.1:1")), "10.0.0.1:1", &[]);
    site.add(boot(2, 1, given("10.0.0.2:1")), "10.0.0.2:1", &["10.0.0.1:1"]);
    site.run(Duration::from_secs(3));
    let functions = vec!["echo".parse().unwrap(), "face-recognition".parse().unwrap()];
    let description = Description { slots: 4, functions: functions.clone(), ..Description::default() };
    let load = NodeLoad { running: 3, waiting: 1, draining: false };
    let now = site.now();
    site.hosts[1].core.describe(description, now).unwrap();
    site.hosts[1].core.set_load(load, Some(Duration::from_millis(25)), now);
    site.run(Duration::from_secs(2));
    let node = site.hosts[0].core.node(NodeId::new(2)).unwrap();
    assert_eq!((node.functions, node.slots, node.load), (functions, 4, Some(load)));
    assert!((node.service_time_ms.unwrap() - 25.0).abs() < 2.0);

    let huge = vec!["x".repeat(128).parse().unwrap(); 1000];
    let refused = Description { functions: huge, ..Description::default() };
    let now = site.now();
    assert!(site.hosts[1].core.describe(refused, now).is_err());
}

#[test]
fn only_the_dead_are_forgotten() {
    let mut site = Site::new();
    site.add(boot(1, 1, given("10.0.0.1:1")), "10.0.0.1:1", &[]);
    site.add(boot(2, 1, given("10.0.0.2:1")), "10.0.0.2:1", &["10.0.0.1:1"]);
    site.run(Duration::from_secs(3));
    let (id, now) = (NodeId::new(2), site.now());
    assert_eq!(site.hosts[0].core.forget(id, now), Err(CannotForget::Present(id)));
    site.hosts[1].core.leave(now);
    site.run(Duration::from_secs(1));
    assert_eq!(site.hosts[0].core.state_of(id), Some(NodeState::Left));
    assert!(site.hosts[1].core.is_gone());
    let now = site.now();
    assert_eq!(site.hosts[0].core.forget(id, now), Ok(()));
    assert!(site.hosts[0].core.nodes().nodes.is_empty());
    assert_eq!(site.hosts[0].core.forget(id, now), Err(CannotForget::Unknown(id)));
}

#[test]
fn a_core_can_move_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Membership>();
}
