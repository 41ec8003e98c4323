//! Whole nodes as native processes on loopback: for `p2pfaas-bench demo`, for experiments, and for the tests.
//!
//! A [`Node`] is a scheduler, a learner and a discovery with settings, ports and data of their own. Each can be
//! stopped, killed, paused and started again by itself, and all end with the node.

mod node;
mod plan;

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use protocol::nodes::{NodeList, NodeState};
use tokio::time::sleep;

pub use self::{
    node::Node,
    plan::{Binaries, Part, Plan, Ports},
};

/// Nodes on one machine see each other within two seconds; a busy machine may take longer.
const MEETING_MAX: Duration = Duration::from_secs(30);
/// Between two looks at whether they do.
const MEETING_PAUSE: Duration = Duration::from_millis(20);

/// Waits until every node sees every other one alive, with the functions that it has.
///
/// # Errors
/// When a service ends, or they have not met in half a minute; it says who misses whom.
pub async fn meet(nodes: &mut [&mut Node]) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let Some(missing) = first_missing(nodes).await? else {
            return Ok(());
        };
        if began.elapsed() > MEETING_MAX {
            bail!("{missing}, after {MEETING_MAX:?}");
        }
        sleep(MEETING_PAUSE).await;
    }
}

async fn first_missing(nodes: &mut [&mut Node]) -> anyhow::Result<Option<String>> {
    let plans: Vec<Plan> = nodes.iter().map(|node| node.plan().clone()).collect();
    for (index, node) in nodes.iter_mut().enumerate() {
        for part in Part::ALL {
            node.pid(part)?;
        }
        let seen = nodes_of(node).await.unwrap_or_default();
        let others = plans.iter().enumerate().filter(|&(other, _)| other != index);
        for (_, other) in others {
            if !seen.iter().any(|node| is(node, other)) {
                return Ok(Some(format!("{} does not see {} as it is", node.plan().name, other.name)));
            }
        }
    }
    Ok(None)
}

async fn nodes_of(node: &Node) -> anyhow::Result<Vec<protocol::nodes::Node>> {
    let answer = reqwest::get(node.url(Part::Scheduler, "/nodes")).await.context("no answer")?;
    let list: NodeList = answer.error_for_status()?.json().await.context("no list of nodes")?;
    Ok(list.nodes)
}

fn is(seen: &protocol::nodes::Node, plan: &Plan) -> bool {
    let functions = seen.functions.iter().map(protocol::FunctionName::as_str);
    seen.state == NodeState::Alive
        && seen.ports.discovery == plan.ports.discovery
        && seen.address == plan.host
        && functions.eq(plan.functions.keys().map(String::as_str))
}
