//! `p2pfaas-bench demo`: a cluster in a box. Whole nodes and the example functions run as native processes on
//! loopback, without Docker, until Ctrl-C.

mod functions;
mod guide;
mod policy;

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use futures_util::future::{join_all, try_join_all};
use protocol::PolicySpec;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use self::functions::{EXAMPLES, Example, Function};
use crate::cluster::{Binaries, Node, Part, Plan, Ports, meet};

/// Four processes a node; more nodes than these only show how a laptop swaps.
const NODES_MAX: i64 = 32;
/// A node's ports begin at a round number: four for its services, and then one for each example function.
const PORTS_A_NODE: u16 = 10;
/// Below the ports that the system gives to connections, and beside those of a node that stands by itself.
const PORT_DEFAULT: u16 = 18_100;
/// Few enough for one hand-made burst to fill a node.
const SLOTS_DEFAULT: u32 = 4;
/// As the scheduler's setting has it.
const SLOTS_MAX: i64 = 100_000;
const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// How soon a process that has ended is told of.
const LOOK_PERIOD: Duration = Duration::from_millis(200);

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Nodes
    #[arg(short, long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=NODES_MAX))]
    nodes: u16,
    /// Policy of every node: NAME, NAME(parameter, ...) or JSON
    #[arg(short, long, default_value = "PowerOfTwoScheduler", value_parser = policy::parse)]
    policy: PolicySpec,
    /// Jobs that a node runs at once
    #[arg(short, long, default_value_t = SLOTS_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=SLOTS_MAX))]
    slots: u32,
    /// First port; each node takes the ten from there on
    #[arg(long, default_value_t = PORT_DEFAULT, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Keep data and logs in this folder [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Folder of the binaries [default: that of this program]
    #[arg(long, value_name = "DIR")]
    bin_dir: Option<PathBuf>,
}

/// What runs.
struct Demo {
    nodes: Vec<Node>,
    functions: Vec<Function>,
}

/// Where data and logs are.
enum Folder {
    Kept(PathBuf),
    Temporary(TempDir),
}

/// Starts the cluster, prints what to try, and ends it when `stop` is cancelled.
///
/// # Errors
/// When a binary is missing, a port is taken, a process does not come up, or none is left.
pub async fn command(
    options: &Options,
    stop: &CancellationToken,
    print: impl Fn(&str),
) -> anyhow::Result<()> {
    let folder = Folder::make(options.data.as_deref())?;
    print(&format!("Starting {} nodes ...", options.nodes));
    let mut demo = tokio::select! {
        started = Demo::start(options, folder.path()) => started?,
        () = stop.cancelled() => bail!("stopped before the cluster stood"),
    };
    print(&guide::guide(&mut demo, folder.path())?);
    let watched = demo.watch(stop, &print).await;
    print("\nEnding the cluster ...");
    let ended = demo.end().await;
    match &folder {
        Folder::Kept(path) => print(&format!("Data and logs stay in {}.", path.display())),
        Folder::Temporary(_) => print("Data and logs are removed."),
    }
    watched.and(ended)
}

impl Demo {
    async fn start(options: &Options, folder: &Path) -> anyhow::Result<Self> {
        let binaries = Binaries::find(options.bin_dir.as_deref())?;
        let examples = functions::find(options.bin_dir.as_deref())?;
        check_ports(options)?;
        let mut functions = Vec::new();
        let mut plans = Vec::new();
        for number in 0..options.nodes {
            let plan = plan(options, folder, number);
            fs::create_dir_all(&plan.folder)
                .with_context(|| format!("cannot make {}", plan.folder.display()))?;
            let is_last = number + 1 == options.nodes;
            let own = examples.iter().filter(|example| example.everywhere || is_last);
            let own = own.map(|example| example.start(first_port(options, number), &plan));
            let own = own.collect::<anyhow::Result<Vec<_>>>()?;
            let endpoints = own.iter().map(|function| (function.name().to_owned(), vec![function.url()]));
            plans.push(Plan { functions: endpoints.collect(), ..plan });
            functions.extend(own);
        }
        for function in &mut functions {
            function.ready().await?;
        }
        let mut nodes = try_join_all(plans.into_iter().map(|plan| Node::start(plan, &binaries))).await?;
        meet(&mut nodes.iter_mut().collect::<Vec<_>>()).await?;
        Ok(Self { nodes, functions })
    }

    /// Tells of each process that ends by itself, until `stop` or until no service is left.
    async fn watch(&mut self, stop: &CancellationToken, print: &impl Fn(&str)) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(LOOK_PERIOD) => {}
            }
            for node in &mut self.nodes {
                let name = node.plan().name.clone();
                for (part, status, words) in node.take_ended() {
                    print(&obituary(&format!("The {part} of node {name}"), status, &words));
                }
            }
            self.functions.retain_mut(|function| match function.ended() {
                None => true,
                Some((status, words)) => {
                    print(&obituary(&function.to_string(), status, &words));
                    false
                }
            });
            if !self.nodes.iter().any(Node::is_up) {
                bail!("no service is left");
            }
        }
    }

    async fn end(self) -> anyhow::Result<()> {
        let nodes = join_all(self.nodes.into_iter().map(Node::end)).await;
        let functions = join_all(self.functions.into_iter().map(Function::end)).await;
        nodes.into_iter().chain(functions).collect()
    }
}

/// A process that was killed has nothing to say; one that ended with an error has.
fn obituary(who: &str, status: std::process::ExitStatus, words: &str) -> String {
    match status.code() {
        None | Some(0) => format!("{who} has ended: {status}."),
        Some(_) => format!("{who} has ended: {status}. Its last words:\n{words}"),
    }
}

fn first_port(options: &Options, number: u16) -> u16 {
    options.port.saturating_add(number * PORTS_A_NODE)
}

fn plan(options: &Options, folder: &Path, number: u16) -> Plan {
    let seed = SocketAddr::new(HOST, Ports::from(options.port).gossip);
    let name = (number + 1).to_string();
    let policy = serde_json::json!(options.policy).to_string();
    Plan {
        folder: folder.join(format!("node-{name}")),
        name,
        host: HOST,
        ports: Ports::from(first_port(options, number)),
        functions: BTreeMap::new(),
        seeds: if number == 0 { Vec::new() } else { vec![seed] },
        variables: vec![
            (Part::Scheduler, "P2PFAAS_SCHEDULER", policy),
            (Part::Scheduler, "P2PFAAS_PARALLEL_RUNNING_FUNCTIONS_MAX", options.slots.to_string()),
        ],
        shielded: true,
    }
}

/// Says beforehand, and in one line, what a service would say in its log.
fn check_ports(options: &Options) -> anyhow::Result<()> {
    let count = options.nodes * PORTS_A_NODE;
    let Some(last) = options.port.checked_add(count - 1) else {
        bail!("{count} ports from {} on are more than there are: choose a lower --port", options.port);
    };
    for port in options.port..=last {
        if let Err(error) = TcpListener::bind((HOST, port)) {
            bail!("port {port} is not free ({error}): end what listens there, or choose others with --port");
        }
    }
    Ok(())
}

impl Folder {
    fn make(kept: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = kept else {
            let folder = tempfile::Builder::new().prefix("p2pfaas-demo-").tempdir();
            return Ok(Self::Temporary(folder.context("cannot make a folder for data and logs")?));
        };
        fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
        let path = path.canonicalize().with_context(|| format!("cannot find {}", path.display()))?;
        Ok(Self::Kept(path))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

impl Example {
    /// Its port on a node whose ports begin at `first`.
    fn port(&self, first: u16) -> u16 {
        let index = EXAMPLES.iter().position(|example| example.name == self.name).unwrap_or_default();
        first + Ports::COUNT + index as u16
    }
}
