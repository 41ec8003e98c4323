//! What clients of the original P2PFaaS send and read.

use reqwest::Method;
use serde_json::json;

use super::Node;

async fn trained(node: &Node, eid: &str, state: &str, action: &str, reward: &str) -> (u16, String) {
    let request = node
        .request(Method::GET, "/train")
        .header("X-P2pfaas-Learning-Eid", eid)
        .header("X-P2pfaas-Learning-State", state)
        .header("X-P2pfaas-Learning-Action", action)
        .header("X-P2pfaas-Learning-Reward", reward);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn the_header_forms_are_understood() {
    let node = Node::start(&[("P2PFAAS_AGENT", r#"{"name": "SarsaQTable"}"#)]).await;
    assert_eq!(trained(&node, "1", "0.0,1.0", "1.0", "1").await, (200, "ok".to_owned()));
    assert_eq!(trained(&node, "1", "0.0,1.0", "1.0", "1").await.0, 422);
    assert_eq!(trained(&node, "2", "0.0,x", "1.0", "1").await.0, 422);
    assert_eq!(trained(&node, "two", "0.0,1.0", "1.0", "1").await.0, 422);

    let ask = |state: &'static str| {
        node.request(Method::GET, "/act").header("X-P2pfaas-Learning-State", state).send()
    };
    let answer = ask("0.0,1.0").await.unwrap();
    assert_eq!(answer.status(), 200);
    let epsilon: f64 = answer.headers()["X-P2pfaas-Eps"].to_str().unwrap().parse().unwrap();
    assert_eq!(epsilon, 0.3);
    let action: u32 = answer.text().await.unwrap().parse().unwrap();
    assert!((1..3).contains(&action));
    assert_eq!(ask("").await.unwrap().status(), 400);
    assert_eq!(ask("0.0").await.unwrap().status(), 422);
    assert_eq!(node.request(Method::GET, "/act").send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_batch_holds_numbers_as_text() {
    let node = Node::start(&[]).await;
    let batch = json!([
        {"eid": "3", "state": "0.0,1.0", "action": "1.0", "reward": 1},
        {"eid": "4", "state": "0.0,1.0", "action": "2.0", "reward": "0"},
        {"eid": "5", "state": "0.0,one", "action": "2.0", "reward": 0},
    ]);
    let answer = node.post("/train_batch", batch).await;
    assert_eq!((&answer["accepted"], &answer["refused"][0]["eid"]), (&json!(2), &json!(5)));
    let stats = node.stats().await;
    for key in [
        "inferences",
        "trained_items",
        "epsilon",
        "episodes",
        "pending_entries",
        "eid_max_seen",
        "eid_last_trained",
    ] {
        assert!(stats[key].is_number(), "{key} in {stats}");
    }
    assert_eq!(stats["eid_max_seen"], 4);
}

#[tokio::test]
async fn its_scripts_set_the_parameters() {
    let (one, other) = (Node::start(&[]).await, Node::start(&[]).await);
    let parameters = json!({
        "actions_n": 14, "alpha": 0.001, "beta": 0.1, "window_size": 10, "epsilon": 0.9, "epsilon_min": 0.05,
        "epsilon_decay": 0.9995, "epsilon_decay_enabled": true, "entry_missing_max_attempts": 50
    });
    for node in [&one, &other] {
        node.post("/learner/parameters", json!({"name": "SarsaQTable", "parameters": {}})).await;
        node.post("/learner/parameters", parameters.clone()).await;
    }
    let shown = one.get("/learner/parameters").await;
    assert_eq!(shown, other.get("/learner/parameters").await, "hosts with the same settings answer alike");
    let shown = &shown["parameters"];
    assert_eq!((&shown["actions_n"], &shown["epsilon_start"]), (&json!(14), &json!(0.9)));
    for (key, value) in parameters.as_object().unwrap().iter().filter(|(key, _)| *key != "epsilon") {
        assert_eq!(&shown[key], value, "{key}");
    }
}
