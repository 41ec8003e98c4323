//! The wire between two nodes is cut, falls silent, and heals.

use reqwest::Response;
use tests::cluster::{Cluster, Part};
use tests::cut::Wire;
use tests::ledger::Ledger;
use tests::wait;

use super::{assert_error, nodes, ran_elsewhere};

/// Two nodes; what the first one hands to the second one goes over the wire.
async fn wired(ledger: &Ledger) -> (Cluster, Wire) {
    let mut setup = nodes(2, ledger).await;
    let wire = Wire::before(setup.scheduler(2)).await;
    setup.set_on(2, Part::Discovery, "P2PFAAS_SCHEDULER_PORT", wire.port());
    let cluster = setup.start().await;
    until_forwarded(&cluster).await;
    (cluster, wire)
}

async fn until_forwarded(cluster: &Cluster) {
    wait::until("jobs go over the wire", async || {
        ran_elsewhere(&cluster.node(1).forward("").send().await.unwrap())
    })
    .await;
}

fn assert_ran_here(answer: &Response) {
    assert_eq!((answer.status().as_u16(), ran_elsewhere(answer)), (200, false));
}

#[tokio::test]
async fn a_link_that_is_cut_costs_the_jobs_that_run_over_it_and_no_others() {
    let ledger = Ledger::new();
    let (cluster, wire) = wired(&ledger).await;
    for _ in 0..3 {
        let before = ledger.runs().len();
        let running: Vec<_> = (0..4).map(|_| tokio::spawn(cluster.node(1).forward("/hold").send())).collect();
        ledger.started(before + 4).await;
        wire.cut();
        for call in running {
            assert_error(call.await.unwrap().unwrap(), 502, 403).await;
        }
        // The far node notices, too, and stops what nobody waits for.
        cluster.until_idle().await;
        for _ in 0..5 {
            assert_ran_here(&cluster.node(1).forward("").send().await.unwrap());
        }
        wire.heal();
        until_forwarded(&cluster).await;
    }
    ledger.until_gone(12).await;
    ledger.assert_nothing_ran_twice();
}

/// A link on which nothing comes any more is dead after three missed signs of life, 15 seconds.
#[tokio::test]
async fn a_link_that_falls_silent_is_given_up() {
    let ledger = Ledger::new();
    let (cluster, wire) = wired(&ledger).await;
    let before = ledger.runs().len();
    let running = tokio::spawn(cluster.node(1).forward("/hold").send());
    ledger.started(before + 1).await;
    wire.silence();
    assert_error(running.await.unwrap().unwrap(), 502, 403).await;
    cluster.node(1).until_idle().await;
    assert_ran_here(&cluster.node(1).forward("").send().await.unwrap());
    wire.heal();
    until_forwarded(&cluster).await;
    ledger.until_gone(1).await;
    cluster.until_idle().await;
    ledger.assert_nothing_ran_twice();
}

/// The peer did accept, which nobody has heard: it may run, so that it must not run elsewhere.
#[tokio::test]
async fn a_job_whose_acceptance_is_lost_does_not_run_twice() {
    let ledger = Ledger::new();
    let (cluster, wire) = wired(&ledger).await;
    for path in ["", "/hold"] {
        let before = ledger.runs().len();
        let sent = cluster.node(1).metric("p2pfaas_link_frames_sent_total").await;
        wire.silence();
        let call = tokio::spawn(cluster.node(1).forward(path).send());
        wait::until("the job is on the wire", async || {
            cluster.node(1).metric("p2pfaas_link_frames_sent_total").await > sent
        })
        .await;
        wire.cut();
        let answer = call.await.unwrap().unwrap();
        assert!(answer.status() == 200 || answer.status() == 502, "{}", answer.status());
        ledger.let_through(1);
        wire.heal();
        until_forwarded(&cluster).await;
        cluster.until_idle().await;
        ledger.assert_nothing_ran_twice();
        assert!(ledger.runs().len() > before);
    }
}

/// A part of the body has gone when the wire falls silent and breaks: the peer cannot have begun.
#[tokio::test]
async fn a_link_that_is_cut_in_the_middle_of_a_request_body_costs_nothing() {
    let ledger = Ledger::new();
    let (cluster, wire) = wired(&ledger).await;
    let before = ledger.runs().len();
    wire.silence_after(1_000_000);
    let call = tokio::spawn(cluster.node(1).forward("").body(vec![7; 20_000_000]).send());
    wire.silent().await;
    wire.cut();
    let answer = call.await.unwrap().unwrap();
    assert_ran_here(&answer);
    assert_eq!(answer.bytes().await.unwrap().len(), 20_000_000);
    assert_eq!(ledger.runs().len(), before + 1);
    cluster.until_idle().await;
    ledger.assert_nothing_ran_twice();
}
