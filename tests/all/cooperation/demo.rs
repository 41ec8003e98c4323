//! The cluster in a box as its user meets it.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tests::process::binary;
use tests::wait;

/// Where this demo's ports begin: so many in a row on which nobody listens, below those that the system gives to
/// connections. The number of the process keeps demos of tests at the same time apart.
fn free_ports(count: u16) -> u16 {
    let own = std::process::id() as u16 % 1_200;
    let firsts = (0..1_200).map(|step| 20_000 + (own + step * 7) % 1_200 * 10);
    let is_free =
        |&first: &u16| (first..first + count).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    firsts.into_iter().find(is_free).expect("some ports are free")
}

/// A demo that ends with the test, and its output in a file.
struct Demo {
    child: Child,
    output: std::path::PathBuf,
}

impl Demo {
    fn start(folder: &Path, words: &[&str]) -> Self {
        let output = folder.join("output");
        let file = std::fs::File::create(&output).unwrap();
        let mut command = Command::new(binary("p2pfaas-bench"));
        command.arg("demo").args(words).stdout(file.try_clone().unwrap()).stderr(file);
        Self { child: command.spawn().unwrap(), output }
    }

    fn output(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap()
    }

    async fn until_says(&self, text: &str) {
        wait::until(&format!("the demo says {text:?}: {}", self.output()), async || {
            self.output().contains(text)
        })
        .await;
    }

    fn interrupt(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "INT", &pid]).status().unwrap().success());
    }

    async fn ended(&mut self) -> Option<i32> {
        let child = &mut self.child;
        let mut ended = None;
        wait::until("the demo ends", || {
            ended = child.try_wait().unwrap();
            std::future::ready(ended.is_some())
        })
        .await;
        ended.unwrap().code()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a line of the guide in a shell, and answers what it printed.
fn paste(line: &str) -> String {
    let output =
        Command::new("bash").args(["-o", "pipefail", "-c", line]).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The processes whose command line names the folder of the binaries and whose data lies below `data`.
fn processes_of(data: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        let wanted = format!("P2PFAAS_DATA_PATH={}", data.display());
        if String::from_utf8_lossy(&environment).contains(&wanted) {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found
}

#[tokio::test]
async fn every_line_that_it_prints_works_and_nothing_stays_behind() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let port = free_ports(30).to_string();
    let words = ["--port", &port, "--data", data.to_str().unwrap(), "--policy", "PowerOfTwoScheduler()"];
    let mut demo = Demo::start(folder.path(), &words);
    demo.until_says("Ctrl-C ends the cluster.").await;
    let guide = demo.output();
    assert!(processes_of(&data).len() >= 9, "{guide}");
    let bench = binary("p2pfaas-bench").display().to_string();
    let lines = guide.lines().filter(|line| line.starts_with("curl") || line.starts_with(&bench));
    let mut answers = Vec::new();
    for line in lines {
        answers.push((line, paste(line)));
    }
    let said = |text: &str| {
        let mut found = answers.iter().filter(|(line, _)| line.contains(text));
        found.next().unwrap_or_else(|| panic!("no line with {text} in {guide}")).1.to_lowercase()
    };
    assert!(said("-i -d hello").starts_with("http/1.1 200"));
    assert!(said("Scheduler-Forward").contains("x-p2pfaas-externally-executed: true"));
    assert!(said("exponential-loop").contains("x-p2pfaas-externally-executed: true"));
    assert!(said("delay_ms").contains("requests/s"));
    assert!(said("jobs_total").contains("decision=\"forward\""));
    assert!(said("PowerOfTwoScheduler").contains("poweroftwoscheduler"));
    assert!(said("format=dot").starts_with("graph"));

    let kill = guide.lines().find(|line| line.starts_with("kill -9")).unwrap();
    paste(kill);
    demo.until_says("The scheduler of node 3 has ended: signal: 9").await;
    demo.until_says("The function echo of node 3 has ended").await;
    let first = answers.first().unwrap().0;
    assert!(paste(first).contains("200 OK"), "the others go on");
    demo.interrupt();
    assert_eq!(demo.ended().await, Some(0), "{}", demo.output());
    assert_eq!(processes_of(&data), Vec::<String>::new());
    assert!(data.join("node-1/scheduler.log").exists(), "what was asked to be kept is kept");
}

#[tokio::test]
async fn what_is_in_its_way_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let first = free_ports(30);
    let taken = TcpListener::bind(("127.0.0.1", first + 11)).unwrap();
    let port = first.to_string();
    let mut demo = Demo::start(folder.path(), &["--port", &port]);
    assert_eq!(demo.ended().await, Some(1));
    let said = demo.output();
    assert!(said.contains(&format!("port {}", first + 11)) && said.contains("--port"), "{said}");
    drop(taken);
    for (words, named) in [
        (["--bin-dir", "/nowhere"], "cargo build"),
        (["--policy", "Nonesuch(1)"], "Nonesuch"),
        (["--policy", "PowerOfNScheduler(0)"], "PowerOfNScheduler"),
        (["--nodes", "0"], "--nodes"),
        (["--slots", "0"], "--slots"),
    ] {
        let mut demo = Demo::start(folder.path(), &[&["--port", &port][..], &words].concat());
        assert_ne!(demo.ended().await, Some(0));
        let said = demo.output();
        assert!(said.contains(named), "{words:?}: {said}");
    }
}

#[tokio::test]
async fn it_ends_where_its_services_have() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_ports(10).to_string();
    let data = folder.path().join("data");
    let words = ["--port", &port, "--nodes", "1", "--data", data.to_str().unwrap()];
    let mut demo = Demo::start(folder.path(), &words);
    demo.until_says("Ctrl-C ends the cluster.").await;
    for pid in processes_of(&data) {
        paste(&format!("kill -9 {pid}"));
    }
    assert_eq!(demo.ended().await, Some(1));
    assert!(demo.output().contains("no service is left"), "{}", demo.output());
}
