//! Three nodes in containers: a hot spot is shared, and a node that dies is missed by nobody. The images are those
//! that `make images` builds.

use protocol::nodes::{NodeList, NodeState};
use reqwest::Client;
use tests::compose::Compose;
use tests::wait;

use super::hot_spot::{assert_shared, counts, load};

const SCHEDULERS: [&str; 3] = ["scheduler-1", "scheduler-2", "scheduler-3"];

/// How many jobs the scheduler there has run itself.
async fn jobs_run(client: &Client, url: &str) -> usize {
    let text = client.get(format!("{url}/metrics")).send().await.unwrap().text().await.unwrap();
    let is_run = |line: &&str| line.starts_with("p2pfaas_jobs_total") && line.contains("decision=\"run\"");
    text.lines().filter(is_run).map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum()
}

/// Waits until the scheduler there sees so many others alive, with the function.
async fn until_met(client: &Client, url: &str, others: usize) {
    let is_there =
        |node: &protocol::nodes::Node| node.state == NodeState::Alive && !node.functions.is_empty();
    wait::until(&format!("{url} sees {others} others"), async || {
        let Ok(answer) = client.get(format!("{url}/nodes")).send().await else {
            return false;
        };
        let list = answer.json::<NodeList>().await;
        list.is_ok_and(|list| list.nodes.iter().filter(|&node| is_there(node)).count() == others)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hot_spot_is_shared_and_a_node_that_dies_is_not_missed() {
    let compose = Compose::up("cooperation.yml", "hot-spot");
    let client = Client::new();
    let urls = SCHEDULERS.map(|service| format!("http://{}", compose.published(service, 18_080)));
    for url in &urls {
        until_met(&client, url, 2).await;
    }
    let report = load(&urls[0]).await;
    let (served, refused) = counts(&report);
    let mut shares = Vec::new();
    for url in &urls {
        shares.push(jobs_run(&client, url).await);
    }
    println!("three: {served} served, {refused} refused, by node {shares:?}");
    assert_shared(served, refused, &shares);

    compose.order("kill", "scheduler-3");
    for _ in 0..50 {
        let call = client.post(format!("{}/function/f", urls[0])).body("hello");
        let answer = call.header("x-p2pfaas-scheduler-forward", "1").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.headers().contains_key("x-p2pfaas-externally-executed"), "the second one is there");
        assert_eq!(answer.text().await.unwrap(), "hello");
    }
}
