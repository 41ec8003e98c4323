use std::{
    collections::BTreeMap,
    env, fs,
    net::SocketAddr,
    process::ExitStatus,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail};
use rustix::process::Signal;
use tokio::process::Command;

use super::plan::{Binaries, Part, Plan};
use crate::process::Service;

/// Above the 30 s that a service takes at the most to end what it has accepted, unless its settings say so.
const DRAIN_MAX: Duration = Duration::from_secs(40);
/// A process that is killed is gone as soon as the kernel has a moment.
const KILLED_MAX: Duration = Duration::from_secs(10);

/// A process that is stopped stands still as soon as each of its threads has come to the kernel.
const STOPPED_MAX: Duration = Duration::from_secs(10);
const STOPPED_PAUSE: Duration = Duration::from_millis(1);

/// A node: its three services, those that run.
#[derive(Debug)]
pub struct Node {
    plan: Plan,
    binaries: Binaries,
    services: BTreeMap<Part, Service>,
}

impl Node {
    /// Starts all services, and waits until each is ready.
    ///
    /// # Errors
    /// When a folder cannot be made, or a service does not come up; with its last words.
    pub async fn start(plan: Plan, binaries: &Binaries) -> anyhow::Result<Self> {
        let mut node = Self { plan, binaries: binaries.clone(), services: BTreeMap::new() };
        node.restart_all().await?;
        Ok(node)
    }

    /// What it was to be.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Changes the plan; each service follows when it is started again.
    pub fn plan_mut(&mut self) -> &mut Plan {
        &mut self.plan
    }

    /// Where a service listens.
    #[must_use]
    pub fn address(&self, part: Part) -> SocketAddr {
        self.plan.address(part)
    }

    /// The URL of a path of a service.
    #[must_use]
    pub fn url(&self, part: Part, path: &str) -> String {
        format!("http://{}{path}", self.address(part))
    }

    /// The process of a service.
    ///
    /// # Errors
    /// When it does not run; with its last words.
    pub fn pid(&mut self, part: Part) -> anyhow::Result<u32> {
        self.service(part)?.pid()
    }

    /// Starts a service that does not run, and returns before it is ready.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&mut self, part: Part) -> anyhow::Result<()> {
        let data = self.plan.data(part);
        fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
        let mut command = Command::new(self.binaries.of(part));
        for (variable, _) in env::vars_os() {
            if variable.to_str().is_some_and(|name| name.starts_with("P2PFAAS_")) {
                command.env_remove(variable);
            }
        }
        command.current_dir(&data).envs(self.plan.environment(part));
        if self.plan.shielded {
            command.process_group(0);
        }
        let service = Service::start(part.name(), command, &self.plan.folder)?;
        self.services.insert(part, service);
        Ok(())
    }

    /// Waits until a service says that it can do its job.
    ///
    /// # Errors
    /// When it ends or does not say so in time; with its last words.
    pub async fn ready(&mut self, part: Part) -> anyhow::Result<()> {
        let health = self.url(part, "/health").parse().map_err(|error: String| anyhow!(error))?;
        let name = self.plan.name.clone();
        self.service(part)?.answers(&health).await.with_context(|| format!("node {name} does not stand"))?;
        Ok(())
    }

    /// Starts a service that does not run, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not come up; with its last words.
    pub async fn restart(&mut self, part: Part) -> anyhow::Result<()> {
        self.spawn(part)?;
        self.ready(part).await
    }

    /// Starts all services, none of which runs, and waits until each is ready.
    ///
    /// # Errors
    /// When one does not come up; with its last words.
    pub async fn restart_all(&mut self) -> anyhow::Result<()> {
        for part in Part::ALL {
            self.spawn(part)?;
        }
        for part in Part::ALL {
            self.ready(part).await?;
        }
        Ok(())
    }

    /// Ends a service at once, without a good-bye.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill(&mut self, part: Part) -> anyhow::Result<()> {
        let mut service = self.take(part)?;
        service.signal(Signal::KILL)?;
        service.wait(KILLED_MAX).await.map(|_killed| ())
    }

    /// Ends the whole node at once, without a good-bye.
    ///
    /// # Errors
    /// When a part of it does not run.
    pub async fn kill_all(&mut self) -> anyhow::Result<()> {
        for part in Part::ALL {
            self.service(part)?.signal(Signal::KILL)?;
        }
        for part in Part::ALL {
            self.take(part)?.wait(KILLED_MAX).await?;
        }
        Ok(())
    }

    /// Asks a service to end, and waits until it has.
    ///
    /// # Errors
    /// When it does not run, or does not end.
    pub async fn stop(&mut self, part: Part) -> anyhow::Result<ExitStatus> {
        let mut service = self.take(part)?;
        service.signal(Signal::TERM)?;
        service.wait(DRAIN_MAX).await
    }

    /// Freezes a service: it keeps its connections and says nothing. Returns when it stands still, which on a
    /// busy machine may be some moments after the signal.
    ///
    /// # Errors
    /// When it does not run, or does not stand still in time.
    pub fn pause(&mut self, part: Part) -> anyhow::Result<()> {
        let service = self.service(part)?;
        service.signal(Signal::STOP)?;
        let (pid, began) = (service.pid()?, Instant::now());
        while !stands_still(pid)? {
            if began.elapsed() > STOPPED_MAX {
                bail!("the {part} of node {} does not stand still", self.plan.name);
            }
            thread::sleep(STOPPED_PAUSE);
        }
        Ok(())
    }

    /// Lets a frozen service go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&mut self, part: Part) -> anyhow::Result<()> {
        self.service(part)?.signal(Signal::CONT)
    }

    /// The services that have ended by themselves since this was asked last: how, and their last words.
    pub fn take_ended(&mut self) -> Vec<(Part, ExitStatus, String)> {
        let mut ended = Vec::new();
        self.services.retain(|&part, service| {
            let Some(status) = service.ended() else {
                return true;
            };
            ended.push((part, status, service.last_words()));
            false
        });
        ended
    }

    /// Whether any of its services runs.
    #[must_use]
    pub fn is_up(&self) -> bool {
        !self.services.is_empty()
    }

    /// Whether this service was started and not ended from here.
    #[must_use]
    pub fn runs(&self, part: Part) -> bool {
        self.services.contains_key(&part)
    }

    /// Ends it in order, as far as it runs: the scheduler drains first, and the discovery says good-bye.
    ///
    /// # Errors
    /// The first thing that went wrong; what could be ended has ended.
    pub async fn end(mut self) -> anyhow::Result<()> {
        let mut ended = Ok(());
        for part in [Part::Scheduler, Part::Learner, Part::Discovery] {
            if let Some(service) = self.services.remove(&part) {
                ended = ended.and(service.end_within(DRAIN_MAX).await);
            }
        }
        ended
    }

    fn service(&mut self, part: Part) -> anyhow::Result<&mut Service> {
        let name = &self.plan.name;
        self.services.get_mut(&part).with_context(|| format!("the {part} of node {name} does not run"))
    }

    fn take(&mut self, part: Part) -> anyhow::Result<Service> {
        match self.services.remove(&part) {
            Some(service) => Ok(service),
            None => bail!("the {part} of node {} does not run", self.plan.name),
        }
    }
}

/// Whether all threads of a process are stopped (`T` in proc(5)).
fn stands_still(pid: u32) -> anyhow::Result<bool> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).context("cannot look at the threads")?;
    for thread in threads {
        // A thread may end while it is looked at.
        let Ok(stat) = fs::read_to_string(thread?.path().join("stat")) else {
            continue;
        };
        // The name before the state may hold anything, a bracket too.
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        if state != Some('T') {
            return Ok(false);
        }
    }
    Ok(true)
}
