//! Processes on this machine: found, started, waited for, and always ended.

use std::{
    env, fs, io,
    net::{Ipv4Addr, TcpListener},
    path::{self, Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    time::{sleep, timeout},
};

use crate::load::{Target, call_once};

/// How long a process may take until it answers; far above what any service needs.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// Pause between two looks at whether a process answers; it bounds how exactly its start is timed.
const ANSWER_PAUSE: Duration = Duration::from_millis(1);
/// How long a process may take to end by itself, unless the caller knows what it has left to drain.
const END_MAX: Duration = Duration::from_secs(5);
/// Lines of a process's log that are shown when it fails.
const LOG_LINES_SHOWN: usize = 20;

/// The path of the binary `name` in `folder`, or beside this program. It is absolute, as processes are started in
/// folders of their own.
///
/// # Errors
/// When it is not there; the error says how to build it.
pub fn binary(name: &str, folder: Option<&Path>) -> anyhow::Result<PathBuf> {
    let beside = || {
        let own = env::current_exe().context("cannot tell where this program is")?;
        anyhow::Ok(own.parent().unwrap_or(Path::new(".")).to_owned())
    };
    let folder = folder.map_or_else(beside, |folder| Ok(folder.to_owned()))?;
    let path = path::absolute(folder.join(name))?;
    if !path.is_file() {
        bail!(
            "{name} is not in {}; build it with `cargo build --release --bin {name}`, \
             or name its folder with --bin-dir",
            folder.display()
        );
    }
    Ok(path)
}

/// Two ports on which nobody listens now. Another process may take one first; the service started for it
/// then ends with an error, which is shown.
pub fn free_ports() -> io::Result<[u16; 2]> {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    // Both are held at once, or the second could be the first again.
    let [first, second] = [listen()?, listen()?];
    Ok([first.local_addr()?.port(), second.local_addr()?.port()])
}

/// A process of this program's own. It is killed when it is dropped; [`Service::end`] is the gentle way.
#[derive(Debug)]
pub struct Service {
    name: String,
    child: Child,
    log: PathBuf,
    started: Instant,
}

impl Service {
    /// Starts `command`, its output in the file `NAME.log` of `folder`, after what is there already.
    ///
    /// # Errors
    /// When the log cannot be written, or the command cannot be run.
    pub fn start(name: impl Into<String>, mut command: Command, folder: &Path) -> anyhow::Result<Self> {
        let name = name.into();
        let log = folder.join(format!("{name}.log"));
        let open = fs::File::options().create(true).append(true).open(&log);
        let output = open.with_context(|| format!("cannot write {}", log.display()))?;
        let started = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stderr(output.try_clone().context("cannot share the log")?)
            .stdout(output)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child, log, started })
    }

    /// The process.
    ///
    /// # Errors
    /// When it has ended; the error says how, with its last words.
    pub fn pid(&mut self) -> anyhow::Result<u32> {
        if let Some(status) = self.child.try_wait().context("cannot look at a process")? {
            bail!("{} ended ({status}); its last words:\n{}", self.name, self.last_words());
        }
        self.child.id().with_context(|| format!("{} has ended", self.name))
    }

    /// Waits until `target` answers with 2xx, and gives the time since the process was started.
    ///
    /// # Errors
    /// When the process ends first, or does not answer in time; with its last words.
    pub async fn answers(&mut self, target: &Target) -> anyhow::Result<Duration> {
        let mut last = "no answer".to_owned();
        while self.started.elapsed() < ANSWER_MAX {
            self.pid()?;
            match call_once(target, ANSWER_MAX).await {
                Ok(status) if status.is_success() => return Ok(self.started.elapsed()),
                Ok(status) => last = format!("status {status}"),
                Err(error) => last = error.to_string(),
            }
            sleep(ANSWER_PAUSE).await;
        }
        let words = self.last_words();
        bail!("{} does not answer at {target} ({last}); its last words:\n{words}", self.name)
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn signal(&mut self, signal: Signal) -> anyhow::Result<()> {
        let pid = Pid::from_raw(self.pid()?.cast_signed()).context("a process has a number")?;
        kill_process(pid, signal).with_context(|| format!("cannot signal {}", self.name))
    }

    /// Waits for its end, for so long at the most.
    ///
    /// # Errors
    /// When it is still there then.
    pub async fn wait(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        let Ok(ended) = timeout(patience, self.child.wait()).await else {
            bail!("{} has not ended in {patience:?}; its last words:\n{}", self.name, self.last_words());
        };
        ended.with_context(|| format!("cannot wait for {}", self.name))
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks the process to end, and kills it when it does not.
    ///
    /// # Errors
    /// When it can neither be asked nor killed.
    pub async fn end(self) -> anyhow::Result<()> {
        self.end_within(END_MAX).await
    }

    /// The same, with a time of the caller's own.
    ///
    /// # Errors
    /// When it can neither be asked nor killed.
    pub async fn end_within(mut self, patience: Duration) -> anyhow::Result<()> {
        if self.ended().is_some() {
            return Ok(());
        }
        self.signal(Signal::TERM)?;
        if timeout(patience, self.child.wait()).await.is_err() {
            self.child.kill().await.with_context(|| format!("cannot kill {}", self.name))?;
        }
        Ok(())
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_binary_says_how_to_build_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = binary("p2pfaas-scheduler", Some(folder.path())).unwrap_err().to_string();
        assert!(error.contains("cargo build --release --bin p2pfaas-scheduler"), "{error}");
        fs::write(folder.path().join("p2pfaas-scheduler"), "").unwrap();
        assert!(binary("p2pfaas-scheduler", Some(folder.path())).is_ok());
    }

    #[tokio::test]
    async fn a_binary_of_a_relative_folder_is_found_from_other_folders() {
        let folder = tempfile::tempdir_in(".").unwrap();
        let relative = Path::new(".").join(folder.path().file_name().unwrap());
        std::os::unix::fs::symlink("/bin/true", relative.join("true")).unwrap();
        let found = binary("true", Some(&relative)).unwrap();
        assert!(Command::new(found).current_dir("/").status().await.unwrap().success());
    }

    #[tokio::test]
    async fn a_process_that_dies_shows_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let nothing: Target = "http://127.0.0.1:1/health".parse().unwrap();
        let mut dying = Service::start("date", Command::new("date"), folder.path()).unwrap();
        let error = dying.answers(&nothing).await.unwrap_err().to_string();
        assert!(error.contains("date ended"), "{error}");
    }

    #[tokio::test]
    async fn ending_reaps_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sleep");
        command.arg("3600");
        let mut service = Service::start("sleep", command, folder.path()).unwrap();
        let pid = service.pid().unwrap();
        service.end().await.unwrap();
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }
}
