//! Two nodes, and the echo function of each.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    path::Path,
};

use anyhow::{Context, anyhow, bail};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use super::PATIENCE;
use crate::{
    cluster::{Binaries, Node, Part, Plan, Ports, meet},
    load::Target,
    process::{Service, binary, free_ports},
};

const ECHO: &str = "echo";
/// The same function under a name that only the first node has, so that nobody else is a candidate.
const ALONE: &str = "alone";
/// Above the connections of every measurement, so that nothing waits.
const SLOTS: u32 = 256;
/// Loopback addresses that nothing else listens on, each with the ports of a whole node.
const HOSTS: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 31, 0, 1), Ipv4Addr::new(127, 31, 0, 2)];
const FIRST_PORT: u16 = 18_080;

/// How a call gets to the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Without any node.
    Direct,
    /// Through the first node.
    Local,
    /// Through the first node and then the second.
    Forwarded,
    /// As before, with an answer of one byte.
    Swallowed,
    /// Through the first node, which alone has the function, by `NoScheduler`.
    Alone,
    /// The same by `LearningScheduler`.
    Learning,
}

/// Everything that runs.
pub(super) struct Stage {
    nodes: [Node; 2],
    functions: [Service; 2],
    echo_port: u16,
    _folder: TempDir,
}

impl Stage {
    pub(super) async fn set(folder: Option<&Path>) -> anyhow::Result<Self> {
        let binaries = Binaries::find(folder)?;
        let echo = binary(ECHO, folder)?;
        let data = tempfile::tempdir().context("cannot make a folder for data and logs")?;
        let ports = free_ports().context("no port is free")?;
        let [first, second] = ports.map(|port| start_echo(&echo, port, data.path()));
        let mut functions = [first?, second?];
        for (function, port) in functions.iter_mut().zip(ports) {
            function.answers(&target(&format!("http://127.0.0.1:{port}/_/health"))?).await?;
        }
        let plan = |index: usize| plan(index, ports[index], data.path());
        let mut nodes = [Node::start(plan(0), &binaries).await?, Node::start(plan(1), &binaries).await?];
        let [one, other] = &mut nodes;
        meet(&mut [one, other]).await?;
        Ok(Self { nodes, functions, echo_port: ports[0], _folder: data })
    }

    pub(super) fn target(&self, way: Way) -> anyhow::Result<Target> {
        let at = |path: &str| target(&self.nodes[0].url(Part::Scheduler, path));
        match way {
            Way::Direct => target(&format!("http://127.0.0.1:{}/", self.echo_port)),
            Way::Local | Way::Forwarded => at(&format!("/function/{ECHO}")),
            Way::Swallowed => at(&format!("/function/{ECHO}?size=1")),
            Way::Alone | Way::Learning => at(&format!("/function/{ALONE}")),
        }
    }

    /// Lets the learner decide on the first node, and waits until it does.
    pub(super) async fn learn(&self) -> anyhow::Result<()> {
        let url = self.nodes[0].url(Part::Scheduler, "/configuration/scheduler");
        let policy = json!({"name": "LearningScheduler", "parameters": ["1"]});
        let client = reqwest::Client::new();
        client.post(url).body(policy.to_string()).send().await?.error_for_status()?;
        let began = std::time::Instant::now();
        loop {
            let call = client.post(self.target(Way::Learning)?.to_string()).body("x").send().await?;
            if !call.headers().contains_key("x-p2pfaas-scheduler-learning-fallback") {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                bail!("the learner does not decide, after {PATIENCE:?}");
            }
        }
    }

    /// Ends what was started, the nodes first, and tells the first thing that went wrong.
    pub(super) async fn clear(self) -> anyhow::Result<()> {
        let mut cleared = Ok(());
        for node in self.nodes {
            cleared = cleared.and(node.end().await);
        }
        for function in self.functions {
            cleared = cleared.and(function.end().await);
        }
        cleared
    }
}

fn start_echo(binary: &Path, port: u16, folder: &Path) -> anyhow::Result<Service> {
    let mut command = Command::new(binary);
    // Ctrl-C reaches only this program, which then ends the others in order.
    command.env("PORT", port.to_string()).process_group(0);
    Service::start(ECHO, command, folder)
}

fn plan(index: usize, echo_port: u16, folder: &Path) -> Plan {
    let url = vec![format!("http://127.0.0.1:{echo_port}")];
    let mut functions = BTreeMap::from([(ECHO.to_owned(), url.clone())]);
    if index == 0 {
        functions.insert(ALONE.to_owned(), url);
    }
    let ports = Ports::from(FIRST_PORT);
    let seed = (IpAddr::V4(HOSTS[0]), ports.gossip).into();
    Plan {
        name: (index + 1).to_string(),
        host: HOSTS[index].into(),
        ports,
        folder: folder.join(index.to_string()),
        functions,
        seeds: if index == 0 { Vec::new() } else { vec![seed] },
        variables: vec![(Part::Scheduler, "P2PFAAS_PARALLEL_RUNNING_FUNCTIONS_MAX", SLOTS.to_string())],
        shielded: true,
    }
}

fn target(url: &str) -> anyhow::Result<Target> {
    url.parse().map_err(|error: String| anyhow!(error))
}
