//! Discoveries as processes on loopback: they find each other, notice who leaves, and stay one node each.

mod containers;
mod hosts;
mod key;
mod routes;
mod watch;

use std::net::SocketAddr;
use std::path::Path;

use protocol::nodes::{Node, NodeList, NodeState};
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::process::{Process, run, service};
use tests::wait;

/// A discovery with a data folder of its own.
struct Discovery {
    process: Process,
    http: SocketAddr,
    client: Client,
    data: TempDir,
}

/// Settings as the environment has them.
type Variables<'a> = &'a [(&'a str, &'a str)];

impl Discovery {
    async fn start(variables: Variables<'_>) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), variables).await
    }

    async fn start_in(data: TempDir, variables: Variables<'_>) -> Self {
        let (process, http) = Process::start(service("discovery", data.path(), variables));
        Self { process, http, client: Client::new(), data }
    }

    /// One that joins through `seed`.
    async fn join(seed: &Self) -> Self {
        let seed = seed.gossip().await.to_string();
        Self::start(&[("P2PFAAS_SEEDS", &seed)]).await
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    async fn nodes(&self) -> NodeList {
        self.get("/nodes").await.json().await.unwrap()
    }

    async fn own(&self) -> Node {
        self.nodes().await.own
    }

    /// Where its gossip is.
    async fn gossip(&self) -> SocketAddr {
        let own = self.own().await;
        SocketAddr::new(own.address, own.ports.gossip)
    }

    /// How many other nodes it sees in this state.
    async fn count(&self, state: NodeState) -> usize {
        self.nodes().await.nodes.iter().filter(|node| node.state == state).count()
    }

    async fn until_count(&self, state: NodeState, count: usize) {
        let what = format!("{} sees {count} nodes as {state:?}", self.http);
        wait::until(&what, async || self.count(state).await == count).await;
    }

    /// A counter or gauge, by its name and labels.
    async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await.text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    async fn patch(&self, settings: Value) {
        let answer = self.client.patch(self.url("/configuration")).body(settings.to_string()).send();
        assert_eq!(answer.await.unwrap().status(), 200);
    }

    /// Ends it without a good-bye, and hands on its data.
    fn kill(mut self) -> TempDir {
        self.process.signal("KILL");
        self.process.wait();
        self.data
    }
}

#[tokio::test]
async fn one_seed_is_enough_for_all_to_see_all() {
    let seed = Discovery::start(&[]).await;
    let others = [Discovery::join(&seed).await, Discovery::join(&seed).await];
    for node in [&seed, &others[0], &others[1]] {
        node.until_count(NodeState::Alive, 2).await;
    }
    wait::until("all have said what they are", async || {
        seed.nodes().await.nodes.iter().all(|node| !node.version.is_empty())
    })
    .await;
    let list = seed.nodes().await;
    for other in &others {
        let seen = list.nodes.iter().find(|node| node.ports.discovery == other.http.port()).unwrap();
        let own = other.own().await;
        assert_eq!((seen.id, &seen.version, &seen.architecture), (own.id, &own.version, &own.architecture));
        assert_eq!((seen.ports.gossip, seen.ports.scheduler), (own.ports.gossip, 18_080));
    }
    wait::until("a round trip is measured", async || seed.nodes().await.nodes[0].rtt_ms.is_some()).await;
}

#[tokio::test]
async fn a_node_joins_where_it_is_told_to() {
    let (one, other) = (Discovery::start(&[]).await, Discovery::start(&[]).await);
    let address = one.gossip().await.to_string();
    let told = other.client.post(other.url("/nodes")).json(&json!({"address": address})).send();
    let told = told.await.unwrap();
    assert_eq!(told.status(), 202);
    assert_eq!(told.json::<Value>().await.unwrap(), json!({"greeted": [address]}));
    one.until_count(NodeState::Alive, 1).await;

    let third = Discovery::start(&[]).await;
    third.patch(json!({"init_servers": [address]})).await;
    third.until_count(NodeState::Alive, 2).await;
}

#[tokio::test]
async fn seeds_that_do_not_answer_degrade_a_node_until_one_does() {
    let seed = Discovery::start(&[]).await;
    let address = seed.gossip().await.to_string();
    let data = seed.kill();
    let port = address.rsplit(':').next().unwrap();
    let seeds = format!("no-such-host.invalid,{address}");
    let node = Discovery::start(&[("P2PFAAS_SEEDS", &seeds)]).await;
    let health = async || node.get("/health").await.json::<Value>().await.unwrap();
    wait::until("the node says that it is alone", async || {
        let why = health().await["degraded"]["seeds"].as_str().unwrap_or_default().to_owned();
        why.contains("none of its 2 seeds") && why.contains("no-such-host.invalid")
    })
    .await;
    assert_eq!(health().await["status"], "ok");
    let _seed = Discovery::start_in(data, &[("P2PFAAS_GOSSIP_PORT", port)]).await;
    node.until_count(NodeState::Alive, 1).await;
    wait::until("the report is whole", async || health().await["degraded"] == json!({})).await;
}

#[tokio::test]
async fn a_signal_says_good_bye_and_silence_is_noticed() {
    let seed = Discovery::start(&[]).await;
    let (mut leaver, silent) = (Discovery::join(&seed).await, Discovery::join(&seed).await);
    seed.until_count(NodeState::Alive, 2).await;
    leaver.process.signal("TERM");
    assert_eq!(leaver.process.wait().code(), Some(0));
    seed.until_count(NodeState::Left, 1).await;
    let id = silent.own().await.id;
    silent.kill();
    seed.until_count(NodeState::Dead, 1).await;
    assert_eq!(seed.metric("p2pfaas_nodes{state=\"dead\"}").await, 1.0);

    let forget = async |id: String| {
        seed.client.delete(seed.url(&format!("/nodes/{id}"))).send().await.unwrap().status()
    };
    assert_eq!(forget(id.to_string()).await, 204);
    assert_eq!(forget(id.to_string()).await, 404);
    assert_eq!(seed.nodes().await.nodes.len(), 1);
}

#[tokio::test]
async fn a_node_that_comes_back_under_a_new_address_is_one_node() {
    let seed = Discovery::start(&[]).await;
    let node = Discovery::join(&seed).await;
    seed.until_count(NodeState::Alive, 1).await;
    let (before, address) = (node.own().await, node.gossip().await);
    let seeds = seed.gossip().await.to_string();
    let data = node.kill();
    let node = Discovery::start_in(data, &[("P2PFAAS_SEEDS", &seeds)]).await;
    let own = node.own().await;
    assert_eq!(own.id, before.id);
    assert!(own.generation > before.generation);
    assert_ne!(node.gossip().await, address);
    wait::until("the seed sees the new life", async || {
        let nodes = seed.nodes().await.nodes;
        assert_eq!(nodes.len(), 1);
        nodes[0].generation >= own.generation && nodes[0].ports.gossip == own.ports.gossip
    })
    .await;
    assert_eq!(seed.count(NodeState::Alive).await, 1);
}

#[tokio::test]
async fn what_its_operator_says_of_a_node_is_told_at_once() {
    let seed = Discovery::start(&[]).await;
    let node = Discovery::join(&seed).await;
    seed.until_count(NodeState::Alive, 1).await;
    node.patch(json!({"machine_id": "kitchen", "machine_group_name": "home", "scheduler_port": 7})).await;
    wait::until("the seed has heard", async || {
        let told = seed.nodes().await.nodes.remove(0);
        (told.name.as_str(), told.group.as_str(), told.ports.scheduler) == ("kitchen", "home", 7)
    })
    .await;
    node.patch(json!({"machine_ip": "127.0.0.2"})).await;
    wait::until("the seed has heard of the move", async || {
        let nodes = seed.nodes().await.nodes;
        nodes.len() == 1 && nodes[0].address.to_string() == "127.0.0.2"
    })
    .await;
}

/// Both listen on all addresses, so neither knows its own until the other tells it. The second one listens on
/// IPv6, and reaches the first one's IPv4 all the same.
#[tokio::test]
async fn a_node_that_is_told_nothing_learns_its_address_from_the_others() {
    let everywhere = |ip| [("P2PFAAS_LISTENING_HOST", ip), ("P2PFAAS_ADVERTISE_PORT", "")];
    let mut seed = Discovery::start(&everywhere("0.0.0.0")).await;
    seed.http.set_ip([127, 0, 0, 1].into());
    let port = gossip_port(&seed);
    let seeds = format!("127.0.0.1:{port}");
    let node = [&everywhere("::")[..], &[("P2PFAAS_SEEDS", &seeds)]].concat();
    let mut node = Discovery::start(&node).await;
    node.http.set_ip([127, 0, 0, 1].into());
    for (one, other) in [(&seed, &node), (&node, &seed)] {
        one.until_count(NodeState::Alive, 1).await;
        let expected = format!("127.0.0.1:{}", gossip_port(other));
        assert_eq!(other.gossip().await.to_string(), expected);
        wait::until("each is known under its address", async || {
            let seen = one.nodes().await.nodes.remove(0);
            SocketAddr::new(seen.address, seen.ports.gossip).to_string() == expected
        })
        .await;
    }
}

#[tokio::test]
async fn nodes_find_each_other_by_ipv6_alone() {
    let local = ("P2PFAAS_LISTENING_HOST", "::1");
    let seed = Discovery::start(&[local]).await;
    let address = seed.gossip().await.to_string();
    assert!(address.starts_with("[::1]:"), "{address}");
    let node = Discovery::start(&[local, ("P2PFAAS_SEEDS", &address)]).await;
    for (one, other) in [(&seed, &node), (&node, &seed)] {
        one.until_count(NodeState::Alive, 1).await;
        assert_eq!(one.nodes().await.nodes[0].id, other.own().await.id);
    }
    wait::until("they have compared notes", async || {
        seed.metric("p2pfaas_gossip_stream_sent_bytes_total").await > 0.0
    })
    .await;
}

/// As the log has it: before anybody has told the node its address, nothing else does.
fn gossip_port(node: &Discovery) -> u64 {
    let log = node.process.log();
    let line = log.iter().find(|line| line.contains("\"gossiping\"")).unwrap();
    serde_json::from_str::<Value>(line).unwrap()["gossip_port"].as_u64().unwrap()
}

#[test]
fn an_id_that_cannot_be_read_stops_the_start_and_stays() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("node.json");
    std::fs::write(&file, "{\"id\":").unwrap();
    let ended = run(service("discovery", data.path(), &[]));
    assert_eq!(ended.code, Some(1), "{}", ended.complaint);
    assert!(ended.complaint.contains("node.json"), "{}", ended.complaint);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{\"id\":");
}

#[test]
fn bad_settings_are_named() {
    let data = tempfile::tempdir().unwrap();
    for (variable, value) in [
        ("P2PFAAS_SEEDS", "a b"),
        ("P2PFAAS_SEEDS", "[7]"),
        ("P2PFAAS_ADVERTISE_ADDRESS", "0.0.0.0"),
        ("P2PFAAS_NETWORK_PROFILE", "moon"),
        ("P2PFAAS_CLUSTER_KEY", "short"),
        ("P2PFAAS_GOSSIP_PORT", "65536"),
    ] {
        let ended = run(service("discovery", data.path(), &[(variable, value)]));
        assert_eq!(ended.code, Some(78), "{variable}: {}", ended.complaint);
        assert!(ended.complaint.contains(variable), "{}", ended.complaint);
    }
}

fn path(folder: &TempDir, name: &str) -> String {
    Path::new(folder.path()).join(name).to_str().unwrap().to_owned()
}
