use std::net::SocketAddr;
use std::num::{NonZeroU8, NonZeroUsize};
use std::time::Duration;

use foca::PeriodicParams;

use crate::seal::{KeyRing, SEAL_BYTES};

/// Bytes of a datagram's content: the same on all nodes, or the smaller refuse the larger.
/// With the seal around it a datagram stays under 1,400 bytes, which no path in use today fragments.
pub const CONTENT_BYTES_MAX: usize = 1350;

/// Bytes of a datagram at most, the seal included: the buffer that the daemon reads into.
pub const DATAGRAM_BYTES_MAX: usize = CONTENT_BYTES_MAX + SEAL_BYTES;

/// Longer names would take up the room of content in each datagram's check.
const CLUSTER_NAME_BYTES_MAX: usize = 64;

/// A node that is down is remembered for so long, so that late news of it cannot bring it back.
const REMEMBER_DOWN: Duration = Duration::from_secs(24 * 60 * 60);

/// The suspicion on a plateau, in probe periods, and the size up to which that reaches.
const PLATEAU: f64 = 3.8;
const PLATEAU_NODES_MAX: usize = 128;

/// How far apart the nodes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Round trips of milliseconds: one site.
    #[default]
    Lan,
    /// Round trips of up to half a second: several sites.
    Wan,
}

/// The name of a cluster, 1 to 64 bytes: a sealed datagram of another cluster does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterName(String);

/// A text that can be no cluster's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cluster's name is 1 to {CLUSTER_NAME_BYTES_MAX} bytes")]
pub struct InvalidClusterName;

impl ClusterName {
    /// The name, if it can be one.
    ///
    /// # Errors
    /// [`InvalidClusterName`] if it is empty or too long.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidClusterName> {
        let name = name.into();
        if name.is_empty() || name.len() > CLUSTER_NAME_BYTES_MAX {
            return Err(InvalidClusterName);
        }
        Ok(Self(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a node is reached by the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnAddress {
    /// As the operator says.
    Given(SocketAddr),
    /// As the first node that answers sees the sender of our datagrams, or as the first node that reaches
    /// us has dialled us. For a container whose published port differs from what the address translation
    /// makes of its datagrams, `port` holds the published one.
    Observed {
        /// Taken in place of the port that was seen.
        port: Option<u16>,
    },
}

/// What may change while the node runs; see [`Membership::reconfigure`](crate::Membership::reconfigure).
#[derive(Debug, Clone)]
pub struct Settings {
    /// The cluster this node belongs to.
    pub cluster: ClusterName,
    /// Without a key ring anybody who reaches the port can take part.
    pub keys: Option<KeyRing>,
    /// The pace of everything. A change takes effect at the next start.
    pub profile: Profile,
    /// Asked to let this node in, all of them, until a member is known.
    pub seeds: Vec<SocketAddr>,
    /// Drops foca's timers of suspicions that were refuted. False only in the test that shows what that
    /// prevents: foca 2.0 tells a healthy member that it is dead when such a timer fires.
    pub guard: bool,
}

impl Settings {
    /// The settings of a LAN without key and seeds.
    pub fn new(cluster: ClusterName) -> Self {
        Self { cluster, keys: None, profile: Profile::Lan, seeds: Vec::new(), guard: true }
    }
}

impl Profile {
    /// Everything that foca waits for, for a cluster of so many nodes, this one included.
    pub(crate) fn foca_config(self, nodes: usize) -> foca::Config {
        let wan = self == Self::Wan;
        let pick = |lan: u64, far: u64| Duration::from_millis(if wan { far } else { lan });
        let every = |frequency, members| {
            NonZeroUsize::new(members).map(|num_members| PeriodicParams { frequency, num_members })
        };
        foca::Config {
            probe_period: self.probe_period(),
            probe_rtt: self.probe_rtt(),
            num_indirect_probes: NonZeroUsize::MIN.saturating_add(3),
            max_transmissions: transmissions(nodes),
            suspect_to_down_after: self.suspicion(nodes),
            remove_down_after: Some(REMEMBER_DOWN),
            max_packet_size: NonZeroUsize::MIN.saturating_add(CONTENT_BYTES_MAX - 1),
            notify_down_members: true,
            periodic_announce: every(pick(15_000, 30_000), 1),
            periodic_announce_to_down_members: every(pick(10_000, 20_000), 2),
            periodic_gossip: every(self.gossip_period(), if wan { 4 } else { 3 }),
        }
    }

    /// One member is probed in each.
    pub(crate) fn probe_period(self) -> Duration {
        Duration::from_secs(if self == Self::Wan { 3 } else { 1 })
    }

    /// An answer that takes longer does not come.
    pub(crate) fn probe_rtt(self) -> Duration {
        Duration::from_millis(if self == Self::Wan { 750 } else { 250 })
    }

    /// News that are still spreading go out this often, to [`Self::gossip_fanout`] members.
    pub(crate) fn gossip_period(self) -> Duration {
        Duration::from_millis(if self == Self::Wan { 500 } else { 200 })
    }

    /// See [`Self::gossip_period`].
    pub(crate) fn gossip_fanout(self) -> usize {
        if self == Self::Wan { 4 } else { 3 }
    }

    /// How long a member may take to refute a suspicion. Up to 128 nodes 3.8 s on a LAN, which outlasts a stall
    /// of 4 s, because the first suspicion takes 1 s, and still buries within 6 s. Above that it grows with the
    /// logarithm of the cluster's size, because suspicion and refutation take longer to spread.
    pub(crate) fn suspicion(self, nodes: usize) -> Duration {
        let stretched = |nodes: usize| 3.0 * (nodes as f64).log10();
        let beyond = stretched(nodes.max(PLATEAU_NODES_MAX)) - stretched(PLATEAU_NODES_MAX);
        self.probe_period().mul_f64(PLATEAU + beyond)
    }
}

/// How often one node passes a piece of news on: enough for all to hear it with near certainty when each
/// passing goes to a random node. 8 at 9 nodes, 12 at 99, 20 at 1,024.
pub(crate) fn transmissions(nodes: usize) -> NonZeroU8 {
    let digits = ((nodes + 1) as f64).log10().ceil() as u8;
    NonZeroU8::MIN.saturating_add(digits.saturating_mul(4).saturating_add(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_follows_the_cluster() {
        assert_eq!(transmissions(9).get(), 8);
        assert_eq!(transmissions(64).get(), 12);
        assert_eq!(transmissions(1024).get(), 20);
        assert_eq!(Profile::Lan.suspicion(1), Duration::from_millis(3800));
        assert_eq!(Profile::Wan.suspicion(10), Duration::from_millis(11_400));
        assert_eq!(Profile::Lan.suspicion(128), Duration::from_millis(3800));
        assert_eq!(Profile::Lan.suspicion(1280), Duration::from_millis(6800));
    }

    #[test]
    fn names_are_bounded() {
        assert!(ClusterName::new("").is_err());
        assert!(ClusterName::new("x".repeat(64)).is_ok());
        assert!(ClusterName::new("x".repeat(65)).is_err());
    }
}
