//! A peer that breaks off while it has a job.

use reqwest::Response;
use tests::cluster::{Cluster, Part};
use tests::ledger::Ledger;
use tests::wait;
use tokio::task::JoinHandle;

use super::{assert_error, nodes, one_way, ran_elsewhere};

fn held(cluster: &Cluster) -> JoinHandle<reqwest::Result<Response>> {
    tokio::spawn(cluster.node(1).forward("/hold").send())
}

#[tokio::test]
async fn a_peer_that_dies_while_the_function_runs_is_one_502() {
    let ledger = Ledger::new();
    let mut cluster = nodes(2, &ledger).await.start().await;
    let call = held(&cluster);
    ledger.started(1).await;
    assert_eq!(ledger.nodes(), ["2"]);
    cluster.node_mut(2).kill(Part::Scheduler).await.unwrap();
    // The function is still held: nothing but the loss of the peer can be what ends the call.
    let message = assert_error(call.await.unwrap().unwrap(), 502, 403).await;
    assert!(message.contains("lost"), "{message}");
    cluster.until_idle().await;

    let next = cluster.node(1).forward("").send().await.unwrap();
    assert_eq!((next.status().as_u16(), ran_elsewhere(&next)), (200, false));
    assert_eq!(ledger.nodes(), ["2", "1"], "the lost job ran once");
    cluster.node_mut(2).restart(Part::Scheduler).await.unwrap();
    wait::until("the peer is used again", async || {
        ran_elsewhere(&cluster.node(1).forward("").send().await.unwrap())
    })
    .await;
    ledger.assert_nothing_ran_twice();
}

#[tokio::test]
async fn an_idempotent_job_of_a_peer_that_dies_is_tried_elsewhere() {
    let ledger = Ledger::new();
    let mut cluster = nodes(2, &ledger).await.start().await;
    let call = cluster.node(1).forward("/hold").header("x-p2pfaas-idempotent", "true");
    let call = tokio::spawn(call.send());
    ledger.started(1).await;
    cluster.node_mut(2).kill(Part::Scheduler).await.unwrap();
    ledger.started(2).await;
    ledger.let_through(2);
    let answer = call.await.unwrap().unwrap();
    assert_eq!((answer.status().as_u16(), ran_elsewhere(&answer)), (200, false));
    assert_eq!(ledger.nodes(), ["2", "1"]);
    cluster.until_idle().await;
}

/// The first node is idle, and goes on knowing the peer, whose discovery lives.
#[tokio::test]
async fn a_function_whose_only_node_has_died_is_not_called_a_full_node() {
    let ledger = Ledger::new();
    let mut cluster = one_way(&ledger).await.start().await;
    assert!(ran_elsewhere(&cluster.node(1).call("").send().await.unwrap()));
    cluster.node_mut(2).kill(Part::Scheduler).await.unwrap();
    for _ in 0..2 {
        let answer = cluster.node(1).call("").send().await.unwrap();
        assert!(answer.headers().contains_key("retry-after"));
        let message = assert_error(answer, 503, 400).await;
        assert!(message.contains("only other nodes have the function"), "{message}");
    }
    cluster.until_idle().await;
}

/// The peer is frozen while the body comes in, so that it cannot have begun, and then killed.
#[tokio::test]
async fn a_peer_that_dies_in_the_middle_of_a_request_body_has_not_run_it() {
    let ledger = Ledger::new();
    let mut cluster = nodes(2, &ledger).await.start().await;
    assert!(ran_elsewhere(&cluster.node(1).forward("").send().await.unwrap()));
    let before = cluster.node(1).metric("p2pfaas_link_bytes_sent_total").await;
    cluster.node_mut(2).pause(Part::Scheduler).unwrap();
    let call = tokio::spawn(cluster.node(1).forward("").body(vec![7; 20_000_000]).send());
    wait::until("a part of the body is on its way", async || {
        cluster.node(1).metric("p2pfaas_link_bytes_sent_total").await > before + 100_000.0
    })
    .await;
    cluster.node_mut(2).kill(Part::Scheduler).await.unwrap();
    let answer = call.await.unwrap().unwrap();
    assert_eq!((answer.status().as_u16(), ran_elsewhere(&answer)), (200, false));
    assert_eq!(answer.bytes().await.unwrap().len(), 20_000_000);
    assert_eq!(ledger.nodes(), ["2", "1"]);
    cluster.until_idle().await;
}

#[tokio::test]
async fn a_peer_that_dies_in_the_middle_of_a_reply_breaks_the_reply_off() {
    let ledger = Ledger::new();
    let mut cluster = one_way(&ledger).await.start().await;
    let mut answer = cluster.node(1).call("?size=1000000000").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let first = answer.chunk().await.unwrap().unwrap();
    assert!(first.iter().all(|byte| *byte == b'x'));
    cluster.node_mut(2).kill(Part::Scheduler).await.unwrap();
    let broken = loop {
        match answer.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a part of the reply was taken for the whole"),
            Err(error) => break error,
        }
    };
    assert!(broken.is_body() || broken.is_decode(), "{broken:?}");
    cluster.until_idle().await;
    assert_eq!(ledger.nodes(), ["2"]);
}

/// A frozen peer may have run what it was given, and the caller cannot know: it says so once, and gives it
/// nothing more until it answers.
#[tokio::test]
async fn a_peer_that_freezes_is_given_one_job_and_no_more() {
    let ledger = Ledger::new();
    let mut setup = nodes(2, &ledger).await;
    setup.set(Part::Scheduler, "P2PFAAS_ACCEPT_TIMEOUT_MS", 300);
    let mut cluster = setup.start().await;
    assert!(ran_elsewhere(&cluster.node(1).forward("").send().await.unwrap()));
    cluster.node_mut(2).pause(Part::Scheduler).unwrap();
    assert_error(cluster.node(1).forward("").send().await.unwrap(), 502, 403).await;
    for _ in 0..10 {
        let answer = cluster.node(1).forward("").send().await.unwrap();
        assert_eq!((answer.status().as_u16(), ran_elsewhere(&answer)), (200, false));
    }
    cluster.node_mut(2).resume(Part::Scheduler).unwrap();
    wait::until("the peer is used again", async || {
        ran_elsewhere(&cluster.node(1).forward("").send().await.unwrap())
    })
    .await;
    cluster.until_idle().await;
    ledger.assert_nothing_ran_twice();
}

#[tokio::test]
async fn an_idempotent_job_of_a_peer_that_freezes_is_tried_elsewhere() {
    let ledger = Ledger::new();
    let mut setup = nodes(2, &ledger).await;
    setup.set(Part::Scheduler, "P2PFAAS_ACCEPT_TIMEOUT_MS", 300);
    let mut cluster = setup.start().await;
    assert!(ran_elsewhere(&cluster.node(1).forward("").send().await.unwrap()));
    cluster.node_mut(2).pause(Part::Scheduler).unwrap();
    let call = cluster.node(1).forward("").header("x-p2pfaas-idempotent", "true");
    let answer = call.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), ran_elsewhere(&answer)), (200, false));
    cluster.node_mut(2).resume(Part::Scheduler).unwrap();
    cluster.until_idle().await;
}
