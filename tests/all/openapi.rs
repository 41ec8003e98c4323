//! The OpenAPI document is true: what it lists answers, and as it says.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tests::function;
use tests::scheduler::Node;

async fn document(node: &Node) -> Value {
    node.get("/openapi.json").send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn every_route_answers_with_a_status_that_the_document_lists() {
    let echo = function::echo().await;
    let node = Node::start(&[("echo", &[&echo])]).await;
    let document = document(&node).await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut seen = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (name, operation) in methods.as_object().unwrap() {
            let method: Method = name.to_uppercase().parse().unwrap();
            let statuses = operation["responses"].as_object().unwrap();
            for body in ["", "{", "{}", r#"{"queue_length_max": -1}"#, r#"{"listening_port": 1}"#] {
                let url = path.replace("{name}", "echo");
                let answer = node.request(method.clone(), &url).body(body).send().await.unwrap();
                let status = answer.status().as_u16();
                assert!(
                    statuses.contains_key(&status.to_string()),
                    "{method} {path} with {body:?}: {status}"
                );
                seen.insert(status);
            }
        }
    }
    assert!(seen.is_superset(&BTreeSet::from([200, 400, 409, 422])), "{seen:?}");
}

#[tokio::test]
async fn the_document_lists_the_routes_that_clients_of_the_original_use() {
    let node = Node::start(&[]).await;
    let document = document(&node).await;
    for (path, method) in [
        ("/", "get"),
        ("/", "post"),
        ("/function/{name}", "get"),
        ("/function/{name}", "post"),
        ("/monitoring/load", "get"),
        ("/configuration", "get"),
        ("/configuration", "post"),
        ("/configuration/scheduler", "get"),
        ("/configuration/scheduler", "post"),
        ("/health", "get"),
        ("/metrics", "get"),
    ] {
        assert!(document["paths"][path][method].is_object(), "{method} {path}");
    }
}

#[tokio::test]
async fn the_configuration_has_the_keys_of_its_schema() {
    let node = Node::start(&[]).await;
    let document = document(&node).await;
    let schema =
        document["components"]["schemas"]["Configuration"]["properties"].as_object().unwrap().clone();
    let shown: Value = node.get("/configuration").send().await.unwrap().json().await.unwrap();
    for key in schema.keys() {
        assert!(!shown[key].is_null(), "{key}");
    }
}

#[tokio::test]
async fn clients_of_the_original_find_what_they_read() {
    let (one, other) = (Node::start(&[]).await, Node::start(&[]).await);
    for path in ["/", "/configuration", "/configuration/scheduler"] {
        let bytes = one.get(path).send().await.unwrap().bytes().await.unwrap();
        assert_eq!(bytes, other.get(path).send().await.unwrap().bytes().await.unwrap(), "{path}");
    }
    let shown: Value = one.get("/configuration").send().await.unwrap().json().await.unwrap();
    for key in ["parallel_running_functions_max", "running_functions_max", "queue_length_max"] {
        assert!(shown[key].is_u64(), "{key}");
    }
    assert_eq!(shown["queue_enabled"], json!(true));
    one.post("/configuration").body(r#"{"running_functions_max": 9}"#).send().await.unwrap();
    let load = one.get("/monitoring/load").send().await.unwrap();
    assert_eq!(load.headers()["X-P2PFaaS-MaxLoad"], "9");
    assert_eq!(load.headers()["X-P2PFaaS-Load"], "0");
    assert_eq!(load.headers()["X-P2PFog-Queue-Length"], "0");
}
