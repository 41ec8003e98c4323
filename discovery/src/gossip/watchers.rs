use std::collections::BTreeMap;

use protocol::nodes::WatchMessage;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Connections to `/nodes/watch` at once: the own scheduler, and some people and tools.
const WATCHERS_MAX: usize = 64;
/// Messages that wait for a watcher. A cluster of a few hundred nodes makes as many in a bad second; who is
/// further behind begins anew with a snapshot, which is shorter.
const BACKLOG_MAX: usize = 512;

/// Names a watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WatcherId(u64);

/// All places are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{WATCHERS_MAX} others are watching already")]
pub(crate) struct TooManyWatchers;

/// A watcher's end: messages in JSON, the snapshot first. It ends when the watcher does not keep up.
pub(crate) struct Subscription {
    pub(crate) id: WatcherId,
    pub(crate) messages: mpsc::Receiver<Utf8Bytes>,
}

/// Who watches the nodes.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    watchers: BTreeMap<WatcherId, mpsc::Sender<Utf8Bytes>>,
    count: u64,
    dropped: u64,
}

impl Watchers {
    /// One more, that begins with this snapshot.
    pub(super) fn add(&mut self, snapshot: &WatchMessage) -> Result<Subscription, TooManyWatchers> {
        self.watchers.retain(|_, sender| !sender.is_closed());
        if self.watchers.len() >= WATCHERS_MAX {
            return Err(TooManyWatchers);
        }
        self.count += 1;
        let id = WatcherId(self.count);
        let (sender, messages) = mpsc::channel(BACKLOG_MAX);
        // The channel is empty, so there is room.
        let _ = sender.try_send(text(snapshot));
        self.watchers.insert(id, sender);
        Ok(Subscription { id, messages })
    }

    /// One less.
    pub(super) fn remove(&mut self, id: WatcherId) {
        self.watchers.remove(&id);
    }

    /// Tells all of them. Who does not keep up is let go.
    pub(super) fn tell(&mut self, message: &WatchMessage) {
        if self.watchers.is_empty() {
            return;
        }
        let text = text(message);
        let dropped = &mut self.dropped;
        self.watchers.retain(|_, sender| match sender.try_send(text.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(_)) => {
                *dropped += 1;
                false
            }
        });
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.watchers.len()
    }

    /// How many were let go because they did not keep up.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// Nodes have no keys or values that JSON cannot hold.
fn text(message: &WatchMessage) -> Utf8Bytes {
    serde_json::to_string(message).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use protocol::NodeId;

    use super::*;

    fn removed(version: u64) -> WatchMessage {
        WatchMessage::Removed { version, id: NodeId::new(7) }
    }

    #[test]
    fn who_keeps_up_hears_everything_and_who_does_not_is_let_go() {
        let mut watchers = Watchers::default();
        let mut quick = watchers.add(&removed(0)).unwrap();
        let mut slow = watchers.add(&removed(0)).unwrap();
        for version in 1..=BACKLOG_MAX as u64 {
            watchers.tell(&removed(version));
            assert!(quick.messages.try_recv().is_ok());
        }
        assert_eq!((watchers.len(), watchers.dropped()), (1, 1));
        let heard = std::iter::from_fn(|| slow.messages.try_recv().ok()).count();
        assert_eq!(heard, BACKLOG_MAX, "what was sent in time still comes");
        assert!(matches!(slow.messages.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
    }

    #[test]
    fn places_are_bounded_and_become_free() {
        let mut watchers = Watchers::default();
        let mut kept: Vec<_> = (0..WATCHERS_MAX).map(|_| watchers.add(&removed(0)).unwrap()).collect();
        assert!(watchers.add(&removed(0)).is_err());
        kept.pop();
        assert!(watchers.add(&removed(0)).is_ok());
    }
}
