//! The routes of the original P2PFaaS, for its clients and scripts.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use protocol::ErrorBody;
use protocol::nodes::{Node, NodeState};
use serde::Serialize;
use service::ApiError;
use utoipa::ToSchema;

use super::Api;
use crate::settings::DEFAULT_GOSSIP_PORT;

/// How nodes of the original call themselves.
const MACHINE: &str = "Machine";
/// Where they say at which address they are.
const MACHINE_IP: &str = "p2pfaas-machine-ip";
/// Clients of the original count this in the answer of `/list`, so that it stands there once a node.
const COUNTED: &str = "alive";

/// The service's name and version
#[utoipa::path(get, path = "/", tag = "original", responses((status = 200, body = String)))]
pub(super) async fn hello() -> String {
    format!("p2pfaas-discovery {}\n", service::VERSION)
}

/// A node as the original shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Machine {
    /// The node's id.
    #[serde(rename = "_id")]
    id: String,
    ip: String,
    /// Empty where the node has none.
    name: String,
    group_name: String,
    /// Round trip in seconds; 0 until one was measured.
    ping: f64,
    /// Unix time in seconds of the last sign of life.
    last_update: u64,
    /// Always true: others are not listed.
    alive: bool,
    /// Always 0.
    dead_polls: u32,
}

/// The other nodes that are there, as the original P2PFaaS lists them
///
/// A node of the original that calls with `User-Agent: Machine` names its address in `p2pfaas-machine-ip`.
/// That is a hint, no more: where it is the caller's own address, it is greeted, and joins if it answers.
#[utoipa::path(get, path = "/list", tag = "original", responses(
    (status = 200, description = "The nodes, without this one", body = Vec<Machine>),
    (status = 503, description = "The service is stopping", body = ErrorBody),
))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Json<Vec<Machine>>, ApiError> {
    let list = api.gossip.nodes().await?;
    if let Some(ip) = hint(&headers, client.ip())
        && ip != list.own.address
        && list.nodes.iter().all(|node| node.address != ip)
    {
        api.gossip.join(vec![SocketAddr::new(ip, DEFAULT_GOSSIP_PORT)]).await?;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let present = |node: &&Node| matches!(node.state, NodeState::Alive | NodeState::Suspect);
    Ok(Json(list.nodes.iter().filter(present).map(|node| machine(node, now)).collect()))
}

/// The address that a caller claims, if it is where the call came from: nobody can have others greeted.
fn hint(headers: &HeaderMap, client: IpAddr) -> Option<IpAddr> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let claimed: IpAddr = text(MACHINE_IP)?.parse().ok()?;
    let is_machine = text(USER_AGENT.as_str())? == MACHINE;
    (is_machine && claimed == client.to_canonical()).then_some(claimed)
}

fn machine(node: &Node, now: u64) -> Machine {
    Machine {
        id: node.id.to_string(),
        ip: node.address.to_string(),
        name: uncounted(&node.name),
        group_name: uncounted(&node.group),
        ping: node.rtt_ms.map_or(0.0, |rtt| f64::from(rtt) / 1e3),
        last_update: now,
        alive: true,
        dead_polls: 0,
    }
}

fn uncounted(text: &str) -> String {
    if text.contains(COUNTED) { String::new() } else { text.to_owned() }
}

/// What was forgotten.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Forgotten {
    /// Nodes that were dead or had left.
    forgotten: usize,
}

/// Forgets the nodes that are dead or have left, and greets the seeds anew
#[utoipa::path(get, path = "/reset", tag = "original", responses(
    (status = 200, description = "Done; nodes that are there stay", body = Forgotten),
    (status = 503, description = "The service is stopping", body = ErrorBody),
))]
pub(super) async fn reset(State(api): State<Arc<Api>>) -> Result<Json<Forgotten>, ApiError> {
    let forgotten = api.gossip.reset().await?;
    Ok(Json(Forgotten { forgotten }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(agent: &str, ip: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, agent.parse().unwrap());
        headers.insert(MACHINE_IP, ip.parse().unwrap());
        headers
    }

    #[test]
    fn only_a_machine_that_names_its_own_address_is_heard() {
        let client = "10.0.0.7".parse().unwrap();
        assert_eq!(hint(&headers("Machine", "10.0.0.7"), client), Some(client));
        assert_eq!(hint(&headers("Machine", "10.0.0.7"), "::ffff:10.0.0.7".parse().unwrap()), Some(client));
        assert_eq!(hint(&headers("Machine", "10.0.0.8"), client), None);
        assert_eq!(hint(&headers("curl", "10.0.0.7"), client), None);
        assert_eq!(hint(&headers("Machine", "anybody"), client), None);
        assert_eq!(hint(&HeaderMap::new(), client), None);
    }

    #[test]
    fn nothing_else_is_counted() {
        assert_eq!(uncounted("still-alive"), "");
        assert_eq!(uncounted("kitchen"), "kitchen");
    }
}
