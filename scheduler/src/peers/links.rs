use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use futures_util::future::join_all;
use http::StatusCode;
use link::bounds::Timing;
use link::{Callee, ClusterKeys, Handler, Identity, IncomingCall, Link, Links, Stats};
use protocol::peer::PeerLoad;
use protocol::{ErrorCode, Load, NodeId};
use scheduling::Report;
use service::settings::Store;
use service::{ApiError, poll_again_if_woken};

use super::Directory;
use crate::admission::Admissions;
use crate::{Settings, Shared, job};

/// How often peers that failed are asked whether they are back, and links to nodes that are gone closed.
const CARE_PERIOD: Duration = Duration::from_millis(500);

/// The links to the peers and from them.
pub(crate) struct Peers {
    directory: Arc<Directory>,
    admissions: Arc<Admissions>,
    settings: Arc<Store<Settings>>,
    keys: ArcSwap<ClusterKeys>,
    shared: OnceLock<Weak<Shared>>,
    /// None until discovery has told this node's own id.
    ends: ArcSwapOption<Ends>,
}

/// Both directions, under one id of this node.
struct Ends {
    own_id: NodeId,
    links: Links,
    callee: Callee<Jobs>,
}

/// The jobs that peers hand over.
pub(crate) struct Jobs {
    shared: Weak<Shared>,
    admissions: Arc<Admissions>,
}

impl Peers {
    pub(crate) fn new(
        directory: Arc<Directory>,
        admissions: Arc<Admissions>,
        settings: Arc<Store<Settings>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            directory,
            admissions,
            settings,
            keys: ArcSwap::default(),
            shared: OnceLock::new(),
            ends: ArcSwapOption::empty(),
        })
    }

    /// Lets peers hand jobs over from now on.
    pub(crate) fn open(&self, shared: &Arc<Shared>) {
        self.shared.get_or_init(|| Arc::downgrade(shared));
    }

    /// The cluster's keys from now on; links that are open stay so.
    pub(crate) fn set_keys(&self, keys: ClusterKeys) {
        self.keys.store(Arc::new(keys));
    }

    /// The link to a peer and the address that it leads to; none where the peer is gone.
    pub(crate) fn link(self: &Arc<Self>, peer: NodeId) -> Option<(Link, std::net::SocketAddr)> {
        let address = self.directory.scheduler_of(peer)?;
        Some((self.ends()?.links.link(address, Some(peer)), address))
    }

    /// Asks these peers for their load, all at once, and waits for `probe_timeout_ms` at the most.
    pub(crate) async fn probe(self: &Arc<Self>, peers: &[NodeId]) -> Vec<(NodeId, Option<Report>)> {
        let timeout = self.settings.current().probe_timeout_ms.milliseconds();
        let probe = async |peer: NodeId| {
            let (link, _) = self.link(peer)?;
            match link.probe(timeout).await {
                Ok(load) => Some(report(&load)),
                Err(error) => {
                    tracing::debug!(%peer, %error, "a probe failed");
                    None
                }
            }
        };
        if let [peer] = peers {
            return vec![(*peer, probe(*peer).await)];
        }
        join_all(peers.iter().map(async |&peer| (peer, probe(peer).await))).await
    }

    /// Asks a peer for its load, for whoever wants to know.
    pub(crate) async fn look_after(self: &Arc<Self>, peer: NodeId) {
        // A load that comes is told by the links' observer.
        if let [(peer, None)] = self.probe(&[peer]).await[..] {
            self.admissions.peer_failed(peer);
        }
    }

    /// Asks peers that failed whether they are back, for as long as the scheduler lives.
    pub(crate) async fn care(self: Arc<Self>) {
        let mut period = tokio::time::interval(CARE_PERIOD);
        loop {
            period.tick().await;
            let failed = self.admissions.failed_peers();
            self.probe(&failed).await;
            if let Some(ends) = self.ends.load_full() {
                ends.links.retain(|address, peer| {
                    peer.is_none_or(|peer| self.directory.scheduler_of(peer) == Some(address))
                });
            }
        }
    }

    /// Answers `GET /peer/link`.
    pub(crate) fn upgrade(self: &Arc<Self>, request: Request) -> Result<Response, ApiError> {
        let ends = self.ends().ok_or_else(|| {
            let message = "this node has not heard its own id from discovery yet";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Generic, message).to_be_retried()
        })?;
        Ok(ends.callee.upgrade(request).map(Body::from))
    }

    /// Tells all peers the load, unasked.
    pub(crate) fn tell_load(&self) {
        if let Some(ends) = self.ends.load_full() {
            ends.callee.tell_load();
        }
    }

    /// Closes each link as soon as no job is left on it.
    pub(crate) async fn close(&self) {
        if let Some(ends) = self.ends.load_full() {
            tokio::join!(ends.links.close(), ends.callee.close());
        }
    }

    /// What the links to peers and those from peers have done; none before there can be any.
    pub(crate) fn stats(&self) -> Option<[Stats; 2]> {
        let ends = self.ends.load();
        ends.as_ref().map(|ends| [ends.links.stats(), ends.callee.stats()])
    }

    fn ends(self: &Arc<Self>) -> Option<Arc<Ends>> {
        let own_id = self.directory.own_id()?;
        if let Some(ends) = self.ends.load_full().filter(|ends| ends.own_id == own_id) {
            return Some(ends);
        }
        let shared = self.shared.get()?;
        let made = Arc::new(self.make_ends(own_id, shared));
        // Two calls may meet here; the ends of one of them are used by both.
        self.ends.rcu(|ends| match ends {
            Some(ends) if ends.own_id == own_id => Arc::clone(ends),
            _ => Arc::clone(&made),
        });
        self.ends.load_full()
    }

    fn make_ends(self: &Arc<Self>, own_id: NodeId, shared: &Weak<Shared>) -> Ends {
        let peers = Arc::downgrade(self);
        let keys =
            move || peers.upgrade().map(|peers| ClusterKeys::clone(&peers.keys.load())).unwrap_or_default();
        let identity = Identity { node: own_id, keys: Arc::new(keys) };
        let admissions = Arc::clone(&self.admissions);
        let observer = move |peer, load: PeerLoad, _at: Instant| {
            admissions.peer_reported(peer, report(&load));
        };
        let jobs = Jobs { shared: Weak::clone(shared), admissions: Arc::clone(&self.admissions) };
        Ends {
            own_id,
            links: Links::new(identity.clone(), Arc::new(observer), Timing::default()),
            callee: Callee::new(identity, Arc::new(jobs), Timing::default()),
        }
    }
}

impl Handler for Jobs {
    fn load(&self) -> PeerLoad {
        let report = self.admissions.report();
        let count = |jobs: usize| u32::try_from(jobs).unwrap_or(u32::MAX);
        PeerLoad {
            running: count(report.load.running),
            waiting: count(report.load.waiting),
            slots: count(report.load.slots),
            queue_length_max: count(report.load.queue_length_max),
            service_time_us: report
                .service_time
                .map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1)),
            draining: report.draining,
            epoch: report.epoch,
        }
    }

    async fn serve(self: Arc<Self>, call: IncomingCall) {
        match self.shared.upgrade() {
            Some(shared) => poll_again_if_woken(job::run_for_peer(shared, call)).await,
            None => call.reply.refuse(ErrorCode::Draining.into(), "this node has stopped"),
        }
    }
}

fn report(load: &PeerLoad) -> Report {
    Report {
        load: Load {
            running: load.running as usize,
            waiting: load.waiting as usize,
            slots: load.slots as usize,
            queue_length_max: load.queue_length_max as usize,
        },
        service_time: (load.service_time_us > 0).then(|| Duration::from_micros(load.service_time_us)),
        draining: load.draining,
        epoch: load.epoch,
    }
}
