//! A service as a process of its own, from the binary that was built beside this test.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::wait::PATIENCE;

/// A process that ends with the test.
pub struct Process {
    child: Child,
    lines: mpsc::Receiver<String>,
    log: Arc<Mutex<Vec<String>>>,
}

/// How a process ended.
pub struct Ended {
    /// Its exit code, none where a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard error.
    pub complaint: String,
}

/// The folder of the binaries: that of this test's, without `deps`.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join(name);
    assert!(path.exists(), "{} is missing: run `cargo build --workspace --bins` first", path.display());
    path
}

/// A service with these settings, ready to be started, that would listen on a port of the system's choice.
pub fn service(name: &str, data: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(binary(&format!("p2pfaas-{name}")));
    for (variable, _) in std::env::vars().filter(|(variable, _)| variable.starts_with("P2PFAAS_")) {
        command.env_remove(variable);
    }
    command
        .current_dir(data)
        .env("P2PFAAS_LISTENING_HOST", "127.0.0.1")
        .env("P2PFAAS_LISTENING_PORT", "0")
        .env("P2PFAAS_GOSSIP_PORT", "0")
        .env("P2PFAAS_DATA_PATH", data)
        .env("P2PFAAS_DOCKER_ENABLED", "false")
        .envs(variables.iter().copied());
    command
}

/// Runs a command that is expected to end by itself.
pub fn run(mut command: Command) -> Ended {
    let output = command.output().unwrap();
    Ended { code: output.status.code(), complaint: String::from_utf8_lossy(&output.stderr).into_owned() }
}

impl Process {
    /// Starts it, and waits until it says where it listens.
    pub fn start(mut command: Command) -> (Self, SocketAddr) {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| {
                kept.lock().unwrap().push(line.clone());
                sender.send(line)
            })
        });
        let process = Self { child, lines, log };
        let said = process.line_with("\"listening\"");
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        let address = said["address"].as_str().unwrap().parse().unwrap();
        (process, address)
    }

    /// All lines of its log so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Waits for a line of its log that contains this.
    pub fn line_with(&self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("the log never said {text}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Sends it a signal, by the name that `kill` knows.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "the process does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
