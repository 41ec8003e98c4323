//! The experiment file: what it says, checked once, into what is measured.

mod raw;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use protocol::{FunctionName, PolicySpec};
use serde_json::{Map, Value};
use simulator::scheduling::{Arrivals, Profile};

use self::raw::File;
use crate::json;
use crate::simulate::trace;

/// Policies that are to be compared, and on what.
#[derive(Debug)]
pub(super) struct Experiment {
    pub(super) title: String,
    pub(super) site: Site,
    pub(super) function: FunctionName,
    /// What the nodes are called; as many as there are arrivals.
    pub(super) names: Vec<String>,
    /// What the clients of each node send it.
    pub(super) arrivals: Vec<Arrivals>,
    pub(super) tasks: Arc<[Task]>,
    pub(super) contestants: Vec<Contestant>,
    /// The contestant that the others are held against.
    pub(super) baseline: usize,
    pub(super) seeds: Vec<u64>,
    /// Time in which calls are sent, in each run.
    pub(super) duration: Duration,
    /// Time at the start of each run whose calls do not count.
    pub(super) warm_up: Duration,
    /// Width of the moving window of the learning curve.
    pub(super) window: Duration,
    /// Calls in flight at once; those beyond are counted as not sent.
    pub(super) outstanding_max: usize,
    /// After which a call counts as lost.
    pub(super) timeout: Duration,
}

/// Where it takes place.
#[derive(Debug)]
pub(super) enum Site {
    /// Containers that are started for it.
    Containers(Containers),
    /// A cluster that is there already.
    Nodes(Vec<Urls>),
}

/// Containers on this machine.
#[derive(Debug)]
pub(super) struct Containers {
    /// The prefix of all images, `p2pfaas/` by default.
    pub(super) images: String,
    /// The period in which a container's share of the processor is dealt out: a short one makes it smooth.
    pub(super) cpu_period: Duration,
    pub(super) nodes: Vec<Built>,
    /// Settings of all schedulers beyond those that follow from this file: a key in capitals, and a value.
    pub(super) settings: Vec<(String, String)>,
}

/// A node of containers.
#[derive(Debug)]
pub(super) struct Built {
    /// Containers of the function.
    pub(super) replicas: usize,
    /// Cores that each of them may use.
    pub(super) cpus: f64,
    pub(super) slots: usize,
    pub(super) queue: usize,
}

/// The services of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Urls {
    pub(super) scheduler: String,
    /// None where nothing is learned.
    pub(super) learner: Option<String>,
}

/// A kind of calls, by its place the task type that the nodes are told.
#[derive(Debug)]
pub(super) struct Task {
    /// Its part of the calls, in relation to the others.
    pub(super) share: f64,
    /// Within which the answer is wanted.
    pub(super) deadline: Option<Duration>,
    /// Whether the nodes are told the deadline.
    pub(super) tells_deadline: bool,
    /// What stands after the `?`; `{seed}` becomes a number that is the call's own under every policy.
    pub(super) query: String,
    pub(super) body: String,
    /// Time of the processor that a call takes in the mean, if it is known.
    pub(super) cpu: Option<Duration>,
}

/// A policy under comparison.
#[derive(Debug)]
pub(super) struct Contestant {
    pub(super) name: String,
    pub(super) policy: PolicySpec,
    /// What learns; none where the policy asks no learner.
    pub(super) agent: Option<Agent>,
}

/// An agent as `/learner/parameters` takes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Agent {
    pub(super) name: String,
    pub(super) parameters: Map<String, Value>,
}

/// All calls are held in memory for the plots, at some hundred bytes each.
const CALLS_MAX: f64 = 5e6;

impl Experiment {
    /// Reads an experiment, and the traces that it names.
    ///
    /// # Errors
    /// Names the file, the key, and the value that is wrong.
    pub(super) fn read(path: &Path) -> anyhow::Result<(Self, String)> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let parsed = Self::parse(&text, folder).with_context(|| path.display().to_string())?;
        Ok((parsed, text))
    }

    fn parse(text: &str, folder: &Path) -> anyhow::Result<Self> {
        let file: File = json::parse(text)?;
        let (site, names, rates) = file.place()?;
        for (place, name) in names.iter().enumerate() {
            ensure!(!names[..place].contains(name), "the name {name:?} of a node stands there twice");
        }
        let arrivals = arrivals(rates, file.trace.as_ref(), folder)?;
        let contestants = file.contestants()?;
        let baseline = match &file.baseline {
            None => 0,
            Some(name) => {
                contestants.iter().position(|contestant| contestant.name == *name).with_context(|| {
                    let names: Vec<_> =
                        contestants.iter().map(|contestant| contestant.name.as_str()).collect();
                    format!("baseline: {name:?} where the name of a policy is allowed, {}", names.join(", "))
                })?
            }
        };
        let duration = file.duration_s.seconds();
        let warm_up = file.warm_up_s.map_or(duration / 5, |seconds| seconds.seconds());
        ensure!(
            warm_up < duration,
            "warm_up_s: {} where less than duration_s is allowed",
            warm_up.as_secs_f64()
        );
        ensure!(!file.tasks.is_empty(), "tasks: [] where at least one is needed");
        ensure!(!file.seeds.is_empty(), "seeds: [] where at least one is needed");
        let experiment = Self {
            tasks: file.tasks().into(),
            outstanding_max: file.outstanding_max.0,
            timeout: file.timeout_s.seconds(),
            window: file.window_s.map_or(duration / 8, |seconds| seconds.seconds()),
            title: file.title,
            function: file.function,
            seeds: file.seeds,
            site,
            names,
            arrivals,
            contestants,
            baseline,
            duration,
            warm_up,
        };
        let runs = experiment.contestants.len() * experiment.seeds.len();
        let calls = runs as f64 * experiment.rate() * duration.as_secs_f64();
        ensure!(calls > 0.0, "no node has a rate, so that nothing would be sent");
        ensure!(calls <= CALLS_MAX, "{calls:.0} calls in all runs where up to {CALLS_MAX} are allowed");
        experiment.check_learners()?;
        Ok(experiment)
    }

    /// Calls a second that all clients send together, in the mean.
    pub(super) fn rate(&self) -> f64 {
        self.arrivals.iter().map(Arrivals::rate_mean).sum()
    }

    /// What the clients want of the processor over what the functions may have of it; none where it is not
    /// known.
    pub(super) fn load(&self) -> Option<f64> {
        let Site::Containers(containers) = &self.site else {
            return None;
        };
        let shares: f64 = self.tasks.iter().map(|task| task.share).sum();
        let cost = |task: &Task| Some(task.share / shares * task.cpu?.as_secs_f64());
        let work: f64 = self.tasks.iter().map(cost).sum::<Option<_>>()?;
        Some(self.rate() * work / containers.cpus())
    }

    fn check_learners(&self) -> anyhow::Result<()> {
        let Site::Nodes(nodes) = &self.site else {
            return Ok(());
        };
        let learning = self.contestants.iter().find(|contestant| contestant.agent.is_some());
        let without = nodes.iter().position(|node| node.learner.is_none());
        match (learning, without) {
            (Some(contestant), Some(place)) => Err(anyhow!(
                "nodes[{place}].learner: it is missing where the policy {:?} has an agent",
                contestant.name
            )),
            _ => Ok(()),
        }
    }
}

impl Containers {
    /// Cores that all functions together may use.
    pub(super) fn cpus(&self) -> f64 {
        self.nodes.iter().map(|node| node.replicas as f64 * node.cpus).sum()
    }
}

fn arrivals(rates: Vec<f64>, trace: Option<&raw::Trace>, folder: &Path) -> anyhow::Result<Vec<Arrivals>> {
    let Some(trace) = trace else {
        return Ok(rates.into_iter().map(Arrivals::poisson).collect());
    };
    let files = csv_files(&folder.join(&trace.folder)).context("trace.folder")?;
    let step = trace.step_s.seconds();
    let of_node = |(place, rate): (usize, f64)| {
        let factors = trace::read(&files[place % files.len()]).context("trace.folder")?;
        Ok(Arrivals { rate, profile: Some(Profile { step, factors }), burst: None })
    };
    rates.into_iter().enumerate().map(of_node).collect()
}

/// In the order of their names, which is that of the nodes.
fn csv_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut files = paths.with_context(|| format!("cannot read {}", folder.display()))?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
    files.sort();
    ensure!(!files.is_empty(), "{} has no file that ends with .csv", folder.display());
    Ok(files)
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
