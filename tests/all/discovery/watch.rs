//! The watch of the nodes.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use protocol::NodeId;
use protocol::nodes::{Node, NodeState, SUBPROTOCOL, WatchMessage};
use serde_json::{Value, json};
use tests::wait;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::Discovery;

/// A watcher that holds what it was told, and sees to the versions.
struct Watcher {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    nodes: BTreeMap<NodeId, Node>,
    version: u64,
}

async fn connect(
    node: &Discovery,
    subprotocol: Option<&str>,
) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, Error> {
    let mut request = format!("ws://{}/nodes/watch", node.http).into_client_request().unwrap();
    if let Some(subprotocol) = subprotocol {
        request.headers_mut().insert("sec-websocket-protocol", subprotocol.parse().unwrap());
    }
    connect_async(request).await.map(|(socket, _)| socket)
}

impl Watcher {
    async fn start(node: &Discovery) -> Self {
        let socket = connect(node, Some(SUBPROTOCOL)).await.unwrap();
        let mut watcher = Self { socket, nodes: BTreeMap::new(), version: 0 };
        let WatchMessage::Snapshot(list) = watcher.receive().await.unwrap() else {
            panic!("the snapshot comes first")
        };
        watcher.version = list.version;
        watcher.nodes = [list.own].into_iter().chain(list.nodes).map(|node| (node.id, node)).collect();
        watcher
    }

    /// The next message, or the reason why there is none.
    async fn receive(&mut self) -> Result<WatchMessage, Option<CloseFrame>> {
        loop {
            let message = tokio::time::timeout(wait::PATIENCE, self.socket.next()).await;
            match message.expect("a message comes").expect("the socket is open").unwrap() {
                Message::Text(text) => return Ok(serde_json::from_str(&text).unwrap()),
                Message::Close(frame) => return Err(frame),
                _ => {}
            }
        }
    }

    async fn follow(&mut self) {
        let version = match self.receive().await.unwrap() {
            WatchMessage::Changed { version, node } => {
                self.nodes.insert(node.id, *node);
                version
            }
            WatchMessage::Removed { version, id } => {
                self.nodes.remove(&id);
                version
            }
            WatchMessage::Snapshot(_) => panic!("a second snapshot"),
        };
        assert_eq!(version, self.version + 1, "a gap in the versions");
        self.version = version;
    }

    async fn until(&mut self, id: NodeId, holds: impl Fn(Option<&Node>) -> bool) {
        let patience = tokio::time::Instant::now() + wait::PATIENCE;
        while !holds(self.nodes.get(&id)) {
            let followed = tokio::time::timeout_at(patience, self.follow()).await;
            assert!(followed.is_ok(), "waited in vain; {id} is {:?}", self.nodes.get(&id));
        }
    }

    async fn say(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    async fn report(&mut self, report: &Value) {
        self.say(Message::text(report.to_string())).await;
    }

    /// Waits for the end, and tells its reason.
    async fn closed(&mut self) -> String {
        loop {
            if let Err(frame) = self.receive().await {
                return frame.expect("a reason").reason.to_string();
            }
        }
    }
}

fn report(running: u32) -> Value {
    json!({"slots": 4, "load": {"running": running, "waiting": 1, "draining": false},
        "service_time_ms": 20.0, "functions": ["echo", "face-recognition"]})
}

#[tokio::test]
async fn changes_come_one_after_the_other_without_a_gap() {
    let seed = Discovery::start(&[]).await;
    let mut watcher = Watcher::start(&seed).await;
    assert_eq!(watcher.nodes.len(), 1, "the node itself");
    let node = Discovery::join(&seed).await;
    let id = node.own().await.id;
    watcher.until(id, |node| node.is_some_and(|node| !node.version.is_empty())).await;
    node.patch(json!({"machine_id": "kitchen"})).await;
    watcher.until(id, |node| node.is_some_and(|node| node.name == "kitchen")).await;
    node.kill();
    watcher.until(id, |node| node.is_some_and(|node| node.state == NodeState::Suspect)).await;
    watcher.until(id, |node| node.is_some_and(|node| node.state == NodeState::Dead)).await;
    let forgotten = seed.client.delete(seed.url(&format!("/nodes/{id}"))).send().await.unwrap();
    assert_eq!(forgotten.status(), 204);
    watcher.until(id, |node| node.is_none()).await;

    seed.patch(json!({"machine_id": "hall"})).await;
    let own = seed.own().await.id;
    watcher.until(own, |node| node.is_some_and(|node| node.name == "hall")).await;
    wait::until("the version is that of the list", async || seed.nodes().await.version == watcher.version)
        .await;
    let late = Watcher::start(&seed).await;
    assert_eq!((late.version, &late.nodes), (watcher.version, &watcher.nodes));
    assert_eq!(seed.metric("p2pfaas_watchers").await, 2.0);
}

#[tokio::test]
async fn what_the_scheduler_reports_is_known_everywhere() {
    let seed = Discovery::start(&[]).await;
    let node = Discovery::join(&seed).await;
    let id = node.own().await.id;
    let mut watcher = Watcher::start(&seed).await;
    let mut scheduler = Watcher::start(&node).await;
    scheduler.report(&report(3)).await;
    watcher.until(id, |node| node.is_some_and(|node| node.functions.len() == 2 && node.load.is_some())).await;
    watcher.until(id, |node| node.is_some_and(|node| node.load.unwrap().running == 3)).await;
    let told = &watcher.nodes[&id];
    assert_eq!((told.slots, told.load.unwrap().waiting), (4, 1));
    assert!((told.service_time_ms.unwrap() - 20.0).abs() < 2.0);

    // A scheduler that dials again takes over; one that is gone for good takes no jobs.
    let mut again = Watcher::start(&node).await;
    again.report(&report(2)).await;
    watcher.until(id, |node| node.is_some_and(|node| node.load.unwrap().running == 2)).await;
    drop(scheduler);
    again.report(&report(1)).await;
    watcher.until(id, |node| node.is_some_and(|node| node.load.unwrap().running == 1)).await;
    drop(again);
    watcher.until(id, |node| node.is_some_and(|node| node.load.unwrap().draining)).await;
    assert_eq!(watcher.nodes[&id].functions.len(), 2);
}

#[tokio::test]
async fn whoever_says_anything_else_is_closed_with_a_reason() {
    let node = Discovery::start(&[]).await;
    let functions: Vec<String> = (0..2000).map(|number| format!("function-number-{number}")).collect();
    let mut endless = report(1);
    endless["functions"] = json!(functions);
    let mut negative = report(1);
    negative["service_time_ms"] = json!(-1.0);
    for (message, named) in [
        (Message::text("hello"), "not a report"),
        (Message::text("{}"), "not a report"),
        (Message::text(r#"{"snapshot": 1}"#), "not a report"),
        (Message::text(negative.to_string()), "service_time_ms"),
        (Message::text(endless.to_string()), "description"),
        (Message::binary(vec![1, 2, 3]), "as text"),
        (Message::text("x".repeat(200_000)), "bytes"),
    ] {
        let mut watcher = Watcher::start(&node).await;
        watcher.say(message).await;
        let reason = watcher.closed().await;
        assert!(reason.contains(named), "{named}: {reason}");
    }
    assert_eq!(node.own().await.slots, 0);
    wait::until("nobody watches any more", async || node.metric("p2pfaas_watchers").await == 0.0).await;
}

#[tokio::test]
async fn another_subprotocol_is_refused_with_a_reason() {
    let node = Discovery::start(&[]).await;
    for subprotocol in [None, Some("p2pfaas.nodes.2"), Some("chat, superchat")] {
        let Err(Error::Http(answer)) = connect(&node, subprotocol).await else {
            panic!("{subprotocol:?} is taken")
        };
        assert_eq!(answer.status(), 400);
        let error: Value = serde_json::from_slice(answer.body().as_deref().unwrap()).unwrap();
        assert!(error["message"].as_str().unwrap().contains(SUBPROTOCOL), "{error}");
    }
    assert!(connect(&node, Some("p2pfaas.nodes.2, p2pfaas.nodes.1")).await.is_ok());
}

#[tokio::test]
async fn a_node_that_stops_says_so_to_its_watchers() {
    let mut node = Discovery::start(&[]).await;
    let mut watcher = Watcher::start(&node).await;
    node.process.signal("TERM");
    let id = *watcher.nodes.keys().next().unwrap();
    watcher.until(id, |own| own.is_some_and(|own| own.state == NodeState::Left)).await;
    assert!(watcher.closed().await.contains("stopping"));
    assert_eq!(node.process.wait().code(), Some(0));
}

/// Places are bounded, and come free with those who leave them.
#[tokio::test]
async fn too_many_watchers_are_refused() {
    let node = Discovery::start(&[]).await;
    let mut watchers = Vec::new();
    let refused = loop {
        match connect(&node, Some(SUBPROTOCOL)).await {
            Ok(socket) => watchers.push(socket),
            Err(error) => break error,
        }
        assert!(watchers.len() < 1000);
    };
    let Error::Http(answer) = refused else { panic!("{refused}") };
    assert_eq!((answer.status().as_u16(), answer.headers().contains_key("retry-after")), (503, true));
    watchers.pop();
    let free = async || connect(&node, Some(SUBPROTOCOL)).await.is_ok();
    wait::until("a place is free", free).await;
    tokio::time::timeout(Duration::from_secs(5), node.nodes()).await.unwrap();
}
