//! The echo function as a process: what every image of ours relies on, its health check and its signals.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Child, Command, ExitStatus, Stdio};

/// A process that is not left behind by a test that fails.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn echo(port: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_echo"));
    command.env("PORT", port).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn is_healthy(port: &str) -> bool {
    echo(port).arg("healthcheck").status().unwrap().success()
}

fn signal(process: &Process, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &process.0.id().to_string()]).status().unwrap().success());
}

/// Starts the function on a free port and waits until it says that it is healthy.
fn start() -> (Process, String) {
    let free = std::net::TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port().to_string();
    assert!(!is_healthy(&free));
    let mut process = Process(echo(&free).spawn().unwrap());
    while !is_healthy(&free) {
        assert_eq!(process.0.try_wait().unwrap(), None, "the function ended at its start");
    }
    (process, free)
}

fn end(mut process: Process) -> ExitStatus {
    process.0.wait().unwrap()
}

#[test]
fn a_healthy_function_ends_well_on_either_signal() {
    for name in ["TERM", "INT"] {
        let (process, _) = start();
        signal(&process, name);
        assert!(end(process).success());
    }
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let (process, port) = start();
    // An answer larger than every buffer on the way is in progress until somebody reads it.
    let answer = reqwest::get(format!("http://127.0.0.1:{port}/?size=1000000000")).await.unwrap();
    signal(&process, "TERM");
    signal(&process, "INT");
    let status = end(process);
    assert!(answer.bytes().await.is_err());
    assert_eq!(status.code(), Some(1));
}

#[test]
fn an_unknown_argument_or_a_bad_port_is_refused() {
    assert_eq!(echo("8080").arg("start").status().unwrap().code(), Some(1));
    assert_eq!(echo("http").status().unwrap().code(), Some(1));
}
