//! What a job carries from node to node, and back.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;
use reqwest::Method;
use reqwest::header::HeaderValue;
use scheduling::policy::REGISTRY;
use serde_json::{Value, json};
use tests::cluster::Setup;
use tests::function;
use tests::ledger::Ledger;
use tokio::sync::mpsc;

use super::{assert_error, list, nodes, one_way, ran_elsewhere};

/// Many times what a link sends at once, and what it sends before the reader has read.
const LARGE_BYTES: u32 = 20_000_000;

/// A request as the function got it.
#[derive(Debug, PartialEq)]
struct Got {
    method: Method,
    uri: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// A function that tells the test what it got, and answers it with odd headers.
async fn witness() -> (String, mpsc::UnboundedReceiver<Got>) {
    let (told, got) = mpsc::unbounded_channel();
    let answer = move |request: Request| async move {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
        let response = Response::builder()
            .status(201)
            .header("x-odd", HeaderValue::from_bytes(b"caf\xe9").unwrap())
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2");
        let response = response.body(Body::from(body.clone())).unwrap();
        let (method, uri) = (head.method, head.uri.to_string());
        told.send(Got { method, uri, headers: head.headers, body }).unwrap();
        response
    };
    (function::serve(Router::new().fallback(answer)).await, got)
}

/// A call of each node: the second one runs it itself, the first one hands it on. What the function sees and what
/// the client gets back is the same.
#[tokio::test]
async fn a_call_arrives_as_it_was_sent_and_its_answer_comes_back_as_it_was_given() {
    let (url, mut got) = witness().await;
    let mut setup = Setup::of(2);
    setup.function(2, "f", &url);
    let cluster = setup.start().await;
    let large: Vec<u8> = (0..LARGE_BYTES).map(|number| (number >> 8) as u8 ^ number as u8).collect();
    for (method, path, body) in [
        ("GET", "", Vec::new()),
        ("POST", "/a//b%20c?x=%2F&y", b"small".to_vec()),
        ("DELETE", "/?", Vec::new()),
        ("ODD", "/%C3%A9?q", large),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut seen = Vec::new();
        for number in [2, 1] {
            let call = cluster.node(number).request(method.clone(), &format!("/function/f{path}"));
            let call = call
                .header("host", "a.example")
                .header("x-call-id", "the same")
                .header("x-twice", "1")
                .header("x-twice", "2")
                .header("x-odd", HeaderValue::from_bytes(b"\xff \t\xe9").unwrap())
                .header("x-p2pfaas-scheduler-learning-task-type", "7")
                .header("x-p2pfaas-scheduler-task-tracing-id", "trace")
                .header("accept-encoding", "br;q=0.1")
                .body(body.clone());
            let answer = call.send().await.unwrap();
            assert_eq!(answer.status(), 201);
            assert_eq!(ran_elsewhere(&answer), number == 1);
            let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
            assert_eq!(cookies, ["a=1", "b=2"]);
            assert_eq!(answer.headers()["x-odd"].as_bytes(), b"caf\xe9");
            assert_eq!(answer.headers()["x-p2pfaas-scheduler-task-tracing-id"], "trace");
            assert_eq!(answer.headers()["content-length"], body.len().to_string());
            assert!(answer.bytes().await.unwrap() == body, "{method}: the body comes back");
            let mut got = got.recv().await.unwrap();
            assert!(got.headers.remove("x-start-time").is_some());
            seen.push(got);
        }
        assert!(seen[0].body == body, "{method}: the body arrives");
        assert_eq!(seen[1].headers, seen[0].headers, "{method}");
        assert!(seen[1] == seen[0], "{method}: both ways the function sees the same");
        assert_eq!(seen[0].method, method);
    }
    cluster.until_idle().await;
}

#[tokio::test]
async fn status_and_body_of_the_far_function_pass() {
    let ledger = Ledger::new();
    let cluster = one_way(&ledger).await.start().await;
    for status in [201, 204, 302, 404, 429, 500, 503, 599] {
        let answer = cluster.node(1).call(&format!("?status={status}&cookies=2")).send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert!(ran_elsewhere(&answer));
        assert_eq!(answer.headers().get_all("set-cookie").iter().count(), 2);
        let body = if status == 204 { "" } else { "hello" };
        assert_eq!(answer.text().await.unwrap(), body);
    }
    let answer = cluster.node(1).call("?size=3000000").send().await.unwrap();
    assert!(!answer.headers().contains_key("content-length"), "nobody knows it beforehand");
    assert_eq!(answer.bytes().await.unwrap().len(), 3_000_000);

    // More than goes along with the head: had it broken off before, the answer would be a 502.
    let mut answer = cluster.node(1).call("?abort_after=1000000").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.content_length()), (200, Some(1_001_024)));
    let mut bytes = 0;
    while let Ok(piece) = answer.chunk().await {
        bytes += piece.expect("the part is not taken for the whole").len();
    }
    assert!((1..=1_000_000).contains(&bytes), "{bytes} bytes came");
    cluster.until_idle().await;
    ledger.assert_nothing_ran_twice();
}

#[tokio::test]
async fn the_headers_tell_each_node_and_how_long_it_took() {
    let ledger = Ledger::new();
    let cluster = nodes(2, &ledger).await.start().await;
    let ids = [cluster.node(1).id().await, cluster.node(2).id().await];
    let hosts = [cluster.node(1).plan().host.to_string(), cluster.node(2).plan().host.to_string()];
    let answer = cluster.node(1).forward("?delay_ms=30").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-p2pfaas-externally-executed"], "True");
    assert_eq!(answer.headers()["x-p2pfaas-hops"], "1");
    assert_eq!(answer.headers()["x-p2pfaas-scheduler"], "ForwardScheduler(1)");
    assert_eq!(list(&answer, "x-p2pfaas-peers-list-ip"), hosts);
    assert_eq!(list(&answer, "x-p2pfaas-peers-list-id"), ids);
    let seconds = |header: &str| -> Vec<f64> {
        list(&answer, header).iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let total = seconds("x-p2pfaas-timing-total-seconds-list");
    let scheduling = seconds("x-p2pfaas-timing-scheduling-seconds-list");
    let probing = seconds("x-p2pfaas-timing-probing-seconds-list");
    assert_eq!([total.len(), scheduling.len(), probing.len()], [2, 2, 2]);
    let execution = answer.headers()["x-p2pfaas-timing-execution-time-seconds"].to_str().unwrap();
    let execution: f64 = execution.parse().unwrap();
    assert!(execution >= 0.03 && total[1] >= execution && total[0] >= total[1], "{total:?} {execution}");
    assert!(scheduling[0] <= total[0] && scheduling[1] <= total[1], "{scheduling:?} {total:?}");

    let here = cluster.node(1).call("").send().await.unwrap();
    assert_eq!(list(&here, "x-p2pfaas-timing-total-seconds-list").len(), 1);
    for header in ["x-p2pfaas-hops", "x-p2pfaas-peers-list-ip", "x-p2pfaas-peers-list-id"] {
        assert!(!here.headers().contains_key(header) && !ran_elsewhere(&here), "{header}");
    }
}

#[tokio::test]
async fn a_function_that_only_a_peer_has_runs_there_whatever_the_policy() {
    let ledger = Ledger::new();
    let cluster = one_way(&ledger).await.start().await;
    let rejects = |name: &str| name == "RejectScheduler";
    for entry in REGISTRY.iter().filter(|entry| !rejects(entry.name)) {
        let policy = json!({"name": entry.name, "parameters": entry.example});
        let set = cluster.node(1).request(Method::POST, "/configuration/scheduler");
        assert_eq!(set.body(policy.to_string()).send().await.unwrap().status(), 200);
        let answer = cluster.node(1).call("").send().await.unwrap();
        let (status, elsewhere) = (answer.status(), ran_elsewhere(&answer));
        assert_eq!((status.as_u16(), elsewhere), (200, true), "{policy}: {}", answer.text().await.unwrap());
    }
    let bypass = cluster.node(1).call("").header("x-p2pfaas-scheduler-bypass", "1");
    assert!(ran_elsewhere(&bypass.send().await.unwrap()));
    let reject = cluster.node(1).call("").header("x-p2pfaas-scheduler-reject", "1");
    assert_error(reject.send().await.unwrap(), 503, 401).await;
    let nowhere = cluster.node(1).request(Method::GET, "/function/nowhere");
    assert_error(nowhere.send().await.unwrap(), 404, 3).await;
    cluster.until_idle().await;
    ledger.assert_nothing_ran_twice();
}

/// The original's ended the process with this one.
#[tokio::test]
async fn a_name_that_is_none_is_an_error_of_that_call() {
    let ledger = Ledger::new();
    let cluster = nodes(2, &ledger).await.start().await;
    for name in ["%3F", "%00", "-", "a%20b"] {
        let call = cluster.node(1).request(Method::POST, &format!("/function/{name}"));
        let answer = call.header("x-p2pfaas-scheduler-forward", "1").send().await.unwrap();
        assert_eq!(answer.status(), 404, "{name}");
    }
    let answer: Value = cluster.node(1).forward("?info=1").send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["method"], "POST");
}
