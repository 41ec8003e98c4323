//! The cluster's key: strangers change nothing, and a key is rolled without a node lost.

use std::net::SocketAddr;

use protocol::nodes::NodeState;
use serde_json::Value;
use tests::process::{run, service};
use tests::wait;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};

use super::{Discovery, path};

const OLD: &str = "the old key of this cluster";
const NEW: &str = "the new key of this cluster";
const STRANGERS: &str = "p2pfaas_gossip_refused_total{reason=\"stranger\"}";
const MALFORMED: &str = "p2pfaas_gossip_refused_total{reason=\"malformed\"}";

#[tokio::test]
async fn strangers_are_counted_and_stay_out() {
    let seed = Discovery::start(&[("P2PFAAS_CLUSTER_KEY", OLD)]).await;
    let address = seed.gossip().await.to_string();
    let member = Discovery::start(&[("P2PFAAS_CLUSTER_KEY", OLD), ("P2PFAAS_SEEDS", address.as_str())]).await;
    seed.until_count(NodeState::Alive, 1).await;
    let before = seed.nodes().await.nodes[0].id;
    for key in ["", NEW] {
        let counted = seed.metric(STRANGERS).await;
        let stranger =
            Discovery::start(&[("P2PFAAS_CLUSTER_KEY", key), ("P2PFAAS_SEEDS", address.as_str())]).await;
        wait::until("the stranger is counted", async || seed.metric(STRANGERS).await >= counted + 4.0).await;
        assert!(stranger.nodes().await.nodes.is_empty());
        let nodes = seed.nodes().await.nodes;
        assert_eq!((nodes.len(), nodes[0].id), (1, before));
    }
    // Another cluster's name shuts a node out as well.
    let settings =
        [("P2PFAAS_CLUSTER_KEY", OLD), ("P2PFAAS_CLUSTER", "another"), ("P2PFAAS_SEEDS", &address)];
    let counted = seed.metric(STRANGERS).await;
    let _stranger = Discovery::start(&settings).await;
    wait::until("the stranger is counted", async || seed.metric(STRANGERS).await > counted).await;
    assert_eq!(seed.nodes().await.nodes.len(), 1);
    assert_eq!(member.count(NodeState::Alive).await, 1);
}

#[tokio::test]
async fn noise_on_the_port_is_counted_and_does_no_harm() {
    let seed = Discovery::start(&[("P2PFAAS_CLUSTER_KEY", OLD)]).await;
    let address = seed.gossip().await;
    let (key, seeds) = (("P2PFAAS_CLUSTER_KEY", OLD), address.to_string());
    let member = Discovery::start(&[key, ("P2PFAAS_SEEDS", &seeds)]).await;
    seed.until_count(NodeState::Alive, 1).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let refused = async || seed.metric(STRANGERS).await + seed.metric(MALFORMED).await;
    for length in [0_usize, 1, 3, 40, 1_393, 1_394, 9_000] {
        for first in [0_u8, 1, 255] {
            let before = refused().await;
            let mut noise = vec![first; length];
            noise.iter_mut().skip(1).enumerate().for_each(|(index, byte)| *byte = index as u8);
            socket.send_to(&noise, address).await.unwrap();
            wait::until("the noise is counted", async || refused().await > before).await;
        }
    }
    assert!(closes_on(address, &[0xff; 64]).await, "a length beyond the bound");
    assert!(closes_on(address, &[0, 0, 0, 8, 1, 5, 0, 0, 0, 0, 0, 0]).await, "a request without a seal");
    assert_eq!(seed.count(NodeState::Alive).await, 1);
    assert_eq!(member.count(NodeState::Alive).await, 1);
    assert_eq!(seed.metric("p2pfaas_gossip_internal_errors_total").await, 0.0);
}

/// Whether the node ends the connection without a word.
async fn closes_on(address: SocketAddr, noise: &[u8]) -> bool {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(noise).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(wait::PATIENCE, stream.read_to_end(&mut answer)).await;
    // With bytes left unread the end is a reset.
    read.is_ok() && answer.is_empty()
}

/// In three steps, each on every node before the next, with nodes that disagree in between.
#[tokio::test]
async fn a_key_is_rolled_without_a_node_lost() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<String> = (0..3).map(|node| path(&folder, &format!("keys-{node}"))).collect();
    for file in &files {
        std::fs::write(file, OLD).unwrap();
    }
    let seed = Discovery::start(&[("P2PFAAS_CLUSTER_KEY_FILE", &files[0])]).await;
    let seeds = seed.gossip().await.to_string();
    let mut nodes = vec![seed];
    for file in &files[1..] {
        let settings = [("P2PFAAS_CLUSTER_KEY_FILE", file.as_str()), ("P2PFAAS_SEEDS", &seeds)];
        nodes.push(Discovery::start(&settings).await);
    }
    for node in &nodes {
        node.until_count(NodeState::Alive, 2).await;
    }
    for keys in [format!("{OLD}\n{NEW}\n"), format!("# new first\n{NEW}\n{OLD}\n"), NEW.to_owned()] {
        for (node, file) in nodes.iter().zip(&files) {
            std::fs::write(file, &keys).unwrap();
            node.process.line_with("keys were changed");
            for node in &nodes {
                assert_eq!(node.count(NodeState::Alive).await, 2);
            }
        }
    }
    for node in &nodes {
        assert_eq!(node.count(NodeState::Alive).await, 2);
        assert_eq!(node.metric("p2pfaas_gossip_rejoins_total").await, 0.0);
        assert_eq!(node.metric(STRANGERS).await, 0.0, "somebody was not understood");
    }
    let seed = Discovery::start(&[("P2PFAAS_CLUSTER_KEY", NEW), ("P2PFAAS_SEEDS", &seeds)]).await;
    seed.until_count(NodeState::Alive, 3).await;

    // A file that is spoilt while the node runs is said, and the last keys go on.
    std::fs::write(&files[0], "short").unwrap();
    wait::until("the node is degraded", async || {
        let health: Value = nodes[0].get("/health").await.json().await.unwrap();
        health["degraded"]["cluster_key"].as_str().is_some_and(|why| why.contains("keys-0"))
    })
    .await;
    assert_eq!(nodes[0].count(NodeState::Alive).await, 3);
}

#[tokio::test]
async fn a_key_is_never_shown() {
    let node = Discovery::start(&[("P2PFAAS_CLUSTER_KEY", OLD)]).await;
    let mut shown = node.process.log().join("\n");
    for path in ["/configuration", "/health", "/metrics", "/openapi.json", "/nodes"] {
        shown += &node.get(path).await.text().await.unwrap();
    }
    let data = tempfile::tempdir().unwrap();
    let mut command = service("discovery", data.path(), &[("P2PFAAS_CLUSTER_KEY", OLD)]);
    let settings = String::from_utf8(command.arg("settings").output().unwrap().stdout).unwrap();
    assert!(settings.contains("cluster_key = \"(hidden)\"  # environment"), "{settings}");
    shown += &settings;
    for bad in ["secret horse", "12345678901"] {
        let ended = run(service("discovery", data.path(), &[("P2PFAAS_CLUSTER_KEY", bad)]));
        assert_eq!(ended.code, Some(78));
        assert!(!ended.complaint.contains(bad), "{}", ended.complaint);
    }
    let patch = node.client.patch(node.url("/configuration")).body(format!("{{\"cluster_key\": \"{NEW}\"}}"));
    shown += &patch.send().await.unwrap().text().await.unwrap();
    assert!(!shown.contains(OLD) && !shown.contains(NEW), "{shown}");
}

#[test]
fn keys_that_are_named_and_missing_stop_the_start() {
    let data = tempfile::tempdir().unwrap();
    let file = path(&data, "keys");
    for (content, named) in [(None, "keys"), (Some("short"), "16 to 1024"), (Some(""), "1 to 3")] {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let ended = run(service("discovery", data.path(), &[("P2PFAAS_CLUSTER_KEY_FILE", &file)]));
        assert_eq!(ended.code, Some(1), "{}", ended.complaint);
        assert!(ended.complaint.contains(named) && ended.complaint.contains(&file), "{}", ended.complaint);
    }
    std::fs::write(&file, OLD).unwrap();
    let both = [("P2PFAAS_CLUSTER_KEY_FILE", file.as_str()), ("P2PFAAS_CLUSTER_KEY", OLD)];
    let ended = run(service("discovery", data.path(), &both));
    assert!(ended.complaint.contains("both set"), "{}", ended.complaint);
}

#[tokio::test]
async fn without_a_key_the_node_starts_and_warns() {
    let node = Discovery::start(&[]).await;
    assert!(node.process.log().iter().any(|line| line.contains("there is no cluster key")));
}
