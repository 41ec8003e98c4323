//! Callers that go away, and deadlines, on the far node; and clocks that disagree.

use std::sync::Arc;
use std::time::Duration;

use link::bounds::Timing;
use link::{ClusterKeys, Identity, Links};
use protocol::NodeId;
use protocol::peer::Open;
use reqwest::Method;
use reqwest::header::HeaderMap;
use tests::cluster::{Cluster, Part};
use tests::ledger::Ledger;
use tests::wait;

use super::{assert_error, one_way, ran_elsewhere};

#[tokio::test]
async fn a_caller_that_hangs_up_stops_the_job_on_the_far_node() {
    let ledger = Ledger::new();
    let mut setup = one_way(&ledger).await;
    setup.places(2, 1);
    let cluster = setup.start().await;
    let waiting = async |count: f64| {
        wait::until(&format!("{count} jobs wait there"), async || {
            cluster.node(2).metric("p2pfaas_jobs_waiting").await == count
        })
        .await;
    };
    for round in 1..=3 {
        let running: Vec<_> = (0..2).map(|_| tokio::spawn(cluster.node(1).call("/hold").send())).collect();
        ledger.started(2 * round).await;
        let queued = tokio::spawn(cluster.node(1).call("/hold").send());
        waiting(1.0).await;
        queued.abort();
        waiting(0.0).await;
        for call in running {
            call.abort();
        }
        ledger.until_gone(2 * round).await;
        cluster.until_idle().await;
        assert_eq!(ledger.assert_nothing_ran_twice(), 2 * round, "what waited never ran");
    }
}

#[tokio::test]
async fn a_caller_that_hangs_up_in_the_middle_of_a_reply_stops_it() {
    let ledger = Ledger::new();
    let cluster = one_way(&ledger).await.start().await;
    for _ in 0..5 {
        let mut answer = cluster.node(1).call("?size=1000000000").send().await.unwrap();
        assert!(answer.chunk().await.unwrap().is_some());
        drop(answer);
        cluster.until_idle().await;
    }
}

#[tokio::test]
async fn a_deadline_that_passes_on_the_far_node_is_504_and_stops_the_job() {
    let ledger = Ledger::new();
    let cluster = one_way(&ledger).await.start().await;
    let call = cluster.node(1).call("/hold").header("x-p2pfaas-deadline-ms", "250");
    assert_error(call.send().await.unwrap(), 504, 408).await;
    ledger.until_gone(1).await;
    cluster.until_idle().await;
    let in_time = cluster.node(1).call("").header("x-p2pfaas-deadline-ms", "20000").send().await.unwrap();
    assert_eq!((in_time.status().as_u16(), ran_elsewhere(&in_time)), (200, true));
    assert_eq!(ledger.assert_nothing_ran_twice(), 2);
}

/// The queue of the far node, too, gives a job up whose deadline has passed.
#[tokio::test]
async fn a_deadline_that_passes_in_the_queue_of_the_far_node_is_504_and_the_job_never_runs() {
    let ledger = Ledger::new();
    let mut setup = one_way(&ledger).await;
    setup.places(1, 5);
    let cluster = setup.start().await;
    let running = tokio::spawn(cluster.node(1).call("/hold").send());
    ledger.started(1).await;
    let late = cluster.node(1).call("").header("x-p2pfaas-deadline-ms", "250");
    assert_error(late.send().await.unwrap(), 504, 408).await;
    ledger.let_through(1);
    assert_eq!(running.await.unwrap().unwrap().status(), 200);
    cluster.until_idle().await;
    assert_eq!(ledger.assert_nothing_ran_twice(), 1, "only the first one ran");
}

/// A link to the second node as a third party, to say on it what no scheduler would.
async fn dial(cluster: &Cluster) -> Links {
    let identity = Identity::new(NodeId::new(77), ClusterKeys::none());
    let links = Links::new(identity, Arc::new(|_, _, _| {}), Timing::default());
    wait::until("the peer answers", async || {
        let link = links.link(cluster.node(2).address(Part::Scheduler), None);
        link.probe(Duration::from_secs(1)).await.is_ok()
    })
    .await;
    links
}

/// A job as a node sends it whose clock is wrong by `hours`: the only time of a wall clock on the link is the
/// header in which functions are told when the call arrived.
fn job_from(hours: i64, path: &'static str, deadline_ms: Option<u64>) -> Open {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let then = i128::try_from(now.as_nanos()).unwrap() + i128::from(hours) * 3_600_000_000_000;
    let mut headers = HeaderMap::new();
    headers.insert("x-start-time", then.to_string().parse().unwrap());
    headers.insert("x-call-id", format!("from {hours} h").parse().unwrap());
    Open {
        function: "f".parse().unwrap(),
        method: Method::POST,
        path: path.parse().unwrap(),
        headers,
        call_id: format!("from {hours} h"),
        tracing_id: None,
        task_type: 0,
        hops: 1,
        visited: vec![NodeId::new(77)],
        deadline_ms,
        idempotent: false,
        body_length: 0,
    }
}

/// Deadlines travel as what remains of them, so that the clocks of two nodes need not agree.
#[tokio::test]
async fn a_job_of_a_node_whose_clock_is_wrong_has_the_time_that_it_says() {
    let ledger = Ledger::new();
    let cluster = one_way(&ledger).await.start().await;
    let links = dial(&cluster).await;
    let link = links.link(cluster.node(2).address(Part::Scheduler), None);
    for hours in [-1, 1] {
        let before = ledger.runs().len();
        let call = link.open(&mut job_from(hours, "/", Some(10_000)), [].into()).await.unwrap();
        let (head, _body) = call.response().await.unwrap();
        assert_eq!(head.status, 200, "{hours} hours");
        let call = link.open(&mut job_from(hours, "/hold", Some(200)), [].into()).await.unwrap();
        let (head, _body) = call.response().await.unwrap();
        assert_eq!(head.status, 504, "{hours} hours");
        assert_eq!(ledger.runs().len(), before + 2);
    }
    links.close().await;
    cluster.until_idle().await;
}

/// A node that lived while its clock was an hour ahead, and is started again with the right one: its lives are
/// counted by the clock, and the new one must still be the later one for the others.
#[tokio::test]
async fn a_node_whose_clock_was_an_hour_ahead_is_used_again_after_a_restart() {
    let ledger = Ledger::new();
    let mut cluster = one_way(&ledger).await.start().await;
    for part in [Part::Scheduler, Part::Discovery] {
        cluster.node_mut(2).kill(part).await.unwrap();
    }
    let file = cluster.node(2).plan().data(Part::Discovery).join("node.json");
    let mut node: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let generation = node["generation"].as_u64().unwrap() + 3_600;
    node["generation"] = generation.into();
    std::fs::write(&file, node.to_string()).unwrap();
    for part in [Part::Discovery, Part::Scheduler] {
        cluster.node_mut(2).restart(part).await.unwrap();
    }
    wait::until("the new life is seen, and used", async || {
        let seen = cluster.node(1).list().await.nodes;
        let is_seen = seen.iter().any(|node| u64::from(node.generation) > generation);
        is_seen && cluster.node(1).call("").send().await.unwrap().status() == 200
    })
    .await;
    cluster.until_idle().await;
    ledger.assert_nothing_ran_twice();
}
