use protocol::NodeId;
use rand::{Rng, RngExt};

use super::Peer;

/// Draws that a sample may take for each peer that it wants before it looks through all of them: with half
/// of the peers unusable, one sample in a thousand looks.
const DRAWS_A_PEER: usize = 10;

/// The peers that could run a job: usable, with the function, and not visited by it.
#[derive(Debug, Clone, Copy)]
pub struct Candidates<'a> {
    peers: &'a [Peer],
    places: &'a [usize],
    excluded: &'a [NodeId],
}

impl<'a> Candidates<'a> {
    pub(super) fn new(peers: &'a [Peer], places: &'a [usize], excluded: &'a [NodeId]) -> Self {
        Self { peers, places, excluded }
    }

    /// None at all.
    pub fn none() -> Self {
        Self { peers: &[], places: &[], excluded: &[] }
    }

    /// All of them, by id.
    pub fn iter(self) -> impl Iterator<Item = &'a Peer> {
        self.places.iter().filter_map(move |&place| self.at(place))
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }

    /// The one with this id, if it is a candidate.
    pub fn get(self, id: NodeId) -> Option<&'a Peer> {
        let place = self.peers.binary_search_by_key(&id, |peer| peer.id).ok()?;
        self.places.binary_search(&place).ok()?;
        self.at(place)
    }

    /// The first one after `id` in the order of ids, beginning anew at the end.
    pub fn next_after(self, id: Option<NodeId>) -> Option<&'a Peer> {
        let start = id.map_or(0, |id| self.places.partition_point(|&place| self.peers[place].id <= id));
        let (before, after) = self.places.split_at(start);
        after.iter().chain(before).find_map(|&place| self.at(place))
    }

    /// Up to `count` different ones, each as likely as any other. It takes time in proportion to `count`,
    /// not to the number of peers, unless most of them are no candidates.
    pub fn sample(self, count: usize, rng: &mut impl Rng) -> Vec<&'a Peer> {
        let mut chosen: Vec<&Peer> = Vec::with_capacity(count.min(self.places.len()));
        if count >= self.places.len() {
            chosen.extend(self.iter());
            return chosen;
        }
        for _ in 0..count.saturating_mul(DRAWS_A_PEER) {
            if chosen.len() == count {
                return chosen;
            }
            let place = self.places[rng.random_range(0..self.places.len())];
            if let Some(peer) = self.at(place)
                && !chosen.iter().any(|other| other.id == peer.id)
            {
                chosen.push(peer);
            }
        }
        let mut rest: Vec<&Peer> =
            self.iter().filter(|peer| !chosen.iter().any(|other| other.id == peer.id)).collect();
        while chosen.len() < count && !rest.is_empty() {
            chosen.push(rest.swap_remove(rng.random_range(0..rest.len())));
        }
        chosen
    }

    /// One of them or, as likely as each of them, this node itself: none.
    pub fn peer_or_self(self, rng: &mut impl Rng) -> Option<&'a Peer> {
        for _ in 0..DRAWS_A_PEER {
            let &place = self.places.get(rng.random_range(0..=self.places.len()))?;
            if let Some(peer) = self.at(place) {
                return Some(peer);
            }
        }
        let all: Vec<&Peer> = self.iter().collect();
        all.get(rng.random_range(0..=all.len())).copied()
    }

    /// At least as many as there are: those with the function, usable or not. Unlike a count of the candidates
    /// it takes no time.
    pub fn count_max(self) -> usize {
        self.places.len()
    }

    fn at(self, place: usize) -> Option<&'a Peer> {
        let peer = self.peers.get(place)?;
        (peer.is_usable() && !self.excluded.contains(&peer.id)).then_some(peer)
    }
}
