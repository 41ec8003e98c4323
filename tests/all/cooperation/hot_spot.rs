//! One node gets more than it can serve, and its peers help.

use std::time::Duration;

use bench::load::{Plan, Report, run};
use reqwest::Method;
use serde_json::json;
use tests::cluster::Part;
use tests::ledger::Ledger;
use tokio_util::sync::CancellationToken;

use super::nodes;

const SLOTS: usize = 8;
/// A few seconds of the load fill that of a node that stays alone; that of three outlasts a machine that is busy
/// with other things, too.
const QUEUE: usize = 64;
/// Long beside what handing on costs in a debug build.
const FUNCTION_MS: u64 = 200;
/// What the hot node is offered, of what it can do alone.
const HOT: f64 = 2.5;
const DURATION: Duration = Duration::from_secs(4);

/// More calls of `f` at this node than it can serve alone, where it has `SLOTS`.
pub(super) async fn load(node: &str) -> Report {
    let url = format!("{node}/function/f?delay_ms={FUNCTION_MS}");
    let plan = Plan::get(url.parse().unwrap()).unwrap();
    let capacity = SLOTS as f64 * 1_000.0 / FUNCTION_MS as f64;
    let plan = Plan {
        connections: 128.try_into().unwrap(),
        threads: 1.try_into().unwrap(),
        duration: DURATION,
        rate: Some(HOT * capacity),
        ..plan
    };
    run(plan, &CancellationToken::new()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hot_spot_is_served_by_its_peers() {
    let ledger = Ledger::new();
    let mut setup = nodes(3, &ledger).await;
    setup.places(SLOTS, QUEUE);
    setup.policy("NoScheduler", &["false"]);
    let cluster = setup.start().await;
    let alone = load(&cluster.node(1).url(Part::Scheduler, "")).await;
    let (served, refused) = counts(&alone);
    println!("alone: {served} served, {refused} refused");
    assert!(refused > served / 2, "the load is more than one node can serve");

    let policy = json!({"name": "PowerOfTwoScheduler", "parameters": []}).to_string();
    let set = cluster.node(1).request(Method::POST, "/configuration/scheduler").body(policy);
    assert_eq!(set.send().await.unwrap().status(), 200);
    let before = ledger.runs().len();
    let together = load(&cluster.node(1).url(Part::Scheduler, "")).await;
    let (served, refused) = counts(&together);
    let ran = ledger.nodes().split_off(before);
    let shares = ["1", "2", "3"].map(|name| ran.iter().filter(|node| *node == name).count());
    println!("together: {served} served, {refused} refused, by node {shares:?}");
    println!("{together}");
    assert_shared(served, refused, &shares);
    cluster.until_idle().await;
    ledger.assert_nothing_ran_twice();
}

/// Asserts that hardly a call was refused, and that each node had its part.
pub(super) fn assert_shared(served: usize, refused: usize, shares: &[usize]) {
    assert!(refused * 100 < served + refused, "{refused} of {} were refused", served + refused);
    for share in shares {
        assert!(share * 5 >= served, "each node has a fifth at least: {shares:?}");
    }
}

/// Calls that were answered 2xx, and those that were refused; nothing else may happen.
pub(super) fn counts(report: &Report) -> (usize, usize) {
    let refused = report.statuses_not_2xx.get(&503).copied().unwrap_or_default();
    assert_eq!(report.failed(), refused, "{report}");
    let count = |calls: u64| usize::try_from(calls).unwrap();
    (count(report.answers - refused), count(refused))
}
