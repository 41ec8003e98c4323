use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use protocol::NodeId;

use crate::time::Time;

/// Copies that wait for their turn: a second's worth at a rate that only a join storm reaches.
const WAITING_MAX: usize = 4096;
/// Copies of a datagram are so far apart, or one burst on the way would take them all.
const APART: Duration = Duration::from_millis(30);

/// How often a datagram is sent, and what makes its further copies needless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repeat {
    times: u8,
    /// The probe that the datagram is the ping of: once it is answered, no copy is sent any more.
    ping: Option<(NodeId, u8)>,
}

impl Repeat {
    pub(crate) const ONCE: Self = Self::times(1);

    pub(crate) const fn times(times: u8) -> Self {
        Self { times, ping: None }
    }

    pub(crate) const fn ping(times: u8, node: NodeId, number: u8) -> Self {
        Self { times, ping: Some((node, number)) }
    }
}

/// Datagrams that are to be sent once more.
#[derive(Debug, Default)]
pub(crate) struct Copies(VecDeque<Waiting>);

#[derive(Debug)]
struct Waiting {
    due: Time,
    to: SocketAddr,
    datagram: Vec<u8>,
    left: u8,
    ping: Option<(NodeId, u8)>,
}

impl Copies {
    /// Plans the further copies of a datagram that is sent now. Returns whether there was room.
    pub(crate) fn add(&mut self, now: Time, to: SocketAddr, datagram: &[u8], repeat: Repeat) -> bool {
        let Repeat { times, ping } = repeat;
        if times <= 1 {
            return true;
        }
        if self.0.len() >= WAITING_MAX {
            return false;
        }
        let waiting = Waiting { due: now + APART, to, datagram: datagram.to_vec(), left: times - 1, ping };
        self.0.push_back(waiting);
        true
    }

    /// When the next copy is due; all wait equally long, so the first that came is the first that goes.
    pub(crate) fn next_at(&self) -> Option<Time> {
        self.0.front().map(|waiting| waiting.due)
    }

    /// A copy that is due, if any.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<(SocketAddr, Vec<u8>)> {
        let waiting = self.0.pop_front_if(|waiting| waiting.due <= now)?;
        let (to, datagram) = (waiting.to, waiting.datagram.clone());
        if waiting.left > 1 {
            self.0.push_back(Waiting { due: now + APART, left: waiting.left - 1, ..waiting });
        }
        Some((to, datagram))
    }

    /// A ping was answered.
    pub(crate) fn answered(&mut self, node: NodeId, number: u8) {
        self.0.retain(|waiting| waiting.ping != Some((node, number)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::after_epoch(Duration::from_millis(ms))
    }

    fn sent(copies: &mut Copies, until_ms: u64) -> usize {
        (0..=until_ms).map(|ms| std::iter::from_fn(|| copies.pop_due(at(ms))).count()).sum()
    }

    #[test]
    fn each_is_sent_as_often_as_asked() {
        let to = SocketAddr::from(([10, 0, 0, 1], 1));
        let mut copies = Copies::default();
        for times in 1..=3 {
            assert!(copies.add(at(0), to, b"x", Repeat::times(times)));
        }
        assert_eq!(copies.next_at(), Some(at(30)));
        assert_eq!(sent(&mut copies, 29), 0);
        assert_eq!(sent(&mut copies, 200), 1 + 2);
    }

    #[test]
    fn an_answered_ping_is_not_sent_again() {
        let to = SocketAddr::from(([10, 0, 0, 1], 1));
        let (one, other) = (NodeId::new(1), NodeId::new(2));
        let mut copies = Copies::default();
        copies.add(at(0), to, b"x", Repeat::ping(3, one, 7));
        copies.add(at(0), to, b"y", Repeat::ping(3, other, 7));
        copies.answered(one, 7);
        assert_eq!(sent(&mut copies, 200), 2);
    }

    #[test]
    fn what_waits_is_bounded() {
        let to = SocketAddr::from(([10, 0, 0, 1], 1));
        let mut copies = Copies::default();
        assert!((0..WAITING_MAX).all(|_| copies.add(at(0), to, b"x", Repeat::times(2))));
        assert!(!copies.add(at(0), to, b"x", Repeat::times(2)));
    }
}
