use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use bollard::Docker;

use super::container::{Container, read_networks};
use crate::executor::Target;

/// From where this process sees the containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Vantage {
    /// From the host: every container's own address can be reached.
    Host,
    /// From inside a container: those on a shared network, and what others publish on the host.
    Container {
        /// The ids of the networks that this container is on.
        networks: BTreeSet<String>,
        /// The host, as this container sees it.
        gateway: Option<IpAddr>,
    },
}

impl Vantage {
    /// Finds out by asking Docker for the container that this process runs in.
    pub(super) async fn find(docker: &Docker) -> Self {
        let Some(id) = own_container_id() else {
            return Self::Host;
        };
        let own = match docker.inspect_container(&id, None).await {
            Ok(own) => own,
            Err(error) => {
                tracing::warn!(%error, id, "this container is not known to Docker; taking the host's view");
                return Self::Host;
            }
        };
        if own.host_config.and_then(|config| config.network_mode).as_deref() == Some("host") {
            return Self::Host;
        }
        let networks = own.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
        let networks = read_networks(networks);
        let gateway = networks.values().find_map(|network| network.gateway);
        Self::Container { networks: networks.into_keys().collect(), gateway }
    }

    /// Where the container's function can be reached: on a shared network, else where its port is
    /// published; or why not, and what to do.
    pub(super) fn target(&self, container: &Container) -> Result<Target, String> {
        let address = match self {
            Self::Host => from_host(container),
            Self::Container { networks, gateway } => from_container(container, networks, *gateway),
        };
        address.map(Target::at)
    }
}

fn from_host(container: &Container) -> Result<SocketAddr, String> {
    let port = container.port();
    if container.in_host_network {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let own = container.networks.values().find_map(|network| network.address);
    if let Some(address) = own {
        return Ok((address, port).into());
    }
    published(container)
        .map(|(host, port)| (host.unwrap_or(Ipv4Addr::LOCALHOST.into()), port).into())
        .ok_or_else(|| {
            format!(
                "container {} has no address and publishes no port {port}: start it with -p {port}",
                container.display_name()
            )
        })
}

fn from_container(
    container: &Container,
    shared: &BTreeSet<String>,
    gateway: Option<IpAddr>,
) -> Result<SocketAddr, String> {
    let port = container.port();
    let name = container.display_name();
    let on_shared = container.networks.iter().find(|(id, _)| shared.contains(*id));
    if let Some(address) = on_shared.and_then(|(_, network)| network.address) {
        return Ok((address, port).into());
    }
    let Some(gateway) = gateway else {
        return Err(format!(
            "container {name} shares no network with the scheduler, which has no gateway to the host: \
             connect it with `docker network connect NETWORK {name}`"
        ));
    };
    if container.in_host_network {
        return Ok((gateway, port).into());
    }
    match published(container) {
        Some((host, port)) if host.is_none_or(|host| host == gateway) => Ok((gateway, port).into()),
        Some((Some(host), _)) => Err(format!(
            "container {name} shares no network with the scheduler and publishes port {port} on {host} only: \
             publish it on all addresses (-p {port}), or run it on the scheduler's network"
        )),
        _ => Err(format!(
            "container {name} shares no network with the scheduler and publishes no port {port}: \
             publish it (-p {port}), or run it on the scheduler's network (--network p2pfaas)"
        )),
    }
}

/// The port on the host and the address that it is bound to, none for all addresses.
fn published(container: &Container) -> Option<(Option<IpAddr>, u16)> {
    let port = container.port();
    let published = container.published.iter().filter(|published| published.container_port == port);
    published
        .map(|published| (published.host_address.filter(|host| !host.is_unspecified()), published.host_port))
        .min_by_key(|(host, _)| host.is_some())
}

/// The id of the container that this process runs in. Docker mounts files from a folder named by it; the
/// host's name may have been set to anything.
fn own_container_id() -> Option<String> {
    if !Path::new("/.dockerenv").exists() {
        return None;
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    container_id_in(&mounts).or_else(|| {
        let name = std::fs::read_to_string("/etc/hostname").ok()?;
        Some(name.trim().to_owned())
    })
}

fn container_id_in(mounts: &str) -> Option<String> {
    const ID_LENGTH: usize = 64;
    let after = mounts.split("/containers/").skip(1);
    let id = |text: &str| {
        let id = text.get(..ID_LENGTH)?;
        id.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| id.to_owned())
    };
    after.filter_map(id).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::docker::container::{Network, Published};

    fn on(network: &str, address: &str) -> (String, Network) {
        let address = address.parse().ok();
        (network.into(), Network { name: network.into(), address, gateway: None })
    }

    fn publishes(host_address: &str, host_port: u16) -> Published {
        Published { container_port: 8080, host_port, host_address: host_address.parse().ok() }
    }

    fn container(networks: Vec<(String, Network)>, published: Vec<Published>) -> Container {
        Container {
            id: "1".into(),
            names: vec!["/echo".into()],
            networks: networks.into_iter().collect(),
            published,
            ..Container::default()
        }
    }

    fn inside() -> Vantage {
        Vantage::Container {
            networks: BTreeSet::from(["p2pfaas".to_owned()]),
            gateway: Some([172, 18, 0, 1].into()),
        }
    }

    fn at(text: &str) -> Result<Target, String> {
        Ok(Target::at(text.parse().unwrap()))
    }

    #[test]
    fn a_shared_network_comes_first() {
        let echo = container(
            vec![on("bridge", "172.17.0.2"), on("p2pfaas", "172.18.0.9")],
            vec![publishes("0.0.0.0", 8080)],
        );
        assert_eq!(inside().target(&echo), at("172.18.0.9:8080"));
    }

    #[test]
    fn else_the_published_port_on_the_host() {
        let echo = container(
            vec![on("bridge", "172.17.0.2")],
            vec![publishes("127.0.0.1", 9001), publishes("0.0.0.0", 9000)],
        );
        assert_eq!(inside().target(&echo), at("172.18.0.1:9000"));
    }

    #[test]
    fn else_it_says_what_to_do() {
        let echo = container(vec![on("bridge", "172.17.0.2")], vec![]);
        assert!(inside().target(&echo).unwrap_err().contains("-p 8080"));
        let echo = container(vec![on("bridge", "172.17.0.2")], vec![publishes("127.0.0.1", 8080)]);
        assert!(inside().target(&echo).unwrap_err().contains("127.0.0.1 only"));
    }

    #[test]
    fn the_host_reaches_every_container() {
        let echo = container(vec![on("bridge", "172.17.0.2")], vec![]);
        assert_eq!(Vantage::Host.target(&echo), at("172.17.0.2:8080"));
        let echo = Container { in_host_network: true, ..container(vec![on("host", "")], vec![]) };
        assert_eq!(Vantage::Host.target(&echo), at("127.0.0.1:8080"));
        assert_eq!(inside().target(&echo), at("172.18.0.1:8080"));
    }

    #[test]
    fn finds_its_own_id_among_the_mounts() {
        let id = "0123456789abcdef".repeat(4);
        let mounts = format!("841 /var/lib/docker/containers/{id}/hostname /etc/hostname rw\n");
        assert_eq!(container_id_in(&mounts), Some(id));
        assert_eq!(container_id_in("841 / /containers/short/x"), None);
    }
}
