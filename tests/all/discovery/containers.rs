//! Three nodes in containers, by one compose file: they meet, and are cut off, stopped, paused and moved. Each
//! step prints how long it took beside what is promised.

use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use protocol::nodes::{Node, NodeList, NodeState};
use reqwest::Client;
use tests::docker::{Container, docker};
use tests::{repository, wait};

/// How long a node is cut off; longer by hand.
const CUT_S_DEFAULT: u64 = 20;
const CUT_S_VARIABLE: &str = "P2PFAAS_TEST_CUT_S";

/// The nodes of `tests/compose/three-nodes.yml`, which end with the test.
struct Nodes {
    project: String,
    client: Client,
}

impl Nodes {
    fn up(test: &str) -> Self {
        let nodes = Self { project: format!("p2pfaas-test-{test}"), client: Client::new() };
        nodes.down();
        let output = nodes.compose(&["up", "--detach", "--no-build"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        nodes
    }

    /// Compose as Docker's plugin, or as the program of its own that it was before.
    fn compose(&self, words: &[&str]) -> std::process::Output {
        let file = repository().join("tests/compose/three-nodes.yml");
        let has_plugin = Command::new("docker").args(["compose", "version"]).output();
        let mut command = if has_plugin.is_ok_and(|output| output.status.success()) {
            let mut command = Command::new("docker");
            command.arg("compose");
            command
        } else {
            Command::new("docker-compose")
        };
        command.args(["--project-name", &self.project, "--file"]).arg(file).args(words).output().unwrap()
    }

    fn down(&self) {
        drop(self.compose(&["down", "--volumes", "--timeout", "1", "--remove-orphans"]));
    }

    fn container(&self, service: &str) -> String {
        let output = self.compose(&["ps", "--quiet", service]);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn network(&self) -> String {
        format!("{}_cluster", self.project)
    }

    /// Where it is now: that changes when a container leaves the network and comes back.
    fn address(&self, container: &str) -> String {
        let format = format!("{{{{(index .NetworkSettings.Networks {:?}).IPAddress}}}}", self.network());
        docker(&["inspect", "--format", &format, container])
    }

    fn urls(&self, numbers: &[u8]) -> Vec<String> {
        let url = |number: &u8| {
            let address = self.address(&self.container(&format!("discovery-{number}")));
            format!("http://{address}:19000")
        };
        numbers.iter().map(url).collect()
    }

    /// What the discovery there sees; none while it does not answer.
    async fn list(&self, url: &str) -> Option<NodeList> {
        let answer = self.client.get(format!("{url}/nodes")).timeout(Duration::from_secs(1)).send().await;
        answer.ok()?.json().await.ok()
    }

    /// Waits until each of these discoveries sees the others so, and tells how long that took by their own clock,
    /// which is this machine's: on a busy one, `docker` takes longer than they do.
    async fn until_all_see(
        &self,
        what: &str,
        promised: Duration,
        since: SystemTime,
        urls: &[String],
        holds: impl Fn(&NodeList) -> bool,
    ) {
        let lists = self.lists_of_all(what, urls, holds).await;
        let seen = Duration::from_millis(last_change(&lists));
        compare(what, seen.saturating_sub(since.duration_since(UNIX_EPOCH).unwrap()), promised);
    }

    /// What each of these discoveries sees, once it sees the others so.
    async fn lists_of_all(
        &self,
        what: &str,
        urls: &[String],
        holds: impl Fn(&NodeList) -> bool,
    ) -> Vec<NodeList> {
        let all = async || {
            let mut lists = Vec::new();
            for url in urls {
                lists.extend(self.list(url).await.filter(|list| holds(list)));
            }
            lists
        };
        wait::until(what, async || all().await.len() == urls.len()).await;
        all().await
    }
}

impl Drop for Nodes {
    #[expect(clippy::print_stderr, reason = "shown with the test that failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let output = self.compose(&["logs", "--no-color", "--tail", "40"]);
            eprintln!("{}", String::from_utf8_lossy(&output.stdout));
        }
        self.down();
    }
}

/// When the last of the nodes came into the state that it is in, in milliseconds of Unix time.
fn last_change(lists: &[NodeList]) -> u64 {
    lists.iter().flat_map(|list| &list.nodes).map(|node| node.since).max().unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "the figures, for who runs the test by hand")]
fn compare(what: &str, took: Duration, promised: Duration) {
    println!("{what}: {took:.1?} (promised: {promised:?})");
    assert!(took <= promised, "{what} took {took:?}");
}

fn all_alive(list: &NodeList) -> bool {
    list.nodes.len() == 2 && list.nodes.iter().all(|node| node.state == NodeState::Alive)
}

fn named<'a>(list: &'a NodeList, name: &str) -> Option<&'a Node> {
    list.nodes.iter().find(|node| node.name == name)
}

async fn up_and_met(test: &str) -> (Nodes, Vec<String>) {
    let nodes = Nodes::up(test);
    let urls = nodes.urls(&[1, 2, 3]);
    let lists = nodes.lists_of_all("all see all", &urls, all_alive).await;
    let started = lists.iter().map(|list| list.own.since).max().unwrap();
    let took = Duration::from_millis(last_change(&lists).saturating_sub(started));
    compare("from the start of the last, all see all", took, Duration::from_secs(2));
    (nodes, urls)
}

#[tokio::test]
async fn three_nodes_meet_and_see_one_leave_and_one_die() {
    let (nodes, urls) = up_and_met("departures").await;
    let stopped = nodes.container("discovery-2");
    let since = SystemTime::now();
    docker(&["stop", &stopped]);
    let has_left = |list: &NodeList| named(list, "node-2").is_some_and(|node| node.state == NodeState::Left);
    let others = [urls[0].clone(), urls[2].clone()];
    nodes.until_all_see("docker stop is seen", Duration::from_secs(1), since, &others, has_left).await;
    assert_eq!(docker(&["inspect", "--format", "{{.State.ExitCode}}", &stopped]), "0");
    let (back, since) = (Duration::from_secs(10), SystemTime::now());
    docker(&["start", &stopped]);
    let urls = nodes.urls(&[1, 2, 3]);
    nodes.until_all_see("docker start brings it back", back, since, &urls, all_alive).await;

    let killed = nodes.container("discovery-3");
    let since = SystemTime::now();
    docker(&["kill", &killed]);
    let is_dead = |list: &NodeList| named(list, "node-3").is_some_and(|node| node.state == NodeState::Dead);
    let nine = Duration::from_secs(9);
    nodes.until_all_see("docker kill is seen", nine, since, &urls[..2], is_dead).await;
}

#[tokio::test]
async fn three_nodes_outlast_a_pause_a_cut_and_a_move() {
    let (nodes, urls) = up_and_met("returns").await;
    let third = nodes.container("discovery-3");
    let generation = nodes.list(&urls[2]).await.unwrap().own.generation;

    let paused_at = Instant::now();
    docker(&["pause", &third]);
    tokio::time::sleep(Duration::from_secs(4).saturating_sub(paused_at.elapsed())).await;
    let since = SystemTime::now();
    docker(&["unpause", &third]);
    nodes.until_all_see("a pause of 4 s is over", Duration::from_secs(9), since, &urls, all_alive).await;
    // Whoever was taken for dead begins a new life.
    for list in [nodes.list(&urls[0]).await.unwrap(), nodes.list(&urls[1]).await.unwrap()] {
        assert_eq!(named(&list, "node-3").unwrap().generation, generation, "it was buried");
    }
    for url in &urls {
        let metrics = nodes.client.get(format!("{url}/metrics")).send().await.unwrap().text().await.unwrap();
        assert!(metrics.contains("p2pfaas_gossip_rejoins_total 0"), "{url} was taken for dead");
    }

    cut_off(&nodes, &third).await;
    let since = SystemTime::now();
    docker(&["network", "connect", &nodes.network(), &third]);
    let (fifteen, urls) = (Duration::from_secs(15), nodes.urls(&[1, 2, 3]));
    nodes.until_all_see("after the cut all see all", fifteen, since, &urls, all_alive).await;

    // Something else takes its address while it is away.
    let old = nodes.address(&third);
    docker(&["network", "disconnect", &nodes.network(), &third]);
    let name = format!("{}-squatter", nodes.project);
    let network = nodes.network();
    let squatter = Container::run(&name, &["--network", &network, "p2pfaas/learner"]);
    let since = SystemTime::now();
    docker(&["network", "connect", &network, &third]);
    let urls = nodes.urls(&[1, 2, 3]);
    let moved = nodes.address(&third);
    assert_ne!(moved, old);
    let has_moved = |list: &NodeList| {
        let is_there = |node: &Node| node.address.to_string() == moved;
        all_alive(list) && (is_there(&list.own) || list.nodes.iter().any(is_there))
    };
    let fifteen = Duration::from_secs(15);
    nodes.until_all_see("a node that moved is one node", fifteen, since, &urls, has_moved).await;
    drop(squatter);
}

/// Takes a node off the network for a while, until the others bury it and longer.
async fn cut_off(nodes: &Nodes, container: &str) {
    let span = std::env::var(CUT_S_VARIABLE).ok().and_then(|text| text.parse().ok());
    let span = Duration::from_secs(span.unwrap_or(CUT_S_DEFAULT));
    let urls = nodes.urls(&[1, 2]);
    let (since, start) = (SystemTime::now(), Instant::now());
    docker(&["network", "disconnect", &nodes.network(), container]);
    let is_dead = |list: &NodeList| named(list, "node-3").is_some_and(|node| node.state == NodeState::Dead);
    nodes.until_all_see("the cut is seen", Duration::from_secs(9), since, &urls, is_dead).await;
    tokio::time::sleep(span.saturating_sub(start.elapsed())).await;
}
