use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use bollard::models::{ContainerSummary, EndpointSettings, PortSummary};
use protocol::FunctionName;

/// Names the function that a container is; also a way to give a container another name.
const LABEL_FUNCTION: &str = "p2pfaas.function";
/// The port on which the function answers, where it is not [`FUNCTION_PORT`].
const LABEL_PORT: &str = "p2pfaas.port";
/// `true` on a function that may run more than once for one call.
const LABEL_IDEMPOTENT: &str = "p2pfaas.idempotent";
/// On the containers of P2PFaaS itself, which are no functions.
const LABEL_SERVICE: &str = "p2pfaas.service";
/// Where compose says which service a container belongs to.
const LABEL_COMPOSE_SERVICE: &str = "com.docker.compose.service";

/// The port on which a function answers, as OpenFaaS and the original P2PFaaS have it.
const FUNCTION_PORT: u16 = 8080;

/// A running container, as far as it concerns us.
#[derive(Debug, Clone, Default)]
pub(super) struct Container {
    pub(super) id: String,
    pub(super) names: Vec<String>,
    pub(super) labels: BTreeMap<String, String>,
    /// By the network's id.
    pub(super) networks: BTreeMap<String, Network>,
    pub(super) published: Vec<Published>,
    /// Whether it lives in the network of the host itself.
    pub(super) in_host_network: bool,
}

/// A network that a container is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Network {
    pub(super) name: String,
    pub(super) address: Option<IpAddr>,
    pub(super) gateway: Option<IpAddr>,
}

/// A port of a container that is published on its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) container_port: u16,
    pub(super) host_port: u16,
    pub(super) host_address: Option<IpAddr>,
}

impl Container {
    /// None where Docker does not even tell the id.
    pub(super) fn read(summary: ContainerSummary) -> Option<Self> {
        let networks = summary.network_settings.and_then(|settings| settings.networks);
        let mode = summary.host_config.and_then(|config| config.network_mode);
        Some(Self {
            id: summary.id?,
            names: summary.names.unwrap_or_default(),
            labels: summary.labels.unwrap_or_default().into_iter().collect(),
            networks: read_networks(networks.unwrap_or_default()),
            published: summary.ports.unwrap_or_default().into_iter().filter_map(Published::read).collect(),
            in_host_network: mode.as_deref() == Some("host"),
        })
    }

    /// The functions that this container is: the one of its label, else those of its names.
    pub(super) fn functions(&self, labelled_only: bool) -> Vec<FunctionName> {
        if self.labels.contains_key(LABEL_SERVICE) {
            return Vec::new();
        }
        if let Some(label) = self.labels.get(LABEL_FUNCTION) {
            return label.parse().into_iter().collect();
        }
        if labelled_only {
            return Vec::new();
        }
        // Docker writes "/name"; a name with another slash is a link's, not the container's own.
        let names = self.names.iter().filter_map(|name| name.strip_prefix('/'));
        let service = self.labels.get(LABEL_COMPOSE_SERVICE).map(String::as_str);
        let mut functions: Vec<FunctionName> =
            names.chain(service).filter_map(|name| name.parse().ok()).collect();
        functions.sort();
        functions.dedup();
        functions
    }

    /// The port on which the function answers.
    pub(super) fn port(&self) -> u16 {
        self.labels.get(LABEL_PORT).and_then(|port| port.parse().ok()).unwrap_or(FUNCTION_PORT)
    }

    /// Whether it may run more than once for one call.
    pub(super) fn is_idempotent(&self) -> bool {
        self.labels.get(LABEL_IDEMPOTENT).is_some_and(|value| value == "true")
    }

    /// A name for people.
    pub(super) fn display_name(&self) -> &str {
        self.names.first().map_or(self.id.as_str(), |name| name.trim_start_matches('/'))
    }
}

pub(super) fn read_networks(networks: HashMap<String, EndpointSettings>) -> BTreeMap<String, Network> {
    let address = |text: Option<String>| text.and_then(|text| text.parse().ok());
    let network = |(name, settings): (String, EndpointSettings)| {
        let network = Network {
            name,
            address: address(settings.ip_address).or(address(settings.global_ipv6_address)),
            gateway: address(settings.gateway).or(address(settings.ipv6_gateway)),
        };
        Some((settings.network_id?, network))
    };
    networks.into_iter().filter_map(network).collect()
}

impl Published {
    fn read(port: PortSummary) -> Option<Self> {
        Some(Self {
            container_port: port.private_port,
            host_port: port.public_port?,
            host_address: port.ip.and_then(|ip| ip.parse().ok()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(names: &[&str], labels: &[(&str, &str)]) -> Container {
        Container {
            id: "c0ffee".into(),
            names: names.iter().map(|&name| name.into()).collect(),
            labels: labels.iter().map(|&(key, value)| (key.into(), value.into())).collect(),
            ..Container::default()
        }
    }

    fn functions(names: &[&str], labels: &[(&str, &str)]) -> Vec<String> {
        let functions = container(names, labels).functions(false);
        functions.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_container_is_the_function_of_its_name_and_of_its_compose_service() {
        assert_eq!(functions(&["/echo"], &[]), ["echo"]);
        assert_eq!(functions(&["/demo_echo_1"], &[(LABEL_COMPOSE_SERVICE, "echo")]), ["demo_echo_1", "echo"]);
        assert_eq!(functions(&["/echo", "/other/alias"], &[]), ["echo"]);
    }

    #[test]
    fn a_label_decides_alone() {
        assert_eq!(functions(&["/x"], &[(LABEL_FUNCTION, "echo"), (LABEL_COMPOSE_SERVICE, "y")]), ["echo"]);
        assert_eq!(functions(&["/x"], &[(LABEL_FUNCTION, "")]), [""; 0]);
    }

    #[test]
    fn our_own_services_are_no_functions() {
        assert_eq!(functions(&["/scheduler"], &[(LABEL_SERVICE, "scheduler")]), [""; 0]);
    }

    #[test]
    fn without_a_label_it_is_none_where_labels_are_asked_for() {
        assert!(container(&["/echo"], &[]).functions(true).is_empty());
        assert_eq!(container(&["/x"], &[(LABEL_FUNCTION, "echo")]).functions(true).len(), 1);
    }

    #[test]
    fn the_port_may_be_another() {
        assert_eq!(container(&[], &[]).port(), 8080);
        assert_eq!(container(&[], &[(LABEL_PORT, "9000")]).port(), 9000);
    }

    #[test]
    fn only_true_makes_a_function_one_that_may_run_twice() {
        for (label, idempotent) in [("true", true), ("false", false), ("", false), ("1", false)] {
            assert_eq!(container(&[], &[(LABEL_IDEMPOTENT, label)]).is_idempotent(), idempotent);
        }
        assert!(!container(&[], &[]).is_idempotent());
    }
}
