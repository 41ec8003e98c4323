//! The routes of a discovery: each answers bad input with an error that says what is wrong.

use std::collections::BTreeSet;

use protocol::nodes::NodeState;
use reqwest::Method;
use serde_json::{Value, json};
use tests::wait;

use super::Discovery;

#[tokio::test]
async fn bad_input_is_answered_with_what_is_wrong() {
    let node = Discovery::start(&[]).await;
    for (method, path, body, status, named) in [
        ("GET", "/nodes?format=png", "", 400, "format"),
        ("GET", "/nodes?shape=dot", "", 400, "shape"),
        ("POST", "/nodes", "", 400, "address"),
        ("POST", "/nodes", "[1]", 400, "address"),
        ("POST", "/nodes", r#"{"address": 7}"#, 400, "address"),
        ("POST", "/nodes", r#"{"address": "a", "b": 1}"#, 400, "b"),
        ("POST", "/nodes", r#"{"address": "a b"}"#, 422, "a b"),
        ("POST", "/nodes", r#"{"address": "10.0.0.1:0"}"#, 422, "10.0.0.1:0"),
        ("POST", "/nodes", r#"{"address": "no-such-host.invalid"}"#, 422, "no-such-host.invalid"),
        ("DELETE", "/nodes/7", "", 400, "16"),
        ("DELETE", "/nodes/00000000000000zz", "", 400, "16"),
        ("DELETE", "/nodes/0000000000000007", "", 404, "0000000000000007"),
        ("GET", "/nodes/watch", "", 426, "WebSocket"),
        ("POST", "/list", "", 405, "POST"),
        ("POST", "/configuration", r#"{"init_servers": ["a b"]}"#, 422, "init_servers"),
        ("POST", "/configuration", r#"{"machine_ip": "::"}"#, 422, "machine_ip"),
        ("POST", "/configuration", r#"{"cluster_key": "correct horse battery"}"#, 409, "cluster_key"),
        ("POST", "/configuration", r#"{"gossip_port": 7}"#, 409, "gossip_port"),
    ] {
        let method: Method = method.parse().unwrap();
        let answer = node.client.request(method, node.url(path)).body(body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path} {body}");
        let error: Value = answer.json().await.unwrap();
        assert!(error["message"].as_str().unwrap().contains(named), "{path} {body}: {error}");
    }
    let own = node.own().await.id;
    let answer = node.client.delete(node.url(&format!("/nodes/{own}"))).send().await.unwrap();
    assert_eq!(answer.status(), 404, "a node is none of the others");
}

#[tokio::test]
async fn a_node_that_is_there_cannot_be_forgotten() {
    let seed = Discovery::start(&[]).await;
    let node = Discovery::join(&seed).await;
    seed.until_count(NodeState::Alive, 1).await;
    let path = format!("/nodes/{}", node.own().await.id);
    let answer = seed.client.delete(seed.url(&path)).send().await.unwrap();
    assert_eq!(answer.status(), 409);
}

#[tokio::test]
async fn every_route_answers_with_a_status_that_the_document_lists() {
    let node = Discovery::start(&[]).await;
    let document: Value = node.get("/openapi.json").await.json().await.unwrap();
    let mut seen = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (name, operation) in methods.as_object().unwrap() {
            let method: Method = name.to_uppercase().parse().unwrap();
            let listed = operation["responses"].as_object().unwrap();
            for body in ["", "{", "{}", r#"{"address": "127.0.0.1:7"}"#, r#"{"address": "?"}"#] {
                for id in ["7", "0000000000000007"] {
                    let url = node.url(&path.replace("{id}", id));
                    let answer = node.client.request(method.clone(), url).body(body).send().await.unwrap();
                    let status = answer.status().as_u16();
                    assert!(listed.contains_key(&status.to_string()), "{method} {path} {body:?}: {status}");
                    seen.insert(status);
                }
            }
        }
    }
    assert!(seen.is_superset(&BTreeSet::from([200, 202, 400, 404, 422, 426])), "{seen:?}");
}

#[tokio::test]
async fn the_answers_have_the_keys_of_their_schemas() {
    let seed = Discovery::start(&[]).await;
    let _node = Discovery::join(&seed).await;
    seed.until_count(NodeState::Alive, 1).await;
    let document: Value = seed.get("/openapi.json").await.json().await.unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let schema = |name: &str| keys(&document["components"]["schemas"][name]["properties"]);
    let nodes: Value = seed.get("/nodes").await.json().await.unwrap();
    assert_eq!(keys(&nodes), schema("NodeList"));
    assert_eq!(keys(&nodes["nodes"][0]), schema("Node"));
    let list: Value = seed.get("/list").await.json().await.unwrap();
    assert_eq!(keys(&list[0]), schema("Machine"));
}

#[tokio::test]
async fn clients_of_the_original_find_what_they_read() {
    let seed = Discovery::start(&[]).await;
    let node = Discovery::join(&seed).await;
    let gone = Discovery::join(&seed).await;
    seed.until_count(NodeState::Alive, 2).await;
    node.patch(json!({"machine_id": "still alive", "machine_group_name": "alive"})).await;
    wait::until("the name is told", async || {
        seed.nodes().await.nodes.iter().any(|node| node.name == "still alive")
    })
    .await;
    gone.kill();
    seed.until_count(NodeState::Dead, 1).await;

    assert!(seed.get("/").await.text().await.unwrap().starts_with("p2pfaas-discovery "));
    let text = seed.get("/list").await.text().await.unwrap();
    assert_eq!(text.matches("alive").count(), 1, "{text}");
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&list[0]["alive"], &list[0]["ip"]), (&json!(true), &json!("127.0.0.1")));

    let reset: Value = seed.get("/reset").await.json().await.unwrap();
    assert_eq!(reset, json!({"forgotten": 1}));
    assert_eq!(seed.nodes().await.nodes.len(), 1);

    let settings: Value = node.get("/configuration").await.json().await.unwrap();
    for key in ["machine_ip", "machine_id", "machine_group_name", "init_servers"] {
        assert!(!settings[key].is_null(), "{key}");
    }
    let posted = node.client.post(node.url("/configuration")).body(r#"{"machine_id": "hall"}"#).send();
    assert_eq!(posted.await.unwrap().json::<Value>().await.unwrap()["machine_id"], "hall");
}

/// The claim of an address that is not the caller's is not heard; that of its own is greeted, which is no
/// more than a question.
#[tokio::test]
async fn whoever_calls_itself_a_machine_is_not_believed() {
    let node = Discovery::start(&[]).await;
    for ip in ["192.0.2.7", "127.0.0.1", "nobody"] {
        let call = node.client.get(node.url("/list")).header("user-agent", "Machine");
        let answer = call.header("p2pfaas-machine-ip", ip).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "[]");
    }
    assert!(node.nodes().await.nodes.is_empty());
}

#[tokio::test]
async fn the_topology_is_a_picture() {
    let seed = Discovery::start(&[("P2PFAAS_MACHINE_ID", "the \"seed\"")]).await;
    let node = Discovery::join(&seed).await;
    seed.until_count(NodeState::Alive, 1).await;
    let answer = seed.get("/nodes?format=dot").await;
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/vnd.graphviz"));
    let text = answer.text().await.unwrap();
    let (own, other) = (seed.own().await.id, node.own().await.id);
    assert!(text.contains(&format!("\"{own}\" -- \"{other}\"")), "{text}");
    assert!(text.contains("the \\\"seed\\\"\\n127.0.0.1:"), "{text}");
}
