//! Jobs that go over two links, and jobs for which there is only one place.

use tests::cluster::{Cluster, Part};
use tests::ledger::Ledger;

use super::{assert_error, nodes, one_way, ran_elsewhere};

/// Three nodes that hand on as far as they can, and a job that is held at the end of the way: the numbers of the node
/// in the middle and of the last one.
async fn held(
    cluster: &Cluster,
    ledger: &Ledger,
) -> (tokio::task::JoinHandle<reqwest::Response>, usize, usize) {
    let before = ledger.runs().len();
    let call = cluster.node(1).call("/hold");
    let call = tokio::spawn(async move { call.send().await.unwrap() });
    ledger.started(before + 1).await;
    let last: usize = ledger.nodes()[before].parse().unwrap();
    (call, 5 - last, last)
}

async fn chain(ledger: &Ledger) -> Cluster {
    let mut setup = nodes(3, ledger).await;
    setup.policy("ForwardScheduler", &["2"]);
    setup.start().await
}

#[tokio::test]
async fn the_node_in_the_middle_dies() {
    let ledger = Ledger::new();
    let mut cluster = chain(&ledger).await;
    let (call, middle, last) = held(&cluster, &ledger).await;
    cluster.node_mut(middle).kill(Part::Scheduler).await.unwrap();
    assert_error(call.await.unwrap(), 502, 403).await;
    ledger.until_gone(1).await;
    cluster.until_idle().await;
    let next = cluster.node(1).call("").send().await.unwrap();
    assert_eq!((next.status().as_u16(), ran_elsewhere(&next)), (200, true));
    assert_eq!(ledger.nodes(), [last.to_string(), last.to_string()]);
    ledger.assert_nothing_ran_twice();
}

#[tokio::test]
async fn the_last_node_dies() {
    let ledger = Ledger::new();
    let mut cluster = chain(&ledger).await;
    let (call, middle, last) = held(&cluster, &ledger).await;
    cluster.node_mut(last).kill(Part::Scheduler).await.unwrap();
    assert_error(call.await.unwrap(), 502, 403).await;
    cluster.until_idle().await;
    let next = cluster.node(1).call("").send().await.unwrap();
    assert_eq!(next.status(), 200);
    assert_eq!(ledger.nodes(), [last.to_string(), middle.to_string()]);
    ledger.assert_nothing_ran_twice();
}

#[tokio::test]
async fn the_caller_hangs_up() {
    let ledger = Ledger::new();
    let cluster = chain(&ledger).await;
    for round in 1..=3 {
        let (call, ..) = held(&cluster, &ledger).await;
        call.abort();
        ledger.until_gone(round).await;
        cluster.until_idle().await;
    }
    assert_eq!(ledger.assert_nothing_ran_twice(), 3);
}

#[tokio::test]
async fn the_only_node_with_the_function_is_full() {
    let ledger = Ledger::new();
    let mut setup = one_way(&ledger).await;
    setup.places(1, 0);
    let cluster = setup.start().await;
    let running = tokio::spawn(cluster.node(1).call("/hold").send());
    ledger.started(1).await;
    let answer = cluster.node(1).call("").send().await.unwrap();
    assert!(answer.headers().contains_key("retry-after"));
    assert_error(answer, 503, 400).await;
    ledger.let_through(1);
    assert_eq!(running.await.unwrap().unwrap().status(), 200);
    cluster.until_idle().await;
    assert_eq!(ledger.assert_nothing_ran_twice(), 1);
}
