//! What the containers of an experiment are started with.

use std::fmt::Display;

use anyhow::Context;
use futures_util::{StreamExt, stream};
use protocol::FunctionName;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::docker::Fleet;
use super::file::{Built, Containers, Urls};

/// Nodes that are started at once; Docker itself is what takes the time.
const STARTS_AT_ONCE: usize = 4;

const FUNCTION_PORT: u16 = 8080;
const SCHEDULER_PORT: u16 = 18080;
const LEARNER_PORT: u16 = 19020;

/// What belongs to all nodes.
struct Common<'a> {
    fleet: &'a Fleet,
    containers: &'a Containers,
    function: &'a FunctionName,
    /// The node through which the others find each other.
    first: &'a str,
}

/// Starts all nodes, named so, and tells where their services are. They need some time to stand.
///
/// # Errors
/// When an image is missing or a container cannot be started; nothing is left then.
pub(super) async fn start(
    containers: &Containers,
    function: &FunctionName,
    names: &[String],
    stop: &CancellationToken,
) -> anyhow::Result<(Fleet, Vec<Urls>)> {
    let images = ["scheduler", "learner", "discovery", function.as_str()];
    let images = images.map(|name| format!("{}{name}", containers.images));
    let fleet = Fleet::create(&images, stop).await?;
    let first = names.first().map_or("", String::as_str);
    let common = &Common { fleet: &fleet, containers, function, first };
    let nodes = names.iter().zip(&containers.nodes);
    // All that were begun are awaited, also after one has failed, so that they are there to be removed.
    let started: Vec<anyhow::Result<Urls>> = stream::iter(nodes)
        .map(async |(name, built)| common.start(name, built).await.with_context(|| format!("node {name}")))
        .buffered(STARTS_AT_ONCE)
        .collect()
        .await;
    match started.into_iter().collect() {
        Ok(urls) => Ok((fleet, urls)),
        Err(error) => {
            fleet.remove().await?;
            Err(error)
        }
    }
}

impl Common<'_> {
    async fn start(&self, name: &str, node: &Built) -> anyhow::Result<Urls> {
        for replica in 1..=node.replicas {
            self.fleet.run(&replica_host(name, replica), &self.function_words(node)).await?;
        }
        // A node has one address: its services share that of its discovery.
        let discovery = host("discovery", name);
        let seeds = if name == self.first { String::new() } else { host("discovery", self.first) };
        let variables = [("MACHINE_ID", name.to_owned()), ("SEEDS", seeds), quiet()];
        self.fleet.run(&discovery, &self.service_words("discovery", variables)).await?;
        let learner = self.service_words("learner", [quiet()]);
        self.fleet.run_beside(&host("learner", name), &discovery, &learner).await?;
        let scheduler = self.service_words("scheduler", self.scheduler_variables(name, node));
        self.fleet.run_beside(&host("scheduler", name), &discovery, &scheduler).await?;
        let address = self.fleet.address(&discovery).await?;
        Ok(Urls {
            scheduler: format!("http://{address}:{SCHEDULER_PORT}"),
            learner: Some(format!("http://{address}:{LEARNER_PORT}")),
        })
    }

    fn function_words(&self, node: &Built) -> Vec<String> {
        let period = self.containers.cpu_period;
        let quota = period.mul_f64(node.cpus);
        vec![
            format!("--cpu-period={}", period.as_micros()),
            format!("--cpu-quota={}", quota.as_micros()),
            format!("{}{}", self.containers.images, self.function),
        ]
    }

    /// A service with a volume that goes with it.
    fn service_words<'a>(
        &self,
        service: &str,
        variables: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Vec<String> {
        let volume = ["--volume".to_owned(), "/data".to_owned()];
        let image = format!("{}{service}", self.containers.images);
        volume.into_iter().chain(environment(variables)).chain([image]).collect()
    }

    fn scheduler_variables(&self, name: &str, node: &Built) -> Vec<(&str, String)> {
        let replica = |number| format!("http://{}:{FUNCTION_PORT}", replica_host(name, number));
        let replicas: Vec<String> = (1..=node.replicas).map(replica).collect();
        let mut variables = vec![
            ("DOCKER_ENABLED", "false".to_owned()),
            ("ENDPOINTS", json!({ self.function.as_str(): replicas }).to_string()),
            ("PARALLEL_RUNNING_FUNCTIONS_MAX", node.slots.to_string()),
            ("QUEUE_LENGTH_MAX", node.queue.to_string()),
            quiet(),
        ];
        let settings = self.containers.settings.iter();
        variables.extend(settings.map(|(key, value)| (key.as_str(), value.clone())));
        variables
    }
}

/// A setting for services whose logs nobody reads unless they fail.
fn quiet() -> (&'static str, String) {
    ("LOG_LEVEL", "warn".to_owned())
}

/// What the other containers call it.
pub(super) fn host(part: &str, name: impl Display) -> String {
    format!("{part}-{name}")
}

fn replica_host(name: &str, number: usize) -> String {
    host("function", format!("{name}-{number}"))
}

/// Settings as `docker run` takes them; a later one wins.
fn environment<'a>(settings: impl IntoIterator<Item = (&'a str, String)>) -> Vec<String> {
    let words = |(key, value): (&str, String)| ["--env".to_owned(), format!("P2PFAAS_{key}={value}")];
    settings.into_iter().flat_map(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_become_variables_of_the_environment() {
        let words = environment([("SEEDS", "discovery-a".to_owned()), quiet()]);
        assert_eq!(words, ["--env", "P2PFAAS_SEEDS=discovery-a", "--env", "P2PFAAS_LOG_LEVEL=warn"]);
        assert_eq!(replica_host("a", 2), "function-a-2");
    }
}
