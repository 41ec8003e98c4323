//! Containers by the `docker` command, each ended with its test.

use std::process::Command;

/// A container that ends with the test.
pub struct Container {
    name: String,
}

/// Runs `docker` with these words, which must succeed, and answers what it printed.
pub fn docker(words: &[&str]) -> String {
    let output = Command::new("docker").args(words).output().expect("docker is installed");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {}: {complaint}", words.join(" "));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl Container {
    /// `docker run -d --name NAME`, then these words.
    pub fn run(name: &str, words: &[&str]) -> Self {
        let container = Self { name: name.to_owned() };
        container.remove();
        let start = ["run", "-d", "--name", name];
        docker(&[&start[..], words].concat());
        container
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it printed so far.
    pub fn logs(&self) -> String {
        docker(&["logs", &self.name])
    }

    /// `docker WORD NAME`.
    pub fn order(&self, word: &str) {
        docker(&[word, &self.name]);
    }

    fn remove(&self) {
        let _ = Command::new("docker").args(["rm", "-f", "-v", &self.name]).output();
    }
}

impl Drop for Container {
    #[expect(clippy::print_stderr, reason = "shown with the test that failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let output = Command::new("docker").args(["logs", &self.name]).output();
            let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
            eprintln!("{} said:\n{}", self.name, text.unwrap_or_default());
        }
        self.remove();
    }
}

/// A network that ends with the test; containers on it must end before.
pub struct Network {
    name: String,
}

impl Network {
    /// `docker network create NAME`.
    pub fn create(name: &str) -> Self {
        let _ = Command::new("docker").args(["network", "rm", name]).output();
        docker(&["network", "create", name]);
        Self { name: name.to_owned() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["network", "rm", &self.name]).output();
    }
}

/// A way to Docker's socket that is cut when it is dropped.
pub struct Proxy {
    path: std::path::PathBuf,
    task: tokio::task::JoinHandle<()>,
}

/// Opens a socket at this path that leads to Docker's own.
pub fn proxy(path: &std::path::Path) -> Proxy {
    let listener = tokio::net::UnixListener::bind(path).unwrap();
    let task = tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            connections.spawn(async move {
                let mut engine = tokio::net::UnixStream::connect("/var/run/docker.sock").await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut engine).await;
            });
        }
    });
    Proxy { path: path.to_owned(), task }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        let _ = std::fs::remove_file(&self.path);
    }
}
