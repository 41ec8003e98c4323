//! The watch of discovery: the nodes come down, this node's own report goes up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use protocol::NodeId;
use protocol::nodes::{Node, NodeList, NodeLoad, NodeReport, SUBPROTOCOL, WatchMessage};
use service::Health;
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::directory::{Directory, sightings};
use crate::admission::Admissions;
use crate::backoff::Backoff;
use crate::executor::Functions;

/// The part of the health report that says whether discovery is there.
pub(crate) const PART: &str = "discovery";

/// The list of ten thousand nodes with some functions each is about 5 MiB.
const MESSAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Read at once: a change of some nodes. The buffer is held, and cleared before each read.
const READ_BYTES: usize = 16 * 1024;

/// A service on the same node or network answers in milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Changes that come close together are put in force together: in a large cluster some load changes all
/// the time, and each change in force costs a walk through the list.
const SETTLE: Duration = Duration::from_millis(20);

/// The own report goes up at most so often, and only where it changed.
const REPORT_PERIOD: Duration = Duration::from_millis(200);

/// Discovery is looked for so often at first, and so often when it stays away.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Follows discovery for as long as the scheduler lives.
pub(crate) struct Watch {
    pub(crate) url: String,
    pub(crate) directory: Arc<Directory>,
    pub(crate) admissions: Arc<Admissions>,
    pub(crate) functions: Arc<Functions>,
    pub(crate) health: Arc<Health>,
}

/// Why a watch ended.
#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error("it does not answer")]
    Slow,
    #[error(transparent)]
    Socket(#[from] tokio_tungstenite::tungstenite::Error),
    #[error("it said something that is no message of the watch")]
    Message(#[from] serde_json::Error),
    #[error("a change was missed")]
    Gap,
    #[error("it closed the watch: {0}")]
    Closed(String),
}

/// The list as the messages build it up.
#[derive(Default)]
struct Replica {
    own: Option<Node>,
    nodes: BTreeMap<NodeId, Node>,
    version: u64,
}

impl Watch {
    /// Keeps the nodes up to date. While discovery is away, the last ones stay.
    pub(crate) async fn run(self) {
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        self.health.degrade(PART, format!("{} was not reached yet", self.url));
        loop {
            let ended = match self.connect().await {
                Ok(socket) => self.follow(socket, &mut backoff).await,
                Err(error) => error,
            };
            let why = format!("{}: {ended}", self.url);
            if self.health.why_degraded(PART).is_none() {
                tracing::warn!(error = why, "discovery is away: the last nodes that it told stay");
            }
            self.health.degrade(PART, why);
            self.directory.set_stale();
            tokio::time::sleep(backoff.pause()).await;
        }
    }

    async fn connect(&self) -> Result<Socket, WatchError> {
        let mut request = self.url.as_str().into_client_request()?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        let config =
            WebSocketConfig::default().read_buffer_size(READ_BYTES).max_message_size(Some(MESSAGE_BYTES_MAX));
        let connecting = connect_async_with_config(request, Some(config), true);
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await;
        Ok(connected.map_err(|_elapsed| WatchError::Slow)??.0)
    }

    async fn follow(&self, mut socket: Socket, backoff: &mut Backoff) -> WatchError {
        let mut replica = Replica::default();
        let mut publish_at: Option<Instant> = None;
        let mut reported = None;
        let mut period = tokio::time::interval(REPORT_PERIOD);
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let settled = async {
                match publish_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let done = tokio::select! {
                message = socket.next() => match replica.take(message) {
                    Ok(changed) => {
                        if changed {
                            publish_at.get_or_insert_with(|| Instant::now() + SETTLE);
                        }
                        Ok(())
                    }
                    Err(error) => Err(error),
                },
                () = settled => {
                    publish_at = None;
                    backoff.reset();
                    self.publish(&replica);
                    Ok(())
                }
                _ = period.tick() => self.report(&mut socket, &mut reported).await,
            };
            if let Err(error) = done {
                return error;
            }
        }
    }

    fn publish(&self, replica: &Replica) {
        let Some(own) = &replica.own else {
            return;
        };
        let list = NodeList {
            own: own.clone(),
            nodes: replica.nodes.values().cloned().collect(),
            version: replica.version,
        };
        self.admissions.set_peers(sightings(&list));
        self.directory.replace(list);
        if self.health.why_degraded(PART).is_some() {
            tracing::info!(nodes = replica.nodes.len(), "discovery tells of the nodes");
            self.health.restore(PART);
        }
    }

    async fn report(&self, socket: &mut Socket, reported: &mut Option<NodeReport>) -> Result<(), WatchError> {
        let own = self.admissions.report();
        let count = |jobs: usize| u32::try_from(jobs).unwrap_or(u32::MAX);
        let report = NodeReport {
            slots: count(own.load.slots),
            load: NodeLoad {
                running: count(own.load.running),
                waiting: count(own.load.waiting),
                draining: own.draining,
            },
            service_time_ms: own.service_time.map(|time| time.as_secs_f32() * 1_000.0),
            functions: self.functions.names(),
        };
        if reported.as_ref() != Some(&report) {
            socket.send(Message::text(serde_json::to_string(&report)?)).await?;
            *reported = Some(report);
        }
        Ok(())
    }
}

impl Replica {
    /// Takes a message in, and says whether it changed something.
    fn take(
        &mut self,
        message: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>,
    ) -> Result<bool, WatchError> {
        let message = message.ok_or_else(|| WatchError::Closed("the connection ended".to_owned()))??;
        match message {
            Message::Text(text) => self.apply(serde_json::from_str(&text)?).map(|()| true),
            Message::Close(frame) => {
                let why =
                    frame.map_or_else(|| "no reason given".to_owned(), |frame| frame.reason.to_string());
                Err(WatchError::Closed(why))
            }
            _ => Ok(false),
        }
    }

    fn apply(&mut self, message: WatchMessage) -> Result<(), WatchError> {
        let version = match message {
            WatchMessage::Snapshot(list) => {
                let NodeList { own, nodes, version } = *list;
                self.own = Some(own);
                self.nodes = nodes.into_iter().map(|node| (node.id, node)).collect();
                self.version = version;
                return Ok(());
            }
            WatchMessage::Changed { version, node } => {
                if self.own.as_ref().is_some_and(|own| own.id == node.id) {
                    self.own = Some(*node);
                } else {
                    self.nodes.insert(node.id, *node);
                }
                version
            }
            WatchMessage::Removed { version, id } => {
                self.nodes.remove(&id);
                version
            }
        };
        if version != self.version + 1 {
            return Err(WatchError::Gap);
        }
        self.version = version;
        Ok(())
    }
}
