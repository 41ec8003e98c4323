//! Jobs that go over two links, and jobs for which there is only one place.

use tests::cluster::{Cluster, Part};
use tests::ledger::Ledger;

use super::{assert_error, nodes, one_way, ran_elsewhere};

/// A job that is held at the end of a way of three nodes.
struct Held {
    call: tokio::task::JoinHandle<reqwest::Response>,
    middle: usize,
    last: usize,
}

/// On a machine that is busy a link may not come up in time, and the way is shorter: that job is let go.
const TRIES_MAX: usize = 10;

async fn held(cluster: &Cluster, ledger: &Ledger) -> Held {
    for _ in 0..TRIES_MAX {
        let before = ledger.runs().len();
        let call = cluster.node(1).call("/hold");
        let call = tokio::spawn(async move { call.send().await.unwrap() });
        ledger.started(before + 1).await;
        let last: usize = ledger.nodes()[before].parse().unwrap();
        let middle = 5 - last;
        let handed_on = "p2pfaas_link_streams_open{direction=\"outgoing\"}";
        if last != 1 && cluster.node(middle).metric(handed_on).await == 1.0 {
            return Held { call, middle, last };
        }
        ledger.let_through(1);
        assert_eq!(call.await.unwrap().status(), 200);
    }
    panic!("no job goes over three nodes");
}

/// The nodes of the last two runs.
fn last_two(ledger: &Ledger) -> Vec<String> {
    let mut nodes = ledger.nodes();
    nodes.split_off(nodes.len() - 2)
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
    let Held { call, middle, last } = held(&cluster, &ledger).await;
    cluster.node_mut(middle).kill(Part::Scheduler).await.unwrap();
    assert_error(call.await.unwrap(), 502, 403).await;
    ledger.until_gone(1).await;
    cluster.until_idle().await;
    let next = cluster.node(1).call("").send().await.unwrap();
    assert_eq!((next.status().as_u16(), ran_elsewhere(&next)), (200, true));
    assert_eq!(last_two(&ledger), [last.to_string(), last.to_string()]);
    ledger.assert_nothing_ran_twice();
}

#[tokio::test]
async fn the_last_node_dies() {
    let ledger = Ledger::new();
    let mut cluster = chain(&ledger).await;
    let Held { call, middle, last } = held(&cluster, &ledger).await;
    cluster.node_mut(last).kill(Part::Scheduler).await.unwrap();
    assert_error(call.await.unwrap(), 502, 403).await;
    cluster.until_idle().await;
    let next = cluster.node(1).call("").send().await.unwrap();
    assert_eq!(next.status(), 200);
    assert_eq!(last_two(&ledger), [last.to_string(), middle.to_string()]);
    ledger.assert_nothing_ran_twice();
}

#[tokio::test]
async fn the_caller_hangs_up() {
    let ledger = Ledger::new();
    let cluster = chain(&ledger).await;
    for round in 1..=3 {
        let Held { call, .. } = held(&cluster, &ledger).await;
        call.abort();
        ledger.until_gone(round).await;
        cluster.until_idle().await;
    }
    ledger.assert_nothing_ran_twice();
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
