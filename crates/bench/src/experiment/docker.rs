//! Containers of one experiment, by the `docker` command.

use std::process::{Output, Stdio};

use anyhow::{Context, bail, ensure};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

/// Everything that is started carries this label, with the number of the experiment's process.
const LABEL: &str = "p2pfaas.experiment";

/// Containers and their network. They stay until [`Fleet::remove`].
#[derive(Debug)]
pub(super) struct Fleet {
    network: String,
    label: String,
    stop: CancellationToken,
}

impl Fleet {
    /// Makes sure that the images are here, and makes a network of its own.
    ///
    /// # Errors
    /// When an image is missing, or Docker is not there.
    pub(super) async fn create(images: &[String], stop: &CancellationToken) -> anyhow::Result<Self> {
        let words = [&["image", "inspect", "--format", "{{.Id}}"][..], &texts(images)].concat();
        docker(&words).await.context("an image is missing; `make images` builds those of this repository")?;
        let number = std::process::id();
        let fleet = Self {
            network: format!("p2pfaas-experiment-{number}"),
            label: format!("{LABEL}={number}"),
            stop: stop.clone(),
        };
        fleet.docker(&["network", "create", "--label", &fleet.label, &fleet.network]).await?;
        Ok(fleet)
    }

    /// Starts a container that the others reach under `host`: `docker run` with these words, the image among
    /// them.
    ///
    /// # Errors
    /// What Docker says.
    pub(super) async fn run(&self, host: &str, words: &[String]) -> anyhow::Result<()> {
        let own = ["--hostname", host, "--network-alias", host, "--network", &self.network];
        self.start(host, &[&own[..], &texts(words)].concat()).await
    }

    /// The same, of a container that shares the address of another one.
    ///
    /// # Errors
    /// What Docker says.
    pub(super) async fn run_beside(&self, host: &str, other: &str, words: &[String]) -> anyhow::Result<()> {
        let network = format!("container:{}", self.container(other));
        self.start(host, &[&["--network", &network][..], &texts(words)].concat()).await
    }

    async fn start(&self, host: &str, words: &[&str]) -> anyhow::Result<()> {
        let name = self.container(host);
        let own = [
            "run",
            "--detach",
            "--pull=never",
            "--no-healthcheck",
            "--read-only",
            "--cap-drop=ALL",
            "--security-opt=no-new-privileges",
            "--label",
            &self.label,
            "--name",
            &name,
        ];
        self.docker(&[&own[..], words].concat()).await.map(|_id| ())
    }

    /// The address of a container, which this machine reaches.
    ///
    /// # Errors
    /// When there is no such container.
    pub(super) async fn address(&self, host: &str) -> anyhow::Result<String> {
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let address = self.docker(&["inspect", "--format", format, &self.container(host)]).await?;
        ensure!(!address.is_empty(), "the container of {host} has ended");
        Ok(address)
    }

    /// The last lines that a container wrote.
    pub(super) async fn last_words(&self, host: &str) -> String {
        let told = output(&["logs", "--tail", "5", &self.container(host)]).await;
        told.map_or_else(
            |error| error.to_string(),
            |output| {
                let lines = [output.stdout, output.stderr].concat();
                String::from_utf8_lossy(&lines).trim().to_owned()
            },
        )
    }

    /// Ends and removes all containers, then the network.
    ///
    /// # Errors
    /// What Docker says; what could be removed is removed.
    pub(super) async fn remove(&self) -> anyhow::Result<()> {
        let ids = docker(&["ps", "--all", "--quiet", "--filter", &format!("label={}", self.label)]).await?;
        let ids: Vec<&str> = ids.split_whitespace().collect();
        let removed = match ids.as_slice() {
            [] => Ok(String::new()),
            some => docker(&[&["rm", "--force", "--volumes"][..], some].concat()).await,
        };
        let network = docker(&["network", "rm", &self.network]).await;
        removed.and(network).map(|_names| ()).context("not everything could be removed")
    }

    fn container(&self, host: &str) -> String {
        format!("{}-{host}", self.network)
    }

    /// A command that is begun is always finished, so that what it makes is there to be removed.
    async fn docker(&self, words: &[&str]) -> anyhow::Result<String> {
        ensure!(!self.stop.is_cancelled(), "stopped");
        docker(words).await
    }
}

fn texts(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// Runs `docker` with these words, and gives what it printed.
async fn docker(words: &[&str]) -> anyhow::Result<String> {
    let output = output(words).await?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

async fn output(words: &[&str]) -> anyhow::Result<Output> {
    let mut command = Command::new("docker");
    // In a group of its own, it does not hear Ctrl-C.
    command.args(words).stdin(Stdio::null()).process_group(0);
    let output = command.output().await.context("cannot run docker")?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("docker {}: {}", words.first().unwrap_or(&""), complaint.trim());
    }
    Ok(output)
}
