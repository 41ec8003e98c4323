use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::NodeId;
use protocol::peer::{Open, PeerLoad};
use rand::RngExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::bounds::Timing;
use crate::connection::{Connection, Driver, Lost, Side};
use crate::frame::head;
pub use crate::handshake::dial::DialError;
use crate::handshake::{Identity, dial::dial};
use crate::mux::Role;
use crate::outgoing::{CallError, OutgoingCall};
use crate::stats::{Counters, Stats};

/// Is told each load that a peer tells, and when it came. Called between frames, so it must be quick.
pub type LoadObserver = Arc<dyn Fn(NodeId, PeerLoad, Instant) + Send + Sync>;

/// The links that a node has to its peers. Clones are the same links.
#[derive(Clone)]
pub struct Links {
    own: Arc<Own>,
    table: Arc<Mutex<Table>>,
}

type Table = HashMap<(SocketAddr, Option<NodeId>), Link>;

/// What all links of a node have in common.
struct Own {
    identity: Identity,
    timing: Timing,
    observer: LoadObserver,
    counters: Arc<Counters>,
}

/// The link to one peer: dialled on first use, kept, and dialled again when it was lost. Clones are the same
/// link.
#[derive(Clone)]
pub struct Link {
    peer: Arc<Peer>,
}

struct Peer {
    address: SocketAddr,
    expected: Option<NodeId>,
    own: Arc<Own>,
    state: Mutex<State>,
}

struct State {
    way: Way,
    /// Dials in vain, and connections that ended at once, since the last that held.
    failures: u32,
}

enum Way {
    Down,
    /// Not to be dialled before this moment.
    BackingOff(Instant, Arc<DialError>),
    Dialling(Dialling),
    Up(Arc<Connection>, Instant),
    Closed,
}

/// What a dial that is under way will come to.
type Dialling = watch::Receiver<Option<Dialled>>;

type Dialled = Result<Arc<Connection>, Arc<DialError>>;

/// A connection that ends sooner than this has been no success.
const HELD: Duration = Duration::from_secs(1);

/// Why a peer's load is not known.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// There is no link.
    #[error("the peer cannot be reached: {0}")]
    Unreachable(#[source] Arc<DialError>),
    /// Too many probes are under way.
    #[error("the link to the peer has no room for another probe")]
    Full,
    /// The link was lost.
    #[error("the link was lost: {0}")]
    Lost(Lost),
    /// No answer came in time.
    #[error("the probe was not answered within {} ms", .0.as_millis())]
    TooSlow(Duration),
}

impl Links {
    /// The links of the node `identity`.
    pub fn new(identity: Identity, observer: LoadObserver, timing: Timing) -> Self {
        let own = Own { identity, timing, observer, counters: Arc::default() };
        Self { own: Arc::new(own), table: Arc::default() }
    }

    /// The link to the peer at this address; a peer with another id than expected is refused.
    pub fn link(&self, address: SocketAddr, expected: Option<NodeId>) -> Link {
        let mut links = self.table();
        let link = links.entry((address, expected)).or_insert_with(|| {
            let state = State { way: Way::Down, failures: 0 };
            let peer = Peer { address, expected, own: Arc::clone(&self.own), state: Mutex::new(state) };
            Link { peer: Arc::new(peer) }
        });
        link.clone()
    }

    /// Forgets the links to peers that are gone; each closes when its last job has ended.
    pub fn retain(&self, mut keep: impl FnMut(SocketAddr, Option<NodeId>) -> bool) {
        self.table().retain(|&(address, expected), link| {
            let keeps = keep(address, expected);
            if !keeps {
                link.close();
            }
            keeps
        });
    }

    /// Forgets all links, and waits until the last job on them has ended.
    pub async fn close(&self) {
        let links: Vec<Link> = self.table().drain().map(|(_, link)| link).collect();
        let connections: Vec<_> = links.iter().filter_map(Link::close).collect();
        for connection in connections {
            connection.ended.cancelled().await;
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has been done, and what is open.
    pub fn stats(&self) -> Stats {
        let mut stats = self.own.counters.read();
        let links: Vec<Link> = self.table().values().cloned().collect();
        for link in links {
            if let Way::Up(connection, _) = &link.peer.state().way {
                let state = connection.lock();
                stats.links_open += u64::from(state.lost.is_none());
                stats.streams_open += state.mux.streams() as u64;
            }
        }
        stats
    }
}

impl Link {
    /// Hands a job over, on the link as it is or on a new one; for how long a dial may take, a caller that
    /// is in a hurry bounds itself. The length of the body is filled in.
    ///
    /// # Errors
    /// Nothing was sent: [`CallError::Unreachable`], [`CallError::Full`] or [`CallError::HeadTooLarge`].
    pub async fn open(&self, job: &mut Open, body: VecDeque<Bytes>) -> Result<OutgoingCall, CallError> {
        job.body_length = body.iter().map(|piece| piece.len() as u64).sum();
        let head = head(job)?;
        let connection = self.connection().await.map_err(CallError::Unreachable)?;
        let stream = connection.open(head, body).map_err(|_full| match connection.lost() {
            Some(lost) => CallError::LostBeforeAccepted(lost),
            None => CallError::Full,
        })?;
        Ok(OutgoingCall::new(connection, stream))
    }

    /// Asks for the load of the peer, which answers at once, whatever else moves on the link.
    ///
    /// # Errors
    /// The load is not known; nothing must be concluded about it.
    pub async fn probe(&self, timeout: Duration) -> Result<PeerLoad, ProbeError> {
        let asked = tokio::time::timeout(timeout, self.ask()).await;
        asked.unwrap_or(Err(ProbeError::TooSlow(timeout)))
    }

    /// Whether it is open, so that a job can be sent without a dial.
    pub fn is_up(&self) -> bool {
        matches!(&self.peer.state().way, Way::Up(connection, _) if connection.is_usable())
    }

    async fn ask(&self) -> Result<PeerLoad, ProbeError> {
        let connection = self.connection().await.map_err(ProbeError::Unreachable)?;
        let Ok((stream, answer)) = connection.probe() else {
            return Err(connection.lost().map_or(ProbeError::Full, ProbeError::Lost));
        };
        let probe = Probe { connection, stream };
        answer.await.map_err(|_closed| ProbeError::Lost(probe.connection.lost().unwrap_or(Lost::GivenUp)))
    }

    /// The connection; where there is none, all who ask wait for the same dial.
    async fn connection(&self) -> Result<Arc<Connection>, Arc<DialError>> {
        let mut dialling = match self.peer.connection_now()? {
            Ok(connection) => return Ok(connection),
            Err(dialling) => dialling,
        };
        let dialled = dialling.wait_for(Option::is_some).await;
        dialled.map_or(Err(Arc::new(DialError::Closed)), |dialled| {
            dialled.clone().unwrap_or(Err(Arc::new(DialError::Closed)))
        })
    }

    /// Closes the connection when its last job has ended. Gives it, for who wants to wait.
    fn close(&self) -> Option<Arc<Connection>> {
        match std::mem::replace(&mut self.peer.state().way, Way::Closed) {
            Way::Up(connection, _) => {
                connection.close_when_idle();
                Some(connection)
            }
            _ => None,
        }
    }
}

/// A probe that nobody waits for any more is forgotten.
struct Probe {
    connection: Arc<Connection>,
    stream: u32,
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.connection.forget_probe(self.stream);
    }
}

impl Peer {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection, or who is about to make it.
    fn connection_now(self: &Arc<Self>) -> Result<Result<Arc<Connection>, Dialling>, Arc<DialError>> {
        let mut state = self.state();
        match &state.way {
            Way::Up(connection, _) if connection.is_usable() => return Ok(Ok(Arc::clone(connection))),
            Way::Dialling(dialling) => return Ok(Err(dialling.clone())),
            Way::Closed => return Err(Arc::new(DialError::Closed)),
            Way::BackingOff(until, why) if Instant::now() < *until => {
                return Err(Arc::new(DialError::BackingOff(Arc::clone(why))));
            }
            Way::Up(_, since) if since.elapsed() < HELD && state.failures > 0 => {
                return Err(self.back_off(&mut state, Arc::new(DialError::Unsteady)));
            }
            Way::Up(_, since) => {
                state.failures = if since.elapsed() < HELD { 1 } else { 0 };
            }
            Way::Down | Way::BackingOff(..) => {}
        }
        let (sender, dialling) = watch::channel(None);
        state.way = Way::Dialling(dialling.clone());
        drop(state);
        let peer = Arc::clone(self);
        tokio::spawn(async move {
            // Those who waited may have gone.
            let _ = sender.send(Some(peer.dial().await));
        });
        Ok(Err(dialling))
    }

    /// Dials, once, and lets the connection run.
    async fn dial(self: Arc<Self>) -> Dialled {
        let own = &self.own;
        let patience = own.timing.handshake_timeout;
        let dialled = tokio::time::timeout(patience, dial(self.address, &own.identity, self.expected)).await;
        let mut state = self.state();
        let (socket, peer) = match dialled.unwrap_or(Err(DialError::TooSlow(patience))) {
            Ok(dialled) => dialled,
            Err(error) => {
                tracing::debug!(address = %self.address, %error, "a peer was dialled in vain");
                if error.is_refusal() {
                    own.counters.handshake_refused();
                }
                return Err(self.back_off(&mut state, Arc::new(error)));
            }
        };
        let side = Box::new(Observed(Arc::clone(&own.observer)));
        let connection = Connection::new(Role::Caller, peer, side, Arc::clone(&own.counters));
        own.counters.link_opened();
        let driver = Driver::new(socket, Arc::clone(&connection), own.timing);
        tokio::spawn(driver.run());
        if matches!(state.way, Way::Closed) {
            connection.close_when_idle();
            return Err(Arc::new(DialError::Closed));
        }
        state.way = Way::Up(Arc::clone(&connection), Instant::now());
        Ok(connection)
    }

    /// No dial for a while, twice as long after each failure, and not at the same moment as all others.
    fn back_off(&self, state: &mut State, why: Arc<DialError>) -> Arc<DialError> {
        let Timing { redial_min, redial_max, .. } = self.own.timing;
        let pause = redial_min.saturating_mul(1 << state.failures.min(16)).min(redial_max);
        state.failures += 1;
        if !matches!(state.way, Way::Closed) {
            let pause = pause.mul_f64(rand::rng().random_range(0.5..=1.0));
            state.way = Way::BackingOff(Instant::now() + pause, Arc::clone(&why));
        }
        why
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Way::Up(connection, _) = &self.state().way {
            connection.close_when_idle();
        }
    }
}

struct Observed(LoadObserver);

impl Side for Observed {
    /// A caller is handed no jobs; the streams refuse the frame.
    fn opened(&self, _: &Arc<Connection>, _: u32, _: Box<Open>, _: CancellationToken) {}

    /// Nor is it asked.
    fn load(&self) -> PeerLoad {
        PeerLoad::default()
    }

    fn loaded(&self, peer: NodeId, load: PeerLoad) {
        (self.0)(peer, load, Instant::now());
    }
}
