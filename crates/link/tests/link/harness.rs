//! A callee behind a real HTTP server, and what its handler does by the name of the function.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use link::{Callee, ClusterKeys, Handler, Identity, IncomingCall, Links, Timing};
use protocol::NodeId;
use protocol::peer::{Open, PeerLoad, Response};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

pub(crate) const CALLER: NodeId = NodeId::new(1);
pub(crate) const CALLEE: NodeId = NodeId::new(2);

/// Far beyond what anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Times so short that a test need not wait long.
pub(crate) fn hasty() -> Timing {
    Timing {
        ping_interval: Duration::from_millis(100),
        handshake_timeout: Duration::from_secs(2),
        redial_min: Duration::from_millis(5),
        redial_max: Duration::from_millis(50),
        ..Timing::default()
    }
}

/// Does what the function's name says.
pub(crate) struct TestHandler {
    pub(crate) started: AtomicUsize,
    pub(crate) stopped: AtomicUsize,
    pub(crate) epoch: AtomicU64,
    /// Jobs of `hold` wait for a permit before they are accepted, those of `held` after.
    pub(crate) permits: Semaphore,
    pub(crate) seen: Mutex<Vec<Open>>,
}

impl TestHandler {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            started: AtomicUsize::new(0),
            stopped: AtomicUsize::new(0),
            epoch: AtomicU64::new(0),
            permits: Semaphore::new(0),
            seen: Mutex::default(),
        })
    }
}

struct Stopped<'a>(&'a AtomicUsize);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

pub(crate) fn ok() -> Response {
    Response {
        status: StatusCode::OK,
        headers: http::HeaderMap::new(),
        nodes: Vec::new(),
        execution_seconds: None,
        body_length: None,
        load: None,
    }
}

impl Handler for TestHandler {
    fn load(&self) -> PeerLoad {
        let epoch = self.epoch.fetch_add(1, Ordering::Relaxed) + 1;
        PeerLoad { running: 1, slots: 4, epoch, ..PeerLoad::default() }
    }

    async fn serve(self: Arc<Self>, call: IncomingCall) {
        let IncomingCall { head, body, mut reply, .. } = call;
        self.seen.lock().unwrap().push(head.clone());
        let _stopped = Stopped(&self.stopped);
        match head.function.as_str() {
            "refuse" => return reply.refuse(400, "full"),
            "drop" => return,
            "hold" => self.permits.acquire().await.unwrap().forget(),
            "ignore-body" => {
                if reply.accept().await.is_ok() {
                    let big = Full::new(Bytes::from(vec![1; 1_000_000]));
                    let _ = reply.respond(ok(), big).await;
                }
                return;
            }
            _ => {}
        }
        let Ok(body) = body.collect().await else { return };
        let body = body.to_bytes();
        if reply.accept().await.is_err() {
            return;
        }
        self.started.fetch_add(1, Ordering::Relaxed);
        match head.function.as_str() {
            "held" => self.permits.acquire().await.unwrap().forget(),
            "drop-accepted" => return,
            "break" => {
                let pieces = [Ok(Bytes::from_static(b"half")), Err("broken")];
                let pieces = pieces.map(|piece| piece.map(http_body::Frame::data));
                let _ = reply.respond(ok(), StreamBody::new(futures_util::stream::iter(pieces))).await;
                return;
            }
            "stream" => {
                let pieces: Vec<_> = body.chunks(10_000).map(Bytes::copy_from_slice).collect();
                let pieces =
                    pieces.into_iter().map(|piece| Ok::<_, Infallible>(http_body::Frame::data(piece)));
                let _ = reply.respond(ok(), StreamBody::new(futures_util::stream::iter(pieces))).await;
                return;
            }
            _ => {}
        }
        let _ = reply.respond(ok(), Full::new(body)).await;
    }
}

/// A node that takes jobs.
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    pub(crate) handler: Arc<TestHandler>,
    pub(crate) callee: Callee<TestHandler>,
}

pub(crate) async fn node(timing: Timing, keys: ClusterKeys) -> Node {
    node_at("127.0.0.1:0".parse().unwrap(), timing, keys).await
}

pub(crate) async fn node_at(address: SocketAddr, timing: Timing, keys: ClusterKeys) -> Node {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let handler = TestHandler::new();
    let callee = Callee::new(Identity::new(CALLEE, keys), Arc::clone(&handler), timing);
    let server = callee.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let callee = server.clone();
            let service = service_fn(move |request| {
                let answer = callee.upgrade(request);
                async move { Ok::<_, Infallible>(answer) }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection.with_upgrades());
        }
    });
    Node { address, handler, callee }
}

/// The loads that were told, by whom.
pub(crate) type Told = Arc<Mutex<Vec<(NodeId, PeerLoad)>>>;

/// The links of a node that hands jobs over, and the loads that it was told.
pub(crate) fn links(timing: Timing, keys: ClusterKeys) -> (Links, Told) {
    let loads = Told::default();
    let told = Arc::clone(&loads);
    let observer = Arc::new(move |node, load, _at: Instant| told.lock().unwrap().push((node, load)));
    (Links::new(Identity::new(CALLER, keys), observer, timing), loads)
}

pub(crate) fn job(function: &str) -> Open {
    Open {
        function: function.parse().unwrap(),
        method: http::Method::POST,
        path: "/".parse().unwrap(),
        headers: http::HeaderMap::new(),
        call_id: "call".to_owned(),
        tracing_id: None,
        task_type: 0,
        hops: 1,
        visited: vec![CALLER],
        deadline_ms: None,
        idempotent: false,
        body_length: 0,
    }
}

/// A body of this length whose bytes tell their place.
pub(crate) fn body(bytes: usize) -> VecDeque<Bytes> {
    let whole: Bytes = (0..bytes).map(|index| (index % 251) as u8).collect::<Vec<_>>().into();
    (0..bytes).step_by(50_000).map(|at| whole.slice(at..bytes.min(at + 50_000))).collect()
}

pub(crate) fn joined(body: &VecDeque<Bytes>) -> Vec<u8> {
    body.iter().flatten().copied().collect()
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Bounds what must not hang.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it hangs")
}
