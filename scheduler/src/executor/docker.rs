//! Functions in Docker containers. A running container is a function if its label `p2pfaas.function` says
//! so, or if its name or its compose service is the function's name.
//!
//! The list of containers is read when Docker's event stream tells of a change, never on a job's path.
//! While Docker is away the last list stays in force.

mod container;
mod vantage;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bollard::query_parameters::{EventsOptionsBuilder, ListContainersOptionsBuilder};
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::{Stream, StreamExt};

use self::container::Container;
use self::vantage::Vantage;
use super::{Functions, Offer};
use crate::Settings;

/// The name of this executor, and of the part in the health report.
pub(crate) const NAME: &str = "docker";

/// An answer of the Engine takes milliseconds; one that takes so long will not come.
const ANSWER_TIMEOUT_S: u64 = 10;

/// One container's start or stop comes as several events; the list is read once for those that come
/// within this time of the first.
const SETTLE: Duration = Duration::from_millis(20);

/// Between attempts to reach Docker: short at first, because it restarts in seconds, and never so long
/// that a container is missed for more than a second after it came back.
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_millis(800);

/// The events after which the list may be another.
const EVENTS: [&str; 9] =
    ["start", "die", "kill", "stop", "pause", "unpause", "rename", "connect", "disconnect"];

/// Keeps [`Functions`] in step with Docker.
pub(crate) struct Follower {
    host: String,
    labelled_only: bool,
    functions: Arc<Functions>,
    health: Arc<service::Health>,
}

impl Follower {
    pub(crate) fn new(settings: &Settings, functions: Arc<Functions>, health: Arc<service::Health>) -> Self {
        let host = settings.docker_host.as_str().to_owned();
        health.degrade(NAME, "not reached yet");
        Self { host, labelled_only: settings.docker_labelled_only.0, functions, health }
    }

    /// Follows Docker until it is dropped, through any number of losses.
    pub(crate) async fn run(self) {
        let mut pause = RETRY_MIN;
        loop {
            let before = tokio::time::Instant::now();
            let lost = match self.follow().await {
                Ok(()) => format!("{} closed the stream of events", self.host),
                Err(error) => format!("{}: {}", self.host, with_causes(&error)),
            };
            if self.health.why_degraded(NAME).as_deref() != Some(&lost) {
                tracing::warn!(reason = lost, "Docker is away; known functions stay in use");
            }
            self.health.degrade(NAME, lost);
            if before.elapsed() > RETRY_MAX {
                pause = RETRY_MIN;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    async fn follow(&self) -> Result<(), bollard::errors::Error> {
        let docker = self.connect()?.negotiate_version().await?;
        let vantage = Vantage::find(&docker).await;
        let mut events = std::pin::pin!(events(&docker));
        // The stream opens before the list is read, so that nothing that happens between is missed.
        self.publish(&docker, &vantage).await?;
        tracing::info!(host = self.host, ?vantage, "following Docker");
        self.health.restore(NAME);
        while let Some(event) = events.next().await {
            event?;
            settle(&mut events).await?;
            self.publish(&docker, &vantage).await?;
        }
        Ok(())
    }

    fn connect(&self) -> Result<Docker, bollard::errors::Error> {
        match self.host.strip_prefix("unix://") {
            Some(path) => Docker::connect_with_unix(path, ANSWER_TIMEOUT_S, API_DEFAULT_VERSION),
            None => Docker::connect_with_http(&self.host, ANSWER_TIMEOUT_S, API_DEFAULT_VERSION),
        }
    }

    async fn publish(&self, docker: &Docker, vantage: &Vantage) -> Result<(), bollard::errors::Error> {
        let running = HashMap::from([("status", vec!["running"])]);
        let options = ListContainersOptionsBuilder::new().filters(&running).build();
        let summaries = docker.list_containers(Some(options)).await?;
        let mut containers: Vec<_> = summaries.into_iter().filter_map(Container::read).collect();
        containers.sort_by(|one, other| one.id.cmp(&other.id));
        let offers = containers.iter().flat_map(|container| self.offers(container, vantage));
        self.functions.publish(NAME, offers.collect());
        Ok(())
    }

    fn offers(&self, container: &Container, vantage: &Vantage) -> Vec<Offer> {
        let target = vantage.target(container);
        let offer = |function| Offer {
            function,
            replica: container.id.clone(),
            target: target.clone(),
            idempotent: container.is_idempotent(),
        };
        container.functions(self.labelled_only).into_iter().map(offer).collect()
    }
}

fn events(
    docker: &Docker,
) -> impl Stream<Item = Result<bollard::models::EventMessage, bollard::errors::Error>> + use<> {
    let filters = HashMap::from([("type", vec!["container", "network"]), ("event", EVENTS.to_vec())]);
    docker.events(Some(EventsOptionsBuilder::new().filters(&filters).build()))
}

/// Takes the events that follow at once. An end of the stream is left for the caller to find.
async fn settle<S, T>(events: &mut S) -> Result<(), bollard::errors::Error>
where
    S: Stream<Item = Result<T, bollard::errors::Error>> + Unpin,
{
    let settled = tokio::time::sleep(SETTLE);
    tokio::pin!(settled);
    loop {
        tokio::select! {
            () = &mut settled => return Ok(()),
            event = events.next() => match event {
                Some(event) => event?,
                None => return Ok(()),
            },
        };
    }
}

/// An error with its causes, which hold the reason where the error itself is one of transport.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
