//! The experiment file as it is written.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{anyhow, bail, ensure};
use protocol::{FunctionName, PolicySpec};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Agent, Built, Containers, Contestant, Site, Task, Urls};
use crate::simulate::numbers::{NotNegative, Positive, Whole};

/// More containers than one machine serves well: each node takes four or more.
const NODES_MAX: usize = 64;

/// The kernel deals out no shorter time of the processor in a period.
const QUOTA_MIN: Duration = Duration::from_millis(1);

/// The policy that asks a learner.
const LEARNING: &str = "LearningScheduler";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) title: String,
    cluster: Option<Cluster>,
    nodes: Option<Vec<Node>>,
    pub(super) function: FunctionName,
    pub(super) trace: Option<Trace>,
    pub(super) tasks: Vec<RawTask>,
    #[serde(default)]
    deadlines: Deadlines,
    policies: Vec<Policy>,
    pub(super) baseline: Option<String>,
    pub(super) seeds: Vec<u64>,
    pub(super) duration_s: Positive,
    pub(super) warm_up_s: Option<NotNegative>,
    pub(super) window_s: Option<Positive>,
    #[serde(default = "outstanding_default")]
    pub(super) outstanding_max: Whole<1, 100_000>,
    #[serde(default = "timeout_default")]
    pub(super) timeout_s: Positive,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cluster {
    #[serde(default = "images_default")]
    images: String,
    #[serde(default = "cpu_period_default")]
    cpu_period_ms: Whole<1, 1000>,
    #[serde(default)]
    settings: BTreeMap<String, Value>,
    nodes: Vec<Container>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Container {
    name: String,
    #[serde(default = "one_replica")]
    replicas: Whole<1, 64>,
    cpus: Positive,
    slots: Option<Whole<1, 4096>>,
    queue: Whole<0, 1_000_000>,
    rate: NotNegative,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Node {
    name: Option<String>,
    scheduler: Url,
    learner: Option<Url>,
    rate: NotNegative,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
struct Url(String);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trace {
    pub(super) folder: PathBuf,
    pub(super) step_s: Positive,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTask {
    #[serde(default = "one_share")]
    share: Positive,
    deadline_ms: Option<Positive>,
    #[serde(default)]
    query: String,
    #[serde(default)]
    body: String,
    cpu_ms: Option<Positive>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Deadlines {
    /// The nodes are not told, and give no call up.
    #[default]
    Measured,
    /// The nodes are told.
    Sent,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Policy {
    name: Option<String>,
    policy: PolicySpec,
    agent: Option<RawAgent>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAgent {
    name: String,
    #[serde(default)]
    parameters: Map<String, Value>,
}

fn outstanding_default() -> Whole<1, 100_000> {
    Whole(2_000)
}

fn timeout_default() -> Positive {
    Positive(30.0)
}

fn images_default() -> String {
    "p2pfaas/".to_owned()
}

fn cpu_period_default() -> Whole<1, 1000> {
    Whole(20)
}

fn one_replica() -> Whole<1, 64> {
    Whole(1)
}

fn one_share() -> Positive {
    Positive(1.0)
}

impl TryFrom<String> for Url {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let url = reqwest::Url::parse(&text).ok().filter(|url| url.scheme() == "http" && url.has_host());
        match url {
            Some(_) => Ok(Self(text.trim_end_matches('/').to_owned())),
            None => Err(format!("{text:?} where http://host:port is allowed")),
        }
    }
}

impl File {
    /// Where it takes place, with the names and rates of the nodes.
    pub(super) fn place(&self) -> anyhow::Result<(Site, Vec<String>, Vec<f64>)> {
        let (key, count) = match (&self.cluster, &self.nodes) {
            (Some(cluster), None) => ("cluster.nodes", cluster.nodes.len()),
            (None, Some(nodes)) => ("nodes", nodes.len()),
            _ => bail!("one of the keys cluster and nodes is needed, and not both"),
        };
        ensure!((1..=NODES_MAX).contains(&count), "{key}: {count} nodes where 1 to {NODES_MAX} are allowed");
        if let Some(cluster) = &self.cluster {
            let names = cluster.nodes.iter().map(|node| node.name.clone()).collect();
            let rates = cluster.nodes.iter().map(|node| node.rate.0).collect();
            return Ok((Site::Containers(cluster.containers()?), names, rates));
        }
        let nodes = self.nodes.as_deref().unwrap_or_default();
        let name = |(place, node): (usize, &Node)| {
            node.name.clone().unwrap_or_else(|| format!("node {}", place + 1))
        };
        let urls = |node: &Node| Urls {
            scheduler: node.scheduler.0.clone(),
            learner: node.learner.as_ref().map(|url| url.0.clone()),
        };
        let names = nodes.iter().enumerate().map(name).collect();
        let rates = nodes.iter().map(|node| node.rate.0).collect();
        Ok((Site::Nodes(nodes.iter().map(urls).collect()), names, rates))
    }

    pub(super) fn tasks(&self) -> Vec<Task> {
        let task = |task: &RawTask| Task {
            share: task.share.0,
            deadline: task.deadline_ms.map(Positive::milliseconds),
            tells_deadline: self.deadlines == Deadlines::Sent,
            query: task.query.clone(),
            body: task.body.clone(),
            cpu: task.cpu_ms.map(Positive::milliseconds),
        };
        self.tasks.iter().map(task).collect()
    }

    pub(super) fn contestants(&self) -> anyhow::Result<Vec<Contestant>> {
        ensure!(!self.policies.is_empty(), "policies: [] where at least one is needed");
        let mut contestants: Vec<Contestant> = Vec::new();
        for (place, policy) in self.policies.iter().enumerate() {
            let contestant = policy.contestant().map_err(|why| anyhow!("policies[{place}]{why}"))?;
            let twice = contestants.iter().any(|other| other.name == contestant.name);
            ensure!(!twice, "policies[{place}].name: {:?} stands there twice", contestant.name);
            contestants.push(contestant);
        }
        Ok(contestants)
    }
}

impl Cluster {
    fn containers(&self) -> anyhow::Result<Containers> {
        let cpu_period = Duration::from_millis(self.cpu_period_ms.0 as u64);
        let mut nodes = Vec::new();
        for (place, node) in self.nodes.iter().enumerate() {
            let quota = cpu_period.mul_f64(node.cpus.0);
            ensure!(
                quota >= QUOTA_MIN,
                "cluster.nodes[{place}].cpus: {} where at least {} is allowed, a quota of 1 ms in each period of {} ms",
                node.cpus.0,
                QUOTA_MIN.div_duration_f64(cpu_period),
                self.cpu_period_ms.0,
            );
            ensure!(
                is_host_name(&node.name),
                "cluster.nodes[{place}].name: {:?} where up to 32 small letters, digits and '-' are allowed",
                node.name
            );
            nodes.push(Built {
                replicas: node.replicas.0,
                cpus: node.cpus.0,
                slots: node.slots.map_or(node.replicas.0, |slots| slots.0),
                queue: node.queue.0,
            });
        }
        let setting = |(key, value): (&String, &Value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (key.to_uppercase(), text)
        };
        Ok(Containers {
            images: self.images.clone(),
            cpu_period,
            nodes,
            settings: self.settings.iter().map(setting).collect(),
        })
    }
}

impl Policy {
    fn contestant(&self) -> Result<Contestant, String> {
        let learns = self.policy.name == LEARNING;
        if learns != self.agent.is_some() {
            let why = if learns { "is missing" } else { "is there" };
            return Err(format!(".agent: it {why} where the policy is {}", self.policy.name));
        }
        let agent = self
            .agent
            .as_ref()
            .map(|agent| Agent { name: agent.name.clone(), parameters: agent.parameters.clone() });
        let name = self.name.clone().unwrap_or_else(|| match &agent {
            Some(agent) => agent.name.clone(),
            None => self.policy.to_string(),
        });
        Ok(Contestant { name, policy: self.policy.clone(), agent })
    }
}

fn is_host_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(allowed) && !name.starts_with('-')
}
