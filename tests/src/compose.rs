//! A compose file of `tests/compose`, up for the time of a test.

use std::path::PathBuf;
use std::process::{Command, Output};

use crate::docker::docker;

/// Its containers, networks and volumes, which end with the test.
pub struct Compose {
    project: String,
    file: PathBuf,
}

impl Compose {
    /// `up` of this file; `test` keeps names apart from those of other tests. The images must be there.
    pub fn up(file: &str, test: &str) -> Self {
        let file = crate::repository().join("tests/compose").join(file);
        let compose = Self { project: format!("p2pfaas-test-{test}"), file };
        compose.down();
        let output = compose.run(&["up", "--detach", "--no-build"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        compose
    }

    /// The container of a service.
    pub fn container(&self, service: &str) -> String {
        self.answer(&["ps", "--quiet", service])
    }

    /// Where a port of a service is published, as `host:port`.
    pub fn published(&self, service: &str, port: u16) -> String {
        self.answer(&["port", service, &port.to_string()])
    }

    /// `docker WORD` of the container of a service.
    pub fn order(&self, word: &str, service: &str) {
        docker(&[word, &self.container(service)]);
    }

    fn answer(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Compose as Docker's plugin, or as the program of its own that it was before.
    fn run(&self, words: &[&str]) -> Output {
        let plugin = Command::new("docker").args(["compose", "version"]).output();
        let mut command = if plugin.is_ok_and(|output| output.status.success()) {
            let mut command = Command::new("docker");
            command.arg("compose");
            command
        } else {
            Command::new("docker-compose")
        };
        command.args(["--project-name", &self.project, "--file"]).arg(&self.file).args(words);
        command.output().expect("Compose is installed")
    }

    fn down(&self) {
        drop(self.run(&["down", "--volumes", "--timeout", "1", "--remove-orphans"]));
    }
}

impl Drop for Compose {
    #[expect(clippy::print_stderr, reason = "shown with the test that failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let output = self.run(&["logs", "--no-color", "--tail", "40"]);
            eprintln!("{}", String::from_utf8_lossy(&output.stdout));
        }
        self.down();
    }
}
