use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use protocol::nodes::NodeList;
use reqwest::Client;
use rustix::process::Signal;
use serde_json::Value;
use tokio::process::Command;
use tokio::time::sleep;

use crate::process::Service;

/// How long a process may take until it says where it listens, on a machine that all of them share.
const START_MAX: Duration = Duration::from_secs(30);
/// Pause between two looks at a log.
const LOOK_PAUSE: Duration = Duration::from_millis(20);
/// How long a killed process may take to be gone.
const END_MAX: Duration = Duration::from_secs(5);
/// Threads of each process: there are more processes than cores.
const THREADS: &str = "2";
const NAME: &str = "discovery";

/// A discovery as a process of its own, which ends with it.
pub(super) struct Node {
    service: Service,
    log: PathBuf,
    url: String,
    client: Client,
}

impl Node {
    /// Starts one on ports of the system's choice, with its data and its log in `folder`.
    pub(super) fn start(binary: &Path, folder: &Path, seed: Option<SocketAddr>) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut command = Command::new(binary);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("P2PFAAS_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(folder)
            .env("TOKIO_WORKER_THREADS", THREADS)
            .env("P2PFAAS_LISTENING_HOST", "127.0.0.1")
            .env("P2PFAAS_LISTENING_PORT", "0")
            .env("P2PFAAS_GOSSIP_PORT", "0")
            .env("P2PFAAS_DATA_PATH", folder)
            .env("P2PFAAS_CLUSTER_KEY", "a key for measurements only")
            .env("P2PFAAS_SEEDS", seed.map(|seed| seed.to_string()).unwrap_or_default());
        let service = Service::start(NAME, command, folder)?;
        let log = folder.join(format!("{NAME}.log"));
        Ok(Self { service, log, url: String::new(), client: Client::new() })
    }

    /// Waits until it says where it listens.
    pub(super) async fn listens(&mut self) -> anyhow::Result<()> {
        let start = Instant::now();
        while start.elapsed() < START_MAX {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            if let Some(line) = lines.find(|line| line["message"] == "listening") {
                self.url =
                    format!("http://{}", line["address"].as_str().context("a line without an address")?);
                return Ok(());
            }
            self.service.pid()?;
            sleep(LOOK_PAUSE).await;
        }
        bail!("a discovery did not say within {START_MAX:?} where it listens")
    }

    async fn get(&self, path: &str) -> anyhow::Result<reqwest::Response> {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await?;
        Ok(answer.error_for_status()?)
    }

    /// What it sees.
    pub(super) async fn nodes(&self) -> anyhow::Result<NodeList> {
        Ok(self.get("/nodes").await?.json().await?)
    }

    /// Bytes of gossip that it has sent since its start, without the headers of UDP, TCP and IP.
    pub(super) async fn bytes_sent(&self) -> anyhow::Result<f64> {
        let text = self.get("/metrics").await?.text().await?;
        let value = |name: &str| -> anyhow::Result<f64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            Ok(line.with_context(|| format!("there is no metric {name}"))?.parse()?)
        };
        Ok(value("p2pfaas_gossip_datagram_sent_bytes_total")?
            + value("p2pfaas_gossip_stream_sent_bytes_total")?)
    }

    /// Ends it without a good-bye.
    pub(super) async fn kill(mut self) -> anyhow::Result<()> {
        self.service.signal(Signal::KILL)?;
        self.service.wait(END_MAX).await.map(drop)
    }
}
