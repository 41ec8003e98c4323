use std::time::Duration;

use protocol::NodeId;

use crate::{Report, Time};

/// Results that are kept: as many as the paper found to be enough for any number of peers.
pub(super) const POOL_MAX: usize = 16;

/// A load that is older says nothing any more.
const AGE_MAX: Duration = Duration::from_secs(1);

/// The latest result of each peer that was probed, oldest first.
#[derive(Debug, Default)]
pub(super) struct Pool {
    results: Vec<Probed>,
    gives_up_oldest: bool,
}

/// What a peer said, and what was made of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probed {
    pub(super) peer: NodeId,
    pub(super) report: Report,
    at: Time,
    uses: u32,
}

impl Probed {
    /// The jobs there, with those sent since.
    pub(super) fn jobs(&self) -> usize {
        self.report.load.jobs() + self.uses as usize
    }
}

impl Pool {
    pub(super) fn results(&self) -> impl Iterator<Item = &Probed> {
        self.results.iter()
    }

    /// Takes a result in, instead of an older one of that peer, or of the oldest where the pool is full.
    pub(super) fn add(&mut self, peer: NodeId, report: Report, now: Time) {
        self.results.retain(|result| result.peer != peer);
        if report.draining {
            return;
        }
        if self.results.len() == POOL_MAX {
            self.results.remove(0);
        }
        self.results.push(Probed { peer, report, at: now, uses: 0 });
    }

    pub(super) fn expire(&mut self, now: Time) {
        self.results.retain(|result| now - result.at <= AGE_MAX);
    }

    /// A job goes to the peer on the strength of its result, which serves for `uses_max` of them.
    pub(super) fn use_up(&mut self, peer: NodeId, uses_max: u32) {
        if let Some(place) = self.results.iter().position(|result| result.peer == peer) {
            self.results[place].uses += 1;
            if self.results[place].uses >= uses_max {
                self.results.remove(place);
            }
        }
    }

    /// Removes the oldest result or, at every other call, the worst by `badness`: hot ones before cold ones,
    /// then by the number.
    pub(super) fn give_one_up(&mut self, badness: impl Fn(NodeId) -> (bool, f64)) {
        self.gives_up_oldest = !self.gives_up_oldest;
        if self.results.is_empty() {
            return;
        }
        let scored = self.results.iter().map(|result| badness(result.peer)).enumerate();
        let worst = scored.max_by(|(_, a), (_, b)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let place = if self.gives_up_oldest { 0 } else { worst.map_or(0, |(place, _)| place) };
        self.results.remove(place);
    }
}

#[cfg(test)]
mod tests {
    use protocol::Load;

    use super::*;

    fn report(running: usize) -> Report {
        Report { load: Load { running, slots: 4, ..Load::default() }, ..Report::default() }
    }

    fn at(ms: u64) -> Time {
        Time::from_origin(Duration::from_millis(ms))
    }

    fn pool(jobs: &[usize]) -> Pool {
        let mut pool = Pool::default();
        for (id, &jobs) in (0..).zip(jobs) {
            pool.add(NodeId::new(id), report(jobs), at(id));
        }
        pool
    }

    fn peers(pool: &Pool) -> Vec<u64> {
        pool.results().map(|result| result.peer.bits()).collect()
    }

    #[test]
    fn the_oldest_makes_room_and_a_peer_is_in_once() {
        let mut pool = pool(&[0; POOL_MAX + 2]);
        assert_eq!(peers(&pool), (2..18).collect::<Vec<_>>());
        pool.add(NodeId::new(2), report(5), at(100));
        assert_eq!(peers(&pool).last(), Some(&2));
        assert_eq!(pool.results().count(), POOL_MAX);
        pool.add(NodeId::new(2), Report { draining: true, ..report(5) }, at(101));
        assert!(!peers(&pool).contains(&2));
    }

    #[test]
    fn results_age_and_are_used_up() {
        let mut pool = pool(&[0, 0, 0]);
        pool.expire(at(1_001));
        assert_eq!(peers(&pool), [1, 2]);
        pool.use_up(NodeId::new(1), 2);
        assert_eq!(pool.results().next().unwrap().jobs(), 1);
        pool.use_up(NodeId::new(1), 2);
        assert_eq!(peers(&pool), [2]);
    }

    #[test]
    fn the_oldest_and_the_worst_go_by_turns() {
        let mut pool = pool(&[0, 3, 1, 2]);
        let jobs = |peer: NodeId| (false, [0.0, 3.0, 1.0, 2.0][usize::try_from(peer.bits()).unwrap()]);
        pool.give_one_up(jobs);
        assert_eq!(peers(&pool), [1, 2, 3]);
        pool.give_one_up(jobs);
        assert_eq!(peers(&pool), [2, 3]);
        pool.give_one_up(jobs);
        assert_eq!(peers(&pool), [3]);
    }
}
