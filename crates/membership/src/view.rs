use std::collections::BTreeMap;

use protocol::NodeId;
use protocol::nodes::NodeState;

use crate::identity::Identity;
use crate::time::Time;

/// What is thought of each other node, and since when.
#[derive(Debug, Default)]
pub(crate) struct View {
    standings: BTreeMap<NodeId, Standing>,
    version: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) identity: Identity,
    pub(crate) state: NodeState,
    pub(crate) incarnation: u16,
    pub(crate) since: Time,
}

impl View {
    pub(crate) fn of(&self, node: NodeId) -> Option<&Standing> {
        self.standings.get(&node)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&NodeId, &Standing)> {
        self.standings.iter()
    }

    /// Grows with each change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Counts a change that is not about a node's standing, and returns the new version.
    pub(crate) fn touch(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    /// Takes what is now thought of a node. Returns the new version if that is a change.
    pub(crate) fn put(
        &mut self,
        identity: Identity,
        state: NodeState,
        incarnation: u16,
        now: Time,
    ) -> Option<u64> {
        let known = self.standings.get(&identity.node);
        let since = known.filter(|known| known.state == state).map_or(now, |known| known.since);
        let standing = Standing { identity, state, incarnation, since };
        if known == Some(&standing) {
            return None;
        }
        self.standings.insert(identity.node, standing);
        Some(self.touch())
    }

    /// Forgets a node. Returns the new version if it was known.
    pub(crate) fn remove(&mut self, node: NodeId) -> Option<u64> {
        self.standings.remove(&node).is_some().then(|| self.touch())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_state_keeps_the_time_it_began() {
        let at = |s| Time::after_epoch(Duration::from_secs(s));
        let identity = Identity::new(NodeId::new(1), "10.0.0.1:1".parse().unwrap(), 1);
        let mut view = View::default();
        assert_eq!(view.put(identity, NodeState::Alive, 0, at(1)), Some(1));
        assert_eq!(view.put(identity, NodeState::Alive, 0, at(2)), None);
        assert_eq!(view.put(identity, NodeState::Alive, 1, at(3)), Some(2));
        assert_eq!(view.of(identity.node).unwrap().since, at(1));
        assert_eq!(view.put(identity, NodeState::Suspect, 1, at(4)), Some(3));
        assert_eq!(view.of(identity.node).unwrap().since, at(4));
        assert_eq!(view.remove(identity.node), Some(4));
        assert_eq!(view.remove(identity.node), None);
    }
}
