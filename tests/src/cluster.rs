//! Clusters of whole nodes, each on a loopback address of its own, as processes that end with the test.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU8, Ordering};

pub use bench::cluster::Part;
use bench::cluster::{Binaries, Node, Plan, Ports, meet};
use protocol::nodes::NodeList;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::binary;
use crate::wait;

/// Below the ports that the system gives to connections, so that none of these takes one.
const FIRST_PORT: u16 = 18_080;

/// What a cluster is to be.
pub struct Setup {
    plans: Vec<Plan>,
    folder: TempDir,
}

/// A cluster whose nodes have met.
pub struct Cluster {
    nodes: Vec<Member>,
    _folder: TempDir,
}

/// A node of it.
pub struct Member {
    node: Node,
    client: Client,
}

impl Setup {
    /// So many nodes, called `1`, `2` and so on.
    pub fn of(nodes: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let network = network();
        let mut plans: Vec<Plan> = Vec::new();
        for number in 1..=nodes {
            let [a, b, c, first] = network.octets();
            plans.push(Plan {
                name: number.to_string(),
                host: IpAddr::V4(Ipv4Addr::new(a, b, c, first + number)),
                ports: Ports::from(FIRST_PORT),
                folder: folder.path().join(number.to_string()),
                functions: BTreeMap::new(),
                seeds: plans.first().map(Plan::gossip).into_iter().collect(),
                variables: Vec::new(),
                shielded: false,
            });
        }
        Self { plans, folder }
    }

    /// Node `number` has this function.
    pub fn function(&mut self, number: usize, name: &str, url: &str) {
        self.plans[number - 1].functions.insert(name.to_owned(), vec![url.to_owned()]);
    }

    /// A setting of a service of all nodes, as the environment has it.
    pub fn set(&mut self, part: Part, variable: &'static str, value: impl ToString) {
        for number in 1..=self.plans.len() {
            self.set_on(number, part, variable, value.to_string());
        }
    }

    /// A setting of a service of node `number`.
    pub fn set_on(&mut self, number: usize, part: Part, variable: &'static str, value: impl ToString) {
        self.plans[number - 1].variables.push((part, variable, value.to_string()));
    }

    /// The policy of all nodes.
    pub fn policy(&mut self, name: &str, parameters: &[&str]) {
        let policy = json!({"name": name, "parameters": parameters});
        self.set(Part::Scheduler, "P2PFAAS_SCHEDULER", policy);
    }

    /// How many jobs each node runs, and how many may wait.
    pub fn places(&mut self, slots: usize, queue: usize) {
        self.set(Part::Scheduler, "P2PFAAS_PARALLEL_RUNNING_FUNCTIONS_MAX", slots);
        self.set(Part::Scheduler, "P2PFAAS_QUEUE_LENGTH_MAX", queue);
    }

    /// Where the scheduler of node `number` will listen.
    pub fn scheduler(&self, number: usize) -> SocketAddr {
        self.plans[number - 1].address(Part::Scheduler)
    }

    /// Starts it, and waits until all nodes see all others with their functions.
    pub async fn start(self) -> Cluster {
        let mut cluster = self.start_apart().await;
        cluster.meet().await;
        cluster
    }

    /// Starts it, and returns before the nodes have met.
    pub async fn start_apart(self) -> Cluster {
        let folder = binary("p2pfaas-scheduler").parent().unwrap().to_owned();
        let binaries = Binaries::find(Some(&folder)).unwrap();
        for plan in &self.plans {
            std::fs::create_dir_all(&plan.folder).unwrap();
        }
        let starting = self.plans.into_iter().map(|plan| Node::start(plan, &binaries));
        let nodes = futures_util::future::try_join_all(starting).await.unwrap();
        let nodes = nodes.into_iter().map(|node| Member { node, client: Client::new() }).collect();
        Cluster { nodes, _folder: self.folder }
    }
}

/// Nodes of one cluster; more tests of one process than fit would meet in the addresses of others.
const NODES_MAX: u8 = 16;

/// A loopback address that no other test uses, and that the nodes are counted from: it is made of the number
/// of this process and of the clusters that it has started.
fn network() -> Ipv4Addr {
    static COUNT: AtomicU8 = AtomicU8::new(0);
    let [high, low] = (std::process::id() as u16).to_be_bytes();
    let first = COUNT.fetch_add(NODES_MAX, Ordering::Relaxed);
    Ipv4Addr::new(127, 64 | (high & 63), low, first)
}

impl Cluster {
    /// The node `number`, from 1 on.
    pub fn node(&self, number: usize) -> &Member {
        &self.nodes[number - 1]
    }

    /// The same, to do something to it.
    pub fn node_mut(&mut self, number: usize) -> &mut Member {
        &mut self.nodes[number - 1]
    }

    /// All nodes.
    pub fn nodes(&self) -> &[Member] {
        &self.nodes
    }

    /// All nodes, to do something to them.
    pub fn nodes_mut(&mut self) -> &mut [Member] {
        &mut self.nodes
    }

    /// Waits until all nodes see all others alive.
    pub async fn meet(&mut self) {
        let mut nodes: Vec<&mut Node> = self.nodes.iter_mut().map(|member| &mut member.node).collect();
        meet(&mut nodes).await.unwrap();
    }

    /// Waits until no scheduler that runs has a job or a stream left: what ended has freed all that it held.
    pub async fn until_idle(&self) {
        for node in self.nodes.iter().filter(|node| node.runs(Part::Scheduler)) {
            node.until_idle().await;
        }
    }
}

impl Member {
    /// A request to its scheduler.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.node.url(Part::Scheduler, path))
    }

    /// A call of the function `f`, POST with a small body.
    pub fn call(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, &format!("/function/f{path}")).body("hello")
    }

    /// The same, to be handed to a peer whatever the policy says.
    pub fn forward(&self, path: &str) -> RequestBuilder {
        self.call(path).header("x-p2pfaas-scheduler-forward", "1")
    }

    /// Changes settings of its scheduler or another service, which must succeed.
    pub async fn patch(&self, part: Part, settings: Value) {
        let url = self.node.url(part, "/configuration");
        let answer = self.client.patch(url).body(settings.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    /// The nodes as its scheduler sees them.
    pub async fn list(&self) -> NodeList {
        self.request(Method::GET, "/nodes").send().await.unwrap().json().await.unwrap()
    }

    /// Its id.
    pub async fn id(&self) -> String {
        self.list().await.own.id.to_string()
    }

    /// The metrics of its scheduler whose name and labels begin so, summed.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Waits until its scheduler has no job and no stream left.
    pub async fn until_idle(&self) {
        let what = format!("nothing is left on node {}", self.node.plan().name);
        wait::until(&what, async || {
            let mut left = 0.0;
            for name in ["p2pfaas_jobs_running", "p2pfaas_jobs_waiting", "p2pfaas_link_streams_open"] {
                left += self.metric(name).await;
            }
            left == 0.0
        })
        .await;
    }
}

impl Deref for Member {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.node
    }
}

impl DerefMut for Member {
    fn deref_mut(&mut self) -> &mut Node {
        &mut self.node
    }
}
