use std::net::{IpAddr, SocketAddr};

use protocol::NodeId;
use serde::{Deserialize, Serialize};

/// Who a member is: its stable id, where it is reached, and which of its lives this is.
///
/// Two identities of one id are one node: the higher generation wins, whatever the address, so a node that
/// comes back elsewhere replaces itself. On the wire 19 bytes over IPv4 and 31 over IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Kept in the node's data folder.
    pub node: NodeId,
    address: WireAddress,
    generation: [u8; 4],
}

/// A socket address with its port in two bytes; serde's own form spends up to three on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum WireAddress {
    V4([u8; 4], [u8; 2]),
    V6([u8; 16], [u8; 2]),
}

impl Identity {
    /// The identity of `node`, reached by UDP and TCP at `address`, in its life `generation`.
    pub fn new(node: NodeId, address: SocketAddr, generation: u32) -> Self {
        let port = address.port().to_be_bytes();
        let address = match address.ip().to_canonical() {
            IpAddr::V4(ip) => WireAddress::V4(ip.octets(), port),
            IpAddr::V6(ip) => WireAddress::V6(ip.octets(), port),
        };
        Self { node, address, generation: generation.to_be_bytes() }
    }

    /// Where it is reached.
    pub fn address(&self) -> SocketAddr {
        match self.address {
            WireAddress::V4(ip, port) => SocketAddr::new(ip.into(), u16::from_be_bytes(port)),
            WireAddress::V6(ip, port) => SocketAddr::new(ip.into(), u16::from_be_bytes(port)),
        }
    }

    /// Whether the address is one that a datagram can be sent to.
    pub fn is_reachable(&self) -> bool {
        let address = self.address();
        !address.ip().is_unspecified() && address.port() != 0
    }

    /// Grows with every start and every rejoin.
    pub fn generation(&self) -> u32 {
        u32::from_be_bytes(self.generation)
    }

    pub(crate) fn with_generation(self, generation: u32) -> Self {
        Self { generation: generation.to_be_bytes(), ..self }
    }
}

impl foca::Identity for Identity {
    type Addr = NodeId;

    fn renew(&self) -> Option<Self> {
        // At the last generation the node stays down until it is started with a new id.
        self.generation().checked_add(1).map(|next| self.with_generation(next))
    }

    fn addr(&self) -> NodeId {
        self.node
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        // The address breaks the tie of a copied data folder, so that all nodes agree on one of the two.
        (self.generation, self.address) > (adversary.generation, adversary.address)
    }
}

#[cfg(test)]
mod tests {
    use foca::Identity as _;

    use super::*;

    fn identity(address: &str, generation: u32) -> Identity {
        Identity::new(NodeId::new(1), address.parse().unwrap(), generation)
    }

    #[test]
    fn fits_the_bytes_that_the_traffic_goals_count_on() {
        assert_eq!(postcard::to_stdvec(&identity("255.255.255.255:65535", u32::MAX)).unwrap().len(), 19);
        assert_eq!(postcard::to_stdvec(&identity("[2001:db8::1]:65535", u32::MAX)).unwrap().len(), 31);
    }

    #[test]
    fn the_address_reads_back_and_a_mapped_one_is_ipv4() {
        assert_eq!(identity("[2001:db8::1]:9", 1).address(), "[2001:db8::1]:9".parse().unwrap());
        assert_eq!(identity("[::ffff:10.0.0.1]:9", 1).address(), "10.0.0.1:9".parse().unwrap());
    }

    #[test]
    fn a_later_life_wins_from_any_address_and_a_tie_has_one_winner() {
        let (old, new) = (identity("10.0.0.9:1", 1), identity("10.0.0.1:1", 2));
        assert!(new.win_addr_conflict(&old) && !old.win_addr_conflict(&new));
        let (one, other) = (identity("10.0.0.1:1", 1), identity("10.0.0.2:1", 1));
        assert!(other.win_addr_conflict(&one) && !one.win_addr_conflict(&other));
    }

    #[test]
    fn always_renews_until_the_generations_end() {
        let renewed = identity("10.0.0.1:1", 7).renew().unwrap();
        assert_eq!(renewed.generation(), 8);
        assert!(renewed.win_addr_conflict(&identity("10.0.0.1:1", 7)));
        assert_eq!(identity("10.0.0.1:1", u32::MAX).renew(), None);
    }
}
