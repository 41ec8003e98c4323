//! Peers that drain, are full, are dead, or all want to hand on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tests::cluster::{Cluster, Member, Part};
use tests::cut::Wire;
use tests::ledger::Ledger;
use tests::wait;
use tokio::task::JoinSet;

use super::{assert_error, list, nodes, ran_elsewhere};

/// Callers that call on and on until they are stopped.
struct Callers {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<Vec<u16>>,
}

impl Callers {
    fn start(count: usize, call: &RequestBuilder) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            let (stop, call) = (Arc::clone(&stop), call.try_clone().unwrap());
            tasks.spawn(async move {
                let mut statuses = Vec::new();
                while !stop.load(Ordering::SeqCst) {
                    let answer = call.try_clone().unwrap().send().await.unwrap();
                    statuses.push(answer.status().as_u16());
                    answer.bytes().await.unwrap();
                }
                statuses
            });
        }
        Self { stop, tasks }
    }

    /// Stops them, and answers how many calls were made, which all must have been answered 200.
    async fn stop(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        let statuses = self.tasks.join_all().await.concat();
        let bad: Vec<_> = statuses.iter().filter(|&&status| status != 200).collect();
        assert!(bad.is_empty(), "of {} calls some were answered {bad:?}", statuses.len());
        statuses.len()
    }
}

async fn offers(node: &Member, became: &str) -> f64 {
    node.metric(&format!("p2pfaas_forwards_total{{became=\"{became}\"}}")).await
}

async fn set_policy(node: &Member, name: &str, parameters: &[&str]) {
    let policy = json!({"name": name, "parameters": parameters});
    let set = node.request(Method::POST, "/configuration/scheduler").body(policy.to_string());
    assert_eq!(set.send().await.unwrap().status(), 200);
}

async fn until_forwards(cluster: &Cluster, more: f64) {
    let before = offers(cluster.node(1), "answered").await;
    wait::until("jobs are handed on", async || offers(cluster.node(1), "answered").await >= before + more)
        .await;
}

#[tokio::test]
async fn a_peer_that_drains_under_load_loses_no_call() {
    let ledger = Ledger::new();
    let mut setup = nodes(3, &ledger).await;
    setup.policy("ForwardScheduler", &["1"]);
    let mut cluster = setup.start().await;
    let callers = Callers::start(8, &cluster.node(1).call("?delay_ms=3"));
    for _ in 0..3 {
        until_forwards(&cluster, 50.0).await;
        assert_eq!(cluster.node_mut(2).stop(Part::Scheduler).await.unwrap().code(), Some(0));
        until_forwards(&cluster, 50.0).await;
        cluster.node_mut(2).restart(Part::Scheduler).await.unwrap();
    }
    let calls = callers.stop().await;
    cluster.until_idle().await;
    assert_eq!(ledger.assert_nothing_ran_twice(), calls);
}

/// Either end is told to stop while a job is between them.
#[tokio::test]
async fn a_job_that_was_handed_on_ends_before_the_nodes_that_have_it() {
    let ledger = Ledger::new();
    let mut cluster = nodes(2, &ledger).await.start().await;
    for (round, leaver) in [(1, 1), (2, 2)] {
        let call = tokio::spawn(cluster.node(1).forward("/hold").send());
        ledger.started(round).await;
        let health = cluster.node(leaver).request(Method::GET, "/health");
        let drains = async {
            wait::until("it drains", async || {
                health.try_clone().unwrap().send().await.unwrap().status() == 503
            })
            .await;
            assert!(!call.is_finished(), "the job is still there");
            ledger.let_through(1);
            call.await.unwrap().unwrap()
        };
        let (ended, answer) = tokio::join!(cluster.node_mut(leaver).stop(Part::Scheduler), drains);
        assert_eq!(ended.unwrap().code(), Some(0));
        assert_eq!((answer.status().as_u16(), ran_elsewhere(&answer)), (200, true));
        cluster.node_mut(leaver).restart(Part::Scheduler).await.unwrap();
        cluster.meet().await;
    }
    assert_eq!(ledger.nodes(), ["2", "2"]);
    ledger.assert_nothing_ran_twice();
}

#[tokio::test]
async fn where_all_nodes_are_full_a_call_is_refused_and_may_come_again() {
    let ledger = Ledger::new();
    let mut setup = nodes(2, &ledger).await;
    setup.places(1, 0);
    setup.policy("PowerOfTwoScheduler", &[]);
    let cluster = setup.start().await;
    let running: Vec<_> = (0..2).map(|_| tokio::spawn(cluster.node(1).call("/hold").send())).collect();
    ledger.started(2).await;
    for number in [1, 2] {
        for policy in ["PowerOfTwoScheduler", "ForwardScheduler", "NoScheduler"] {
            let parameters: &[&str] = match policy {
                "ForwardScheduler" => &["2"],
                "NoScheduler" => &["true"],
                _ => &[],
            };
            set_policy(cluster.node(number), policy, parameters).await;
            let answer = cluster.node(number).call("").send().await.unwrap();
            assert!(answer.headers().contains_key("retry-after"), "{policy}");
            assert_error(answer, 503, 400).await;
        }
    }
    ledger.let_through(2);
    for call in running {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    cluster.until_idle().await;
    assert_eq!(ledger.assert_nothing_ran_twice(), 2);
    assert_eq!(cluster.node(1).call("").send().await.unwrap().status(), 200);
}

/// The original's counter of hops stood still, so that a job could go round for ever.
#[tokio::test]
async fn three_nodes_that_all_hand_on_send_no_job_round() {
    let ledger = Ledger::new();
    let mut setup = nodes(3, &ledger).await;
    setup.policy("ForwardScheduler", &["8"]);
    let cluster = setup.start().await;
    let mut ids = Vec::new();
    for node in cluster.nodes() {
        ids.push(node.id().await);
    }
    for _ in 0..10 {
        let answer = cluster.node(1).call("").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let mut passed: Vec<String> = list(&answer, "x-p2pfaas-peers-list-id")
            .iter()
            .map(|id| id.as_str().unwrap().to_owned())
            .collect();
        assert_eq!(answer.headers()["x-p2pfaas-hops"].to_str().unwrap(), (passed.len() - 1).to_string());
        assert_eq!(passed[0], ids[0], "the first one is the one that was called");
        passed.sort();
        passed.dedup();
        assert_eq!(passed.len(), 3, "each node once");
    }
    cluster.until_idle().await;
    assert_eq!(ledger.assert_nothing_ran_twice(), 10);
    assert!(ledger.nodes().iter().all(|node| node != "1"), "each job went as far as it could");
}

/// In the original a dead peer looked idle, and was chosen again and again.
#[tokio::test]
async fn a_dead_peer_is_not_chosen_among_two() {
    let ledger = Ledger::new();
    let mut setup = nodes(3, &ledger).await;
    setup.policy("PowerOfNScheduler", &["2", "1", "false", "1"]);
    let mut cluster = setup.start().await;
    let busy = tokio::spawn(cluster.node(1).call("/hold").send());
    ledger.started(1).await;
    cluster.node_mut(3).kill_all().await.unwrap();
    for _ in 0..30 {
        let answer = cluster.node(1).call("").send().await.unwrap();
        assert_eq!((answer.status().as_u16(), ran_elsewhere(&answer)), (200, true));
    }
    assert_eq!(offers(cluster.node(1), "answered").await, 30.0);
    for became in ["refused", "unreachable", "lost", "late"] {
        assert_eq!(offers(cluster.node(1), became).await, 0.0, "{became}");
    }
    ledger.let_through(1);
    assert_eq!(busy.await.unwrap().unwrap().status(), 200);
    cluster.until_idle().await;
    assert_eq!(ledger.assert_nothing_ran_twice(), 31);
}

#[tokio::test]
async fn a_dead_peer_is_tried_once_by_a_policy_that_does_not_ask() {
    let ledger = Ledger::new();
    let mut setup = nodes(3, &ledger).await;
    setup.policy("ForwardScheduler", &["1"]);
    let mut cluster = setup.start().await;
    cluster.node_mut(3).kill_all().await.unwrap();
    for _ in 0..40 {
        let answer = cluster.node(1).call("").send().await.unwrap();
        assert_eq!((answer.status().as_u16(), ran_elsewhere(&answer)), (200, true));
    }
    let failed = offers(cluster.node(1), "unreachable").await + offers(cluster.node(1), "lost").await;
    assert!(failed <= 1.0, "the dead peer was tried {failed} times");
    cluster.until_idle().await;
    assert_eq!(ledger.assert_nothing_ran_twice(), 40);
}

/// In the original each call waited half a minute for a peer that had vanished.
#[tokio::test]
async fn a_peer_that_vanishes_is_asked_once_and_not_by_each_job() {
    let ledger = Ledger::new();
    let mut setup = nodes(2, &ledger).await;
    let wire = Wire::before(setup.scheduler(2)).await;
    setup.set_on(2, Part::Discovery, "P2PFAAS_SCHEDULER_PORT", wire.port());
    setup.policy("PowerOfNScheduler", &["1", "1", "false", "1"]);
    let cluster = setup.start().await;
    let busy = tokio::spawn(cluster.node(1).call("/hold").send());
    ledger.started(1).await;
    assert!(ran_elsewhere(&cluster.node(1).call("").send().await.unwrap()));
    let probes = async || cluster.node(1).metric("p2pfaas_job_probing_seconds_count").await;
    let before = probes().await;
    wire.silence();
    for _ in 0..20 {
        let answer = cluster.node(1).call("").send().await.unwrap();
        assert_eq!((answer.status().as_u16(), ran_elsewhere(&answer)), (200, false));
    }
    assert_eq!(probes().await, before + 1.0);
    wire.heal();
    wait::until("it is asked again when it answers", async || {
        ran_elsewhere(&cluster.node(1).call("").send().await.unwrap())
    })
    .await;
    ledger.let_through(1);
    assert_eq!(busy.await.unwrap().unwrap().status(), 200);
    cluster.until_idle().await;
    ledger.assert_nothing_ran_twice();
}

/// The original's policy could not be replaced while a function ran.
#[tokio::test]
async fn a_policy_that_changes_under_load_loses_no_job() {
    let ledger = Ledger::new();
    let cluster = nodes(3, &ledger).await.start().await;
    let callers = Callers::start(12, &cluster.node(1).call("?delay_ms=2"));
    let policies: [(&str, &[&str]); 6] = [
        ("ForwardScheduler", &["2"]),
        ("PowerOfTwoScheduler", &[]),
        ("NoScheduler", &["false"]),
        ("RoundRobinScheduler", &[]),
        ("PowerOfNSchedulerTau", &["2", "1", "false", "1", "5ms"]),
        ("RandomScheduler", &[]),
    ];
    let jobs = async |cluster: &Cluster| cluster.node(1).metric("p2pfaas_jobs_total").await;
    for _ in 0..2 {
        for (name, parameters) in policies {
            set_policy(cluster.node(1), name, parameters).await;
            let before = jobs(&cluster).await;
            wait::until("jobs run under it", async || jobs(&cluster).await > before + 40.0).await;
        }
    }
    let calls = callers.stop().await;
    cluster.until_idle().await;
    assert_eq!(ledger.assert_nothing_ran_twice(), calls);
}

/// While discovery is away, the last list of nodes serves on.
#[tokio::test]
async fn without_discovery_the_peers_stay_known() {
    let ledger = Ledger::new();
    let mut cluster = nodes(2, &ledger).await.start().await;
    for number in [1, 2] {
        cluster.node_mut(number).kill(Part::Discovery).await.unwrap();
    }
    wait::until("it is missed", async || {
        let health = cluster.node(1).request(Method::GET, "/health").send().await.unwrap();
        health.json::<serde_json::Value>().await.unwrap()["degraded"]["discovery"].is_string()
    })
    .await;
    for _ in 0..10 {
        assert!(ran_elsewhere(&cluster.node(1).forward("").send().await.unwrap()));
    }
    for number in [1, 2] {
        cluster.node_mut(number).restart(Part::Discovery).await.unwrap();
    }
    cluster.meet().await;
    cluster.until_idle().await;
    ledger.assert_nothing_ran_twice();
}

/// Nodes may take bodies of different sizes: what is too large for a peer is for another node to run, and
/// its caller hears of it only where there is none.
#[tokio::test]
async fn a_body_that_is_too_large_for_a_peer_runs_where_it_is_not() {
    let ledger = Ledger::new();
    let mut setup = nodes(2, &ledger).await;
    setup.function(2, "g", &ledger.serve("2").await);
    setup.set_on(2, Part::Scheduler, "P2PFAAS_BODY_BYTES_MAX", "1000");
    let cluster = setup.start().await;
    let answer = cluster.node(1).forward("").body(vec![7; 100_000]).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), ran_elsewhere(&answer)), (200, false));
    assert_eq!(ledger.nodes(), ["1"]);
    let only_there = cluster.node(1).request(Method::POST, "/function/g").body(vec![7; 100_000]);
    let message = assert_error(only_there.send().await.unwrap(), 413, 4).await;
    assert!(message.contains("body_bytes_max"), "{message}");
    assert_eq!(ledger.assert_nothing_ran_twice(), 1);
    cluster.until_idle().await;
}
