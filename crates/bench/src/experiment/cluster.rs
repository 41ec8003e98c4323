//! The cluster under experiment: brought up, told its policy, watched until it is idle, and cleared away.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use protocol::Load;
use protocol::nodes::{NodeList, NodeState};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::containers;
use super::docker::Fleet;
use super::file::{Contestant, Experiment, Site, Urls};

/// Containers on a machine that is busy take their time; a cluster that does not stand by then never will.
const STANDS_MAX: Duration = Duration::from_secs(120);
/// A queue that was filled by then has been worked off, or its jobs were given up.
const IDLE_MAX: Duration = Duration::from_secs(120);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// Every service answers these questions at once.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Frames that a node has sent to others, by the name of the metric.
const FRAMES: &str = "p2pfaas_link_frames_sent_total";

/// Its nodes, and what was started for them.
#[derive(Debug)]
pub(super) struct Cluster {
    client: Client,
    nodes: Vec<Urls>,
    /// The id of each node; none for one that has no discovery.
    ids: Vec<Option<String>>,
    fleet: Option<Fleet>,
}

impl Cluster {
    /// Starts it, or finds it, and waits until it stands.
    ///
    /// # Errors
    /// When it does not come to stand, or `stop` is cancelled; nothing is left then.
    pub(super) async fn open(
        experiment: &Experiment,
        client: Client,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let (fleet, nodes) = match &experiment.site {
            Site::Nodes(urls) => (None, urls.clone()),
            Site::Containers(built) => {
                let started = containers::start(built, &experiment.function, &experiment.names, stop).await;
                let (fleet, urls) = started?;
                (Some(fleet), urls)
            }
        };
        let mut cluster = Self { client, nodes, ids: Vec::new(), fleet };
        match cluster.stand(experiment, stop).await {
            Ok(ids) => {
                cluster.ids = ids;
                Ok(cluster)
            }
            Err(error) => {
                cluster.close().await?;
                Err(error)
            }
        }
    }

    /// The client that it is asked with.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The URL of a function on each node.
    pub(super) fn functions(&self, name: &str) -> Vec<String> {
        self.nodes.iter().map(|node| format!("{}/function/{name}", node.scheduler)).collect()
    }

    /// The id of each node; none for one that does not tell.
    pub(super) fn ids(&self) -> &[Option<String>] {
        &self.ids
    }

    /// Puts a policy in force on all nodes. What learns begins anew.
    ///
    /// # Errors
    /// When a node refuses it.
    pub(super) async fn install(&self, contestant: &Contestant) -> anyhow::Result<()> {
        for node in &self.nodes {
            if let (Some(agent), Some(learner)) = (&contestant.agent, &node.learner) {
                let body = json!({ "name": agent.name, "parameters": agent.parameters });
                self.post(&format!("{learner}/learner/parameters"), &body).await?;
                self.post(&format!("{learner}/learner/reset"), &json!({})).await?;
            }
            self.post(&format!("{}/configuration/scheduler", node.scheduler), &json!(contestant.policy))
                .await?;
        }
        Ok(())
    }

    /// Waits until no node has a job.
    ///
    /// # Errors
    /// When one has still some after two minutes, or does not answer.
    pub(super) async fn until_idle(&self) -> anyhow::Result<()> {
        let since = Instant::now();
        for node in &self.nodes {
            let url = format!("{}/monitoring/load", node.scheduler);
            loop {
                let load: Load = serde_json::from_value(self.get(&url).await?).context("not a load")?;
                if load.jobs() == 0 {
                    break;
                }
                ensure!(since.elapsed() < IDLE_MAX, "{url} has still {} jobs", load.jobs());
                sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// Frames that all nodes have sent to each other; none where one does not tell.
    pub(super) async fn frames(&self) -> Option<u64> {
        let mut frames = 0;
        for node in &self.nodes {
            let request = self.client.get(format!("{}/metrics", node.scheduler)).timeout(ANSWER_MAX);
            frames += sum_of(FRAMES, &request.send().await.ok()?.text().await.ok()?)?;
        }
        Some(frames)
    }

    /// Removes what was started.
    ///
    /// # Errors
    /// When something could not be removed.
    pub(super) async fn close(&self) -> anyhow::Result<()> {
        match &self.fleet {
            Some(fleet) => fleet.remove().await,
            None => Ok(()),
        }
    }

    /// Waits until it stands, and gives the ids of the nodes.
    async fn stand(
        &self,
        experiment: &Experiment,
        stop: &CancellationToken,
    ) -> anyhow::Result<Vec<Option<String>>> {
        let since = Instant::now();
        loop {
            ensure!(!stop.is_cancelled(), "stopped");
            let missing = match self.look(experiment).await {
                Ok(ids) => return Ok(ids),
                Err(missing) => missing,
            };
            if since.elapsed() >= STANDS_MAX {
                let words = self.last_words(experiment).await;
                return Err(missing.context(format!("the cluster does not stand{words}")));
            }
            sleep(PAUSE).await;
        }
    }

    async fn look(&self, experiment: &Experiment) -> anyhow::Result<Vec<Option<String>>> {
        let mut ids = Vec::new();
        for (node, name) in self.nodes.iter().zip(&experiment.names) {
            for url in std::iter::once(&node.scheduler).chain(&node.learner) {
                self.get(&format!("{url}/health")).await?;
            }
            let seen = self.get(&format!("{}/nodes", node.scheduler)).await;
            if self.fleet.is_none() {
                ids.push(seen.ok().and_then(|seen| Some(seen["self"]["id"].as_str()?.to_owned())));
                continue;
            }
            let seen: NodeList = serde_json::from_value(seen?).context("not a list of nodes")?;
            let is_ready = |node: &&protocol::nodes::Node| {
                node.state == NodeState::Alive && node.functions.contains(&experiment.function)
            };
            let ready = seen.nodes.iter().filter(|node| node.id != seen.own.id).filter(is_ready).count();
            ensure!(ready + 1 == self.nodes.len(), "{name} sees {ready} other nodes that have the function");
            ids.push(Some(seen.own.id.to_string()));
        }
        Ok(ids)
    }

    async fn last_words(&self, experiment: &Experiment) -> String {
        let (Some(fleet), Some(name)) = (&self.fleet, experiment.names.first()) else {
            return String::new();
        };
        let words = fleet.last_words(&containers::host("scheduler", name)).await;
        format!("; last words of the scheduler of {name}:\n{words}\n")
    }

    async fn get(&self, url: &str) -> anyhow::Result<Value> {
        let answer = self.client.get(url).timeout(ANSWER_MAX).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        let json = answer.with_context(|| format!("no answer from {url}"))?.json().await;
        json.with_context(|| format!("{url} answers no JSON"))
    }

    async fn post(&self, url: &str, body: &Value) -> anyhow::Result<()> {
        let answer = self.client.post(url).json(body).timeout(ANSWER_MAX).send().await;
        let answer = answer.with_context(|| format!("no answer from {url}"))?;
        let status = answer.status();
        if !status.is_success() {
            bail!("{url} answers {status} to {body}: {}", answer.text().await.unwrap_or_default());
        }
        Ok(())
    }
}

/// The sum over all labels of a metric in Prometheus's text format; none where it is not there.
fn sum_of(metric: &str, text: &str) -> Option<u64> {
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(metric)?;
        let is_this = rest.starts_with('{') || rest.starts_with(' ');
        is_this.then(|| rest.rsplit_once(' ')?.1.parse::<u64>().ok())?
    });
    values.fold(None, |sum, value| Some(sum.unwrap_or_default() + value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_summed_over_its_labels() {
        let text = "# HELP a_total x\na_total{way=\"in\"} 3\na_total{way=\"out\"} 4\na_total_more 9\nb 2\n";
        assert_eq!(sum_of("a_total", text), Some(7));
        assert_eq!(sum_of("b", text), Some(2));
        assert_eq!(sum_of("c", text), None);
    }
}
