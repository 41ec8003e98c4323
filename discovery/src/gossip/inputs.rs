use std::net::{IpAddr, SocketAddr};

use membership::{ClusterKey, KeyRing, OwnAddress};
use protocol::nodes::NodePorts;
use service::settings::ClusterKeys;

use crate::Settings;

/// What the keeper is told from outside, and what of it may change at run time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Inputs {
    /// What this node is, as far as its settings say.
    pub(crate) own: OwnSettings,
    /// Where the others reach it.
    pub(crate) address: OwnAddress,
    /// Empty for none.
    pub(crate) keys: ClusterKeys,
    /// The seeds' addresses, as far as they are known.
    pub(crate) seeds: Vec<SocketAddr>,
}

/// The part of a node's description that its operator writes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OwnSettings {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) cell: String,
    pub(crate) ports: NodePorts,
}

impl Inputs {
    /// The inputs of these settings, without keys and seeds. `gossip_port` and `http_port` are those that are
    /// listened on.
    pub(crate) fn new(settings: &Settings, gossip_port: u16, http_port: u16) -> Self {
        let published = |set: u16, own: u16| if set == 0 { own } else { set };
        let own = OwnSettings {
            name: settings.machine_id.as_str().to_owned(),
            group: settings.group.as_str().to_owned(),
            cell: settings.cell.as_str().to_owned(),
            ports: NodePorts {
                scheduler: settings.scheduler_port.port(),
                learner: settings.learner_port.port(),
                discovery: published(settings.discovery_port.port(), http_port),
                gossip: 0,
            },
        };
        let port = published(settings.advertise_port.port(), gossip_port);
        let address = own_address(settings.advertise_address.ip(), settings.listening_host, port);
        Self { own, address, keys: ClusterKeys::default(), seeds: Vec::new() }
    }

    /// Takes the part of the settings from `other`, and keeps keys and seeds.
    pub(crate) fn follow(&mut self, other: Self) {
        *self =
            Self { keys: std::mem::take(&mut self.keys), seeds: std::mem::take(&mut self.seeds), ..other };
    }

    /// The keys as the seal takes them.
    pub(crate) fn key_ring(&self) -> Option<KeyRing> {
        let keys: Vec<_> = self.keys.as_slice().iter().map(|bytes| ClusterKey::new(*bytes)).collect();
        // None is no ring, and more than three or one twice cannot be.
        KeyRing::new(&keys).ok()
    }
}

/// A node knows its address where it is told, or listens on one only. Else it takes what another node sees:
/// behind a published port nothing inside the container tells it.
fn own_address(given: Option<IpAddr>, listening: IpAddr, port: u16) -> OwnAddress {
    match given.or(Some(listening).filter(|ip| !ip.is_unspecified())) {
        Some(ip) => OwnAddress::Given(SocketAddr::new(ip, port)),
        None => OwnAddress::Observed { port: Some(port) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_given_or_listened_on_or_seen_by_others() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let at = |text: &str| OwnAddress::Given(SocketAddr::new(ip(text), 7));
        assert_eq!(own_address(Some(ip("192.0.2.1")), ip("0.0.0.0"), 7), at("192.0.2.1"));
        assert_eq!(own_address(Some(ip("192.0.2.1")), ip("10.0.0.1"), 7), at("192.0.2.1"));
        assert_eq!(own_address(None, ip("10.0.0.1"), 7), at("10.0.0.1"));
        for unspecified in ["0.0.0.0", "::"] {
            assert_eq!(own_address(None, ip(unspecified), 7), OwnAddress::Observed { port: Some(7) });
        }
    }
}
