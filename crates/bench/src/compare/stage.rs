//! The function and the scheduler in front of it, on loopback.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, anyhow};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    load::Target,
    process::{Service, binary, free_ports},
};

const SCHEDULER: &str = "p2pfaas-scheduler";
const FUNCTION: &str = "echo";

/// What is started.
pub(super) struct Binaries {
    pub(super) scheduler: PathBuf,
    function: PathBuf,
}

impl Binaries {
    pub(super) fn find(folder: Option<&Path>) -> anyhow::Result<Self> {
        Ok(Self { scheduler: binary(SCHEDULER, folder)?, function: binary(FUNCTION, folder)? })
    }
}

/// Two processes and where each is called.
pub(super) struct Stage {
    /// The function itself.
    pub(super) direct: Target,
    /// The function through the scheduler.
    pub(super) through: Target,
    function_health: Target,
    scheduler_health: Target,
    function_port: u16,
    scheduler_port: u16,
    function: Option<Service>,
    scheduler: Option<Service>,
    folder: TempDir,
}

impl Stage {
    pub(super) fn new() -> anyhow::Result<Self> {
        let [function_port, scheduler_port] = free_ports().context("no port is free")?;
        Ok(Self {
            direct: local(function_port, "/")?,
            through: local(scheduler_port, &format!("/function/{FUNCTION}"))?,
            function_health: local(function_port, "/_/health")?,
            scheduler_health: local(scheduler_port, "/health")?,
            function_port,
            scheduler_port,
            function: None,
            scheduler: None,
            folder: tempfile::tempdir().context("cannot make a folder for data and logs")?,
        })
    }

    /// Starts the function, then the scheduler, and waits until both paths answer. Gives the time from the
    /// scheduler's start to its first 200.
    pub(super) async fn set(
        &mut self,
        binaries: &Binaries,
        slots: u32,
        queue: u32,
    ) -> anyhow::Result<Duration> {
        let mut command = Command::new(&binaries.function);
        // Ctrl-C reaches only this program, which then ends the others in order.
        command.env("PORT", self.function_port.to_string()).process_group(0);
        let function = Service::start(FUNCTION, command, self.folder.path())?;
        self.function.insert(function).answers(&self.function_health).await?;

        let mut command = Command::new(&binaries.scheduler);
        command.envs(self.scheduler_variables(slots, queue)).process_group(0);
        let scheduler = Service::start(SCHEDULER, command, self.folder.path())?;
        let scheduler = self.scheduler.insert(scheduler);
        let start = scheduler.answers(&self.scheduler_health).await?;
        scheduler.answers(&self.through).await?;
        Ok(start)
    }

    pub(super) fn scheduler_pid(&mut self) -> anyhow::Result<u32> {
        self.scheduler.as_mut().context("the scheduler was not started")?.pid()
    }

    /// Ends what was started, the scheduler first, and tells the first thing that went wrong.
    pub(super) async fn clear(self) -> anyhow::Result<()> {
        let mut cleared = Ok(());
        for service in [self.scheduler, self.function].into_iter().flatten() {
            cleared = cleared.and(service.end().await);
        }
        cleared
    }

    fn scheduler_variables(&self, slots: u32, queue: u32) -> [(&'static str, String); 7] {
        let endpoints = json!({ FUNCTION: [format!("http://127.0.0.1:{}", self.function_port)] });
        [
            ("P2PFAAS_LISTENING_HOST", "127.0.0.1".to_owned()),
            ("P2PFAAS_LISTENING_PORT", self.scheduler_port.to_string()),
            ("P2PFAAS_DATA_PATH", self.folder.path().display().to_string()),
            ("P2PFAAS_DOCKER_ENABLED", "false".to_owned()),
            ("P2PFAAS_ENDPOINTS", endpoints.to_string()),
            ("P2PFAAS_PARALLEL_RUNNING_FUNCTIONS_MAX", slots.to_string()),
            ("P2PFAAS_QUEUE_LENGTH_MAX", queue.to_string()),
        ]
    }
}

fn local(port: u16, path: &str) -> anyhow::Result<Target> {
    format!("http://127.0.0.1:{port}{path}").parse().map_err(|error: String| anyhow!(error))
}
