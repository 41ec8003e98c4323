//! The other nodes as this one sees them: who has a function, and how busy each was when it last said so.

mod candidates;

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::{FunctionName, Load, NodeId};

use crate::Time;

pub use candidates::Candidates;

/// Gossip tells a load late and rounded: it counts only where the peer itself has said nothing for so long.
const FIRST_HAND_FOR: Duration = Duration::from_secs(1);

/// A report is overtaken by at most so many others of its life. What is further behind is not late but of a
/// later life, whose clock was set back, for epochs begin with the microsecond of a node's start.
const OVERTAKEN_BY_MAX: u64 = 100_000;

/// What a node says of itself when it is asked, or along with an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Report {
    /// How busy it is.
    pub load: Load,
    /// Time a job occupies a slot there, smoothed; absent until one has run.
    pub service_time: Option<Duration>,
    /// It takes no new jobs.
    pub draining: bool,
    /// Grows with each report of that node's life, so that one that was overtaken is recognised.
    pub epoch: u64,
}

/// A node that discovery calls usable.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// Which.
    pub id: NodeId,
    /// Grows with every start of that node.
    pub generation: u32,
    /// The functions that it runs.
    pub functions: Vec<FunctionName>,
    /// Round trip to it, as the gossip measured it.
    pub rtt: Option<Duration>,
    /// What the gossip tells of its load, whose epoch is of no meaning.
    pub report: Option<Report>,
}

/// One peer, as policies see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Peer {
    /// Which.
    pub id: NodeId,
    /// Round trip to it; absent until one was measured.
    pub rtt: Option<Duration>,
    /// What it, or the gossip, last said of its load.
    pub report: Report,
    /// When that was; absent where nothing was ever said, and the load is not known.
    pub reported_at: Option<Time>,
    /// Jobs that this node has sent it since.
    pub sent_since: usize,
    generation: u32,
    first_hand_at: Option<Time>,
    failed: bool,
}

impl Peer {
    /// Jobs that run and wait there, as far as is known: reported ones and those sent since.
    pub fn jobs(&self) -> usize {
        self.report.load.jobs() + self.sent_since
    }

    /// Whether it may be given jobs: it answers, and is not about to stop.
    pub fn is_usable(&self) -> bool {
        !self.failed && !self.report.draining
    }

    fn new(sighting: &Sighting, now: Time) -> Self {
        Self {
            id: sighting.id,
            rtt: sighting.rtt,
            report: sighting.report.unwrap_or_default(),
            reported_at: sighting.report.map(|_| now),
            sent_since: 0,
            generation: sighting.generation,
            first_hand_at: None,
            failed: false,
        }
    }

    fn see_again(&mut self, sighting: &Sighting, now: Time) {
        if sighting.generation != self.generation {
            *self = Self::new(sighting, now);
            return;
        }
        self.rtt = sighting.rtt.or(self.rtt);
        let is_old = self.first_hand_at.is_none_or(|at| now - at >= FIRST_HAND_FOR);
        if let Some(report) = sighting.report
            && is_old
            && (self.reported_at.is_none() || report != Report { epoch: report.epoch, ..self.report })
        {
            self.report = Report { epoch: self.report.epoch, ..report };
            self.reported_at = Some(now);
            self.sent_since = 0;
        }
    }
}

/// Every peer that discovery calls usable.
#[derive(Debug, Default)]
pub struct Peers {
    /// By id.
    peers: Vec<Peer>,
    /// Places in `peers`, in order.
    by_function: BTreeMap<FunctionName, Vec<usize>>,
}

impl Peers {
    /// Replaces the list. What is known first-hand of a peer that stays is kept.
    pub(crate) fn replace(&mut self, mut sightings: Vec<Sighting>, now: Time) {
        sightings.sort_unstable_by_key(|sighting| sighting.id);
        sightings.dedup_by_key(|sighting| sighting.id);
        let mut peers = Vec::with_capacity(sightings.len());
        let mut by_function = BTreeMap::<FunctionName, Vec<usize>>::new();
        for (place, sighting) in sightings.iter().enumerate() {
            let peer = match self.get(sighting.id) {
                Some(known) => {
                    let mut peer = known.clone();
                    peer.see_again(sighting, now);
                    peer
                }
                None => Peer::new(sighting, now),
            };
            peers.push(peer);
            for function in &sighting.functions {
                by_function.entry(function.clone()).or_default().push(place);
            }
        }
        *self = Self { peers, by_function };
    }

    /// The peer itself says how busy it is.
    pub(crate) fn report(&mut self, id: NodeId, report: Report, now: Time) {
        let Some(peer) = self.get_mut(id) else {
            return;
        };
        peer.failed = false;
        let behind = peer.report.epoch.saturating_sub(report.epoch);
        if peer.first_hand_at.is_some() && (1..=OVERTAKEN_BY_MAX).contains(&behind) {
            return;
        }
        peer.report = report;
        peer.reported_at = Some(now);
        peer.first_hand_at = Some(now);
        peer.sent_since = 0;
    }

    /// The peer did not answer: it gets no jobs until it does.
    pub(crate) fn fail(&mut self, id: NodeId) {
        if let Some(peer) = self.get_mut(id) {
            peer.failed = true;
        }
    }

    pub(crate) fn count_sent(&mut self, id: NodeId) {
        if let Some(peer) = self.get_mut(id) {
            peer.sent_since += 1;
        }
    }

    /// The peers that failed and have not answered since.
    pub fn failed(&self) -> impl Iterator<Item = NodeId> {
        self.peers.iter().filter(|peer| peer.failed).map(|peer| peer.id)
    }

    /// The peer with this id.
    pub fn get(&self, id: NodeId) -> Option<&Peer> {
        let place = self.peers.binary_search_by_key(&id, |peer| peer.id).ok()?;
        self.peers.get(place)
    }

    fn get_mut(&mut self, id: NodeId) -> Option<&mut Peer> {
        let place = self.peers.binary_search_by_key(&id, |peer| peer.id).ok()?;
        self.peers.get_mut(place)
    }

    /// Those that could run `function` for a job that came through `excluded`.
    pub(crate) fn candidates<'a>(
        &'a self,
        function: &FunctionName,
        excluded: &'a [NodeId],
    ) -> Candidates<'a> {
        let places = self.by_function.get(function).map_or(&[][..], Vec::as_slice);
        Candidates::new(&self.peers, places, excluded)
    }

    /// Whether any peer, usable or not, is known to have `function`.
    pub fn know(&self, function: &FunctionName) -> bool {
        self.by_function.contains_key(function)
    }
}

#[cfg(test)]
#[path = "peers_tests.rs"]
mod tests;
