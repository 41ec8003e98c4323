//! The scenario file: what it says, checked once, into what is simulated.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use protocol::PolicySpec;
use serde::Deserialize;
use simulator::network::Conditions;
use simulator::scheduling::{
    Arrivals, Burst, Deadlines, Gossip, HostSpec, LearnerSpec, NEIGHBOURS_MAX, Profile, Scenario, Service,
    TaskSpec, Wire, complete_policy, neighbours_default,
};

use super::numbers::{NotNegative, Part, Positive, Whole};
use super::trace;
use crate::json;

/// A scenario with the policies and seeds under which it is to be simulated.
#[derive(Debug)]
pub(super) struct Study {
    pub(super) title: String,
    pub(super) scenario: Scenario,
    pub(super) policies: Vec<PolicySpec>,
    pub(super) learner: Option<LearnerSpec>,
    pub(super) seeds: Vec<u64>,
}

/// Nodes of one scenario: each takes some kilobytes, and its neighbours more.
const NODES_MAX: usize = 100_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    nodes: Vec<Nodes>,
    tasks: Vec<Task>,
    #[serde(default)]
    network: Network,
    gossip: Option<GossipTimes>,
    neighbours: Option<Whole<1, { NEIGHBOURS_MAX as u64 }>>,
    #[serde(default)]
    deadlines: Enforcement,
    #[serde(default = "yes")]
    shed_late: bool,
    #[serde(default = "yes")]
    tries_elsewhere: bool,
    duration_s: Positive,
    #[serde(default)]
    warm_up_s: Option<NotNegative>,
    policies: Vec<serde_json::Value>,
    learner: Option<Learner>,
    seeds: Vec<u64>,
}

/// Nodes that are alike.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nodes {
    #[serde(default = "one_node")]
    count: Whole<1, { NODES_MAX as u64 }>,
    slots: Whole<1, 4096>,
    #[serde(default)]
    queue: Option<Whole<0, 1_000_000>>,
    #[serde(default = "one")]
    speed: Positive,
    load: Option<NotNegative>,
    rate: Option<NotNegative>,
    trace: Option<Trace>,
    burst: Option<Bursts>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trace {
    file: PathBuf,
    step_s: Positive,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bursts {
    every_s: Positive,
    jobs: Whole<1, 1_000_000>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Task {
    #[serde(default = "one")]
    share: Positive,
    mean_ms: Positive,
    #[serde(default)]
    distribution: Distribution,
    deadline_ms: Option<Positive>,
    #[serde(default)]
    body_bytes: Option<Whole<0, 1_000_000_000>>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Distribution {
    #[default]
    Exponential,
    Deterministic,
    Uniform {
        spread: Part,
    },
    LogNormal {
        variation: Positive,
    },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Network {
    delay_ms: Option<(NotNegative, NotNegative)>,
    loss: Option<Part>,
    mbit_per_second: Option<Positive>,
    probe_timeout_ms: Option<Positive>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GossipTimes {
    period_ms: Positive,
    delay_ms: NotNegative,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Enforcement {
    #[default]
    Enforced,
    Measured,
}

/// The agent of every node's learner, as `/learner/parameters` has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Learner {
    name: String,
    #[serde(default)]
    parameters: serde_json::Map<String, serde_json::Value>,
}

fn yes() -> bool {
    true
}

fn one() -> Positive {
    Positive(1.0)
}

fn one_node<const MAX: u64>() -> Whole<1, MAX> {
    Whole(1)
}

/// Reads a scenario, and the trace files that it names.
///
/// # Errors
/// Names the file, the key, and the value that is wrong.
pub(super) fn read(path: &Path) -> anyhow::Result<Study> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    parse(&text, folder).with_context(|| path.display().to_string())
}

fn parse(text: &str, folder: &Path) -> anyhow::Result<Study> {
    let file: File = json::parse(text)?;
    ensure!(!file.tasks.is_empty(), "tasks: [] where at least one is needed");
    ensure!(!file.seeds.is_empty(), "seeds: [] where at least one is needed");
    ensure!(!file.policies.is_empty(), "policies: [] where at least one is needed");
    let policies = file.policies.into_iter().enumerate();
    let policies = policies
        .map(|(place, value)| policy_of(value).map_err(|why| anyhow!("policies[{place}]: {why}")))
        .collect::<anyhow::Result<_>>()?;
    let learner = file.learner.map(|learner| LearnerSpec::new(&learner.name, &learner.parameters));
    let learner = learner.transpose().map_err(|why| anyhow!("learner: {why}"))?;
    let tasks: Vec<TaskSpec> = file.tasks.iter().map(Task::spec).collect();
    let hosts = hosts(&file.nodes, &tasks, folder)?;
    let duration = file.duration_s.seconds();
    let warm_up = file.warm_up_s.map_or(duration / 10, NotNegative::seconds);
    ensure!(warm_up < duration, "warm_up_s: {} where less than duration_s is allowed", warm_up.as_secs_f64());
    let scenario = Scenario {
        neighbours_max: file.neighbours.map_or_else(|| neighbours_default(hosts.len()), |Whole(count)| count),
        hosts,
        tasks,
        wire: file.network.wire()?,
        gossip: file.gossip.map(|gossip| Gossip {
            period: gossip.period_ms.milliseconds(),
            delay: gossip.delay_ms.milliseconds(),
        }),
        deadlines: match file.deadlines {
            Enforcement::Measured => Deadlines::Measured,
            Enforcement::Enforced => Deadlines::Enforced { shed_late: file.shed_late },
        },
        tries_elsewhere: file.tries_elsewhere,
        duration,
        warm_up,
    };
    Ok(Study { title: file.title, scenario, policies, learner, seeds: file.seeds })
}

/// A policy as text, or as `/configuration/scheduler` has it.
fn policy_of(value: serde_json::Value) -> Result<PolicySpec, String> {
    match value {
        serde_json::Value::String(text) => policy(&text),
        value => {
            let spec = serde_json::from_value(value).map_err(|error| error.to_string())?;
            complete_policy(&spec).map_err(|error| error.to_string())
        }
    }
}

/// Reads a policy as `Name` or `Name(parameter, parameter)`.
pub(super) fn policy(text: &str) -> Result<PolicySpec, String> {
    let with_brackets = if text.contains('(') { text.to_owned() } else { format!("{text}()") };
    let spec = with_brackets.parse::<PolicySpec>().map_err(|error| format!("{text:?}: {error}"))?;
    complete_policy(&spec).map_err(|error| error.to_string())
}

fn hosts(nodes: &[Nodes], tasks: &[TaskSpec], folder: &Path) -> anyhow::Result<Vec<HostSpec>> {
    let shares: f64 = tasks.iter().map(|task| task.share).sum();
    let work: f64 = tasks.iter().map(|task| task.share / shares * task.mean.as_secs_f64()).sum();
    let mut hosts = Vec::new();
    for (place, group) in nodes.iter().enumerate() {
        let host = group.spec(work, folder).with_context(|| format!("nodes[{place}]"))?;
        hosts.extend(std::iter::repeat_n(host, group.count.0));
        ensure!(hosts.len() <= NODES_MAX, "nodes: more than {NODES_MAX} in all");
    }
    ensure!(!hosts.is_empty(), "nodes: [] where at least one is needed");
    let gets_jobs = |host: &HostSpec| host.arrivals.rate > 0.0 || host.arrivals.burst.is_some();
    ensure!(hosts.iter().any(gets_jobs), "nodes: no jobs are sent to any of them by load, rate or burst");
    Ok(hosts)
}

impl Nodes {
    /// `work` is the mean of a job in seconds.
    fn spec(&self, work: f64, folder: &Path) -> anyhow::Result<HostSpec> {
        let (slots, speed) = (self.slots.0, self.speed.0);
        let rate = match (self.load, self.rate) {
            (Some(load), None) => load.0 * slots as f64 * speed / work,
            (None, Some(rate)) => rate.0,
            (None, None) => 0.0,
            (Some(_), Some(_)) => bail!("load and rate say the same: one of them is allowed"),
        };
        let profile = self.trace.as_ref().map(|trace| {
            let factors = trace::read(&folder.join(&trace.file)).context("trace.file")?;
            anyhow::Ok(Profile { step: trace.step_s.seconds(), factors })
        });
        let burst = self.burst.as_ref();
        let burst = burst.map(|burst| Burst { every: burst.every_s.seconds(), jobs: burst.jobs.0 });
        Ok(HostSpec {
            slots,
            queue_length_max: self.queue.map_or(0, |Whole(length)| length),
            speed,
            arrivals: Arrivals { rate, profile: profile.transpose()?, burst },
        })
    }
}

impl Task {
    fn spec(&self) -> TaskSpec {
        TaskSpec {
            share: self.share.0,
            mean: self.mean_ms.milliseconds(),
            service: match self.distribution {
                Distribution::Exponential => Service::Exponential,
                Distribution::Deterministic => Service::Deterministic,
                Distribution::Uniform { spread } => Service::Uniform { spread: spread.0 },
                Distribution::LogNormal { variation } => Service::LogNormal { variation: variation.0 },
            },
            deadline: self.deadline_ms.map(Positive::milliseconds),
            body_bytes: self.body_bytes.map_or(0, |Whole(bytes)| bytes),
        }
    }
}

impl Network {
    fn wire(&self) -> anyhow::Result<Wire> {
        let default = Wire::default();
        let (delay_min, delay_max): (Duration, Duration) = match self.delay_ms {
            None => (default.conditions.delay_min, default.conditions.delay_max),
            Some((min, max)) => {
                ensure!(
                    min.0 <= max.0,
                    "network.delay_ms: [{}, {}] where the smaller goes first",
                    min.0,
                    max.0
                );
                (min.milliseconds(), max.milliseconds())
            }
        };
        let conditions = Conditions {
            delay_min,
            delay_max,
            loss: self.loss.map_or(0.0, |Part(part)| part),
            duplication: 0.0,
        };
        Ok(Wire {
            conditions,
            bytes_a_second: self.mbit_per_second.map_or(default.bytes_a_second, |mbit| mbit.0 * 1e6 / 8.0),
            probe_timeout: self.probe_timeout_ms.map_or(default.probe_timeout, Positive::milliseconds),
            ..default
        })
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
