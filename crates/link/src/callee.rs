use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::SinkExt;
use http::{Request, Response, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use protocol::NodeId;
use protocol::peer::{Open, PeerLoad};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::Role as WebSocketRole;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_util::sync::CancellationToken;

use crate::bounds::{LINKS_MAX, STREAMS_MAX, Timing};
use crate::connection::{Connection, Driver, Side};
use crate::handshake::Identity;
use crate::handshake::upgrade::{Due, Greeting, Refusal, check_caller, greet};
use crate::incoming::IncomingCall;
use crate::mux::Role;
use crate::socket::{prepare, read_ahead, websocket_config};
use crate::stats::{Counters, Stats};

/// Takes the jobs that peers hand over.
pub trait Handler: Send + Sync + 'static {
    /// The load of this node. Goes out with each answer and answers each probe, so it must be cheap.
    fn load(&self) -> PeerLoad;

    /// Does a job. The future is dropped when the peer gives the job up or its link is lost, and the job
    /// must stop with it.
    fn serve(self: Arc<Self>, call: IncomingCall) -> impl Future<Output = ()> + Send;
}

/// The side of a node that its peers dial. Clones are the same side.
pub struct Callee<H> {
    shared: Arc<Shared<H>>,
}

struct Shared<H> {
    identity: Identity,
    timing: Timing,
    handler: Arc<H>,
    counters: Arc<Counters>,
    table: Mutex<Table>,
    /// A connection has ended.
    ended: Notify,
}

/// The links that are open; none yet of one whose handshake is under way.
#[derive(Default)]
struct Table {
    links: BTreeMap<u64, Option<Arc<Connection>>>,
    next: u64,
    closed: bool,
}

/// A link's place in the table.
struct Place<H> {
    shared: Arc<Shared<H>>,
    number: u64,
}

struct Served<H>(Arc<H>);

impl<H> Clone for Callee<H> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<H: Handler> Callee<H> {
    /// The side of the node `identity`, whose jobs `handler` does.
    pub fn new(identity: Identity, handler: Arc<H>, timing: Timing) -> Self {
        let shared = Shared {
            identity,
            timing,
            handler,
            counters: Arc::default(),
            table: Mutex::default(),
            ended: Notify::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Answers `GET /peer/link`: switches protocols and serves the link on a task of its own, or says in
    /// JSON why not. The server must let connections upgrade.
    pub fn upgrade<B>(&self, mut request: Request<B>) -> Response<String> {
        let identity = &self.shared.identity;
        let greeted = greet(request.headers(), identity.node, (identity.keys)()).and_then(|greeting| {
            let message = "this node takes no more links".to_owned();
            let full = Refusal { status: StatusCode::SERVICE_UNAVAILABLE, message };
            Ok((greeting, Shared::place(&self.shared).ok_or(full)?))
        });
        match greeted {
            Ok((Greeting { caller, due, answer }, place)) => {
                let upgrade = hyper::upgrade::on(&mut request);
                tokio::spawn(place.serve(upgrade, caller, due));
                answer
            }
            Err(refusal) => {
                self.shared.counters.handshake_refused();
                refusal.into_response()
            }
        }
    }

    /// Tells all peers the load, unasked: that this node is draining, say.
    pub fn tell_load(&self) {
        for connection in self.shared.connections() {
            connection.tell_load(0);
        }
    }

    /// Takes no new links, closes each as soon as no job is left on it, and waits for that.
    pub async fn close(&self) {
        self.shared.table().closed = true;
        loop {
            let mut ended = pin!(self.shared.ended.notified());
            ended.as_mut().enable();
            for connection in self.shared.connections() {
                connection.close_when_idle();
            }
            if self.shared.table().links.is_empty() {
                return;
            }
            ended.await;
        }
    }

    /// What has been done, and what is open.
    pub fn stats(&self) -> Stats {
        let connections = self.shared.connections();
        let streams = connections.iter().map(|connection| connection.lock().mux.streams() as u64).sum();
        Stats { links_open: connections.len() as u64, streams_open: streams, ..self.shared.counters.read() }
    }

    /// Jobs that run for peers now, also those given up that have not stopped yet.
    pub fn jobs(&self) -> usize {
        self.shared.connections().iter().map(|connection| connection.jobs.load(Ordering::Relaxed)).sum()
    }
}

impl<H> Shared<H> {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connections(&self) -> Vec<Arc<Connection>> {
        self.table().links.values().flatten().cloned().collect()
    }

    fn place(shared: &Arc<Self>) -> Option<Place<H>> {
        let mut table = shared.table();
        if table.closed || table.links.len() >= LINKS_MAX {
            return None;
        }
        table.next += 1;
        let number = table.next;
        table.links.insert(number, None);
        Some(Place { shared: Arc::clone(shared), number })
    }
}

impl<H: Handler> Place<H> {
    async fn serve(self, upgrade: OnUpgrade, caller: NodeId, due: Option<Due>) {
        let patience = self.shared.timing.handshake_timeout;
        let Ok(Ok(upgraded)) = tokio::time::timeout(patience, upgrade).await else {
            return;
        };
        let config = Some(websocket_config());
        // Without the boxed connection of hyper each read and write is one call less.
        match upgraded.downcast::<TokioIo<TcpStream>>() {
            Ok(parts) => {
                let read = parts.read_buf.to_vec();
                let stream = parts.io.into_inner();
                prepare(&stream);
                let socket = WebSocketStream::from_partially_read(
                    read_ahead(stream),
                    read,
                    WebSocketRole::Server,
                    config,
                );
                self.converse(socket.await, caller, due).await;
            }
            Err(upgraded) => {
                let stream: TokioIo<Upgraded> = TokioIo::new(upgraded);
                let stream = read_ahead(stream);
                let socket = WebSocketStream::from_raw_socket(stream, WebSocketRole::Server, config).await;
                self.converse(socket, caller, due).await;
            }
        }
    }

    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut socket: WebSocketStream<S>,
        caller: NodeId,
        due: Option<Due>,
    ) {
        let patience = self.shared.timing.handshake_timeout;
        let checked = tokio::time::timeout(patience, check_caller(&mut socket, due)).await;
        if let Err(reason) = checked.unwrap_or(Err("the caller's proof did not come in time")) {
            self.refuse(socket, caller, reason).await;
            return;
        }
        let side = Box::new(Served(Arc::clone(&self.shared.handler)));
        let connection = Connection::new(Role::Callee, caller, side, Arc::clone(&self.shared.counters));
        {
            let mut table = self.shared.table();
            table.links.insert(self.number, Some(Arc::clone(&connection)));
            if table.closed {
                connection.close_when_idle();
            }
        }
        self.shared.counters.link_opened();
        Driver::new(socket, connection, self.shared.timing).run().await;
    }

    async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut socket: WebSocketStream<S>,
        caller: NodeId,
        reason: &'static str,
    ) {
        tracing::warn!(peer = %caller, reason, "a peer link is refused");
        self.shared.counters.handshake_refused();
        let close = Message::Close(Some(CloseFrame { code: CloseCode::Policy, reason: reason.into() }));
        // The caller is told as a courtesy.
        let _ = tokio::time::timeout(self.shared.timing.close_timeout, socket.send(close)).await;
    }
}

impl<H> Drop for Place<H> {
    fn drop(&mut self) {
        self.shared.table().links.remove(&self.number);
        self.shared.ended.notify_waiters();
    }
}

impl<H: Handler> Side for Served<H> {
    fn opened(&self, connection: &Arc<Connection>, stream: u32, open: Box<Open>, cancel: CancellationToken) {
        // More than this run only where jobs that were given up are slow to stop.
        if connection.jobs.load(Ordering::Relaxed) >= STREAMS_MAX {
            let code = protocol::ErrorCode::QueueFull.into();
            connection.refuse(stream, code, "too many jobs of this peer are running".to_owned());
            return;
        }
        let job = Job::begin(connection);
        let call = IncomingCall::new(connection, stream, *open, cancel.clone());
        // On the heap from the start: the wrappers around it would move it several times, and it is not small.
        let serving = Box::pin(Arc::clone(&self.0).serve(call));
        tokio::spawn(async move {
            cancel.run_until_cancelled(serving).await;
            drop(job);
        });
    }

    fn load(&self) -> PeerLoad {
        self.0.load()
    }

    fn loaded(&self, _peer: NodeId, _load: PeerLoad) {}
}

/// Counts a job for as long as it is there, whatever ends it.
struct Job(Arc<Connection>);

impl Job {
    fn begin(connection: &Arc<Connection>) -> Self {
        connection.jobs.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(connection))
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.0.jobs.fetch_sub(1, Ordering::Relaxed);
    }
}
