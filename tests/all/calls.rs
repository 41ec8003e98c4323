//! A call and its reply, as the caller and the function see them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::Value;
use tests::function::{self, Gate};
use tests::scheduler::Node;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn any_method_path_query_and_body_reach_the_function() {
    let echo = function::echo().await;
    let node = Node::start(&[("echo", &[&echo])]).await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"] {
        let request = node.request(method.parse().unwrap(), "/function/echo/a//b%20c?info=1&x=%2F");
        let seen: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(seen["method"], method);
        assert_eq!(seen["path"], "/a//b%20c");
        assert_eq!(seen["query"], "info=1&x=%2F");
    }
    let answer = node.post("/function/echo").body("a photograph").send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "a photograph");
    let head = node.request(Method::HEAD, "/function/echo").send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert!(head.text().await.unwrap().is_empty());
}

#[tokio::test]
async fn headers_go_both_ways_but_for_those_of_one_connection() {
    let echo = function::echo().await;
    let node = Node::start(&[("echo", &[&echo])]).await;
    let request = node
        .get("/function/echo?info=1&cookies=2")
        .header("authorization", "Bearer token")
        .header("connection", "x-private")
        .header("x-private", "1")
        .header("te", "trailers");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers().get_all("set-cookie").iter().count(), 2);
    let call_id = answer.headers()["x-call-id"].to_str().unwrap().to_owned();
    let seen: Value = answer.json().await.unwrap();
    let header = |name: &str| {
        let pairs = seen["headers"].as_array().unwrap();
        pairs.iter().find(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap().to_owned())
    };
    assert_eq!(header("authorization").as_deref(), Some("Bearer token"));
    assert_eq!(header("x-private"), None);
    assert_eq!(header("te"), None);
    assert_eq!(header("x-call-id"), Some(call_id));
    assert_eq!(header("x-forwarded-for").as_deref(), Some("127.0.0.1"));
    assert_eq!(header("x-forwarded-host"), Some(node.address().to_string()));
    assert!(header("x-start-time").unwrap().parse::<u128>().unwrap() > 1_600_000_000_000_000_000);
}

#[tokio::test]
async fn status_and_body_of_the_function_are_passed_through() {
    let echo = function::echo().await;
    let node = Node::start(&[("echo", &[&echo])]).await;
    for status in [201, 204, 302, 404, 418, 429, 500, 503] {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let url = format!("http://{}/function/echo?status={status}", node.address());
        let answer = client.post(url).body("why").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        if status != 204 {
            assert_eq!(answer.text().await.unwrap(), "why");
        }
    }
}

#[tokio::test]
async fn a_reply_explains_itself() {
    let echo = function::echo().await;
    let node = Node::start(&[("echo", &[&echo])]).await;
    let request = node.get("/function/echo").header("x-p2pfaas-scheduler-task-tracing-id", "trace-1");
    let answer = request.header("x-call-id", "call-1").send().await.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap();
    assert_eq!(header("x-call-id"), "call-1");
    assert_eq!(header("x-p2pfaas-version"), service::VERSION);
    assert_eq!(header("x-p2pfaas-scheduler"), "NoScheduler(false)");
    assert_eq!(header("x-p2pfaas-scheduler-task-tracing-id"), "trace-1");
    for list in ["total", "scheduling", "probing"] {
        let text = header(&format!("x-p2pfaas-timing-{list}-seconds-list")).to_owned();
        let seconds: Vec<f64> = serde_json::from_str(&text).unwrap();
        assert_eq!(seconds.len(), 1, "one node took part");
    }
    assert!(header("x-p2pfaas-timing-execution-time-seconds").parse::<f64>().unwrap() > 0.0);
}

#[tokio::test]
async fn a_large_reply_is_streamed_as_it_comes() {
    let echo = function::echo().await;
    let node = Node::start(&[("echo", &[&echo])]).await;
    let mut answer = node.get("/function/echo?size=20000000").send().await.unwrap();
    let first = answer.chunk().await.unwrap().unwrap();
    assert!(first.len() < 20_000_000);
    let mut bytes = first.len();
    while let Some(chunk) = answer.chunk().await.unwrap() {
        bytes += chunk.len();
    }
    assert_eq!(bytes, 20_000_000);
    node.until_load(0, 0).await;
}

#[tokio::test]
async fn the_name_may_carry_the_namespace_of_openfaas() {
    let echo = function::echo().await;
    let node = Node::start(&[("echo", &[&echo])]).await;
    assert_eq!(node.get("/function/echo.openfaas-fn").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_endpoint_may_have_a_path_of_its_own() {
    let echo = function::echo().await;
    let node = Node::start(&[("echo", &[&format!("{echo}/below")])]).await;
    let seen: Value = node.get("/function/echo/x?info=1").send().await.unwrap().json().await.unwrap();
    assert_eq!(seen["path"], "/below/x");
}

#[tokio::test]
async fn a_caller_that_hangs_up_stops_its_job_and_frees_the_slot() {
    let (gate, url) = Gate::start().await;
    let node = Node::start(&[("gate", &[&url])]).await;
    let call = tokio::spawn(node.get("/function/gate").send());
    gate.started(1).await;
    call.abort();
    node.until_load(0, 0).await;
    tests::wait::until("the function sees its caller go", async || gate.count_cancelled() == 1).await;
}

#[tokio::test]
async fn a_caller_that_hangs_up_while_its_reply_streams_frees_the_slot() {
    let echo = function::echo().await;
    let node = Node::start(&[("echo", &[&echo])]).await;
    let mut answer = node.get("/function/echo?size=60000000").send().await.unwrap();
    answer.chunk().await.unwrap().unwrap();
    assert_eq!(node.load().await, (1, 0));
    drop(answer);
    node.until_load(0, 0).await;
}

#[tokio::test]
async fn calls_go_to_the_replica_with_the_fewest_in_flight() {
    let (one, one_url) = Gate::start().await;
    let (other, other_url) = Gate::start().await;
    let node = Node::start(&[("gate", &[&one_url, &other_url])]).await;
    let calls: Vec<_> = (0..4).map(|_| tokio::spawn(node.get("/function/gate").send())).collect();
    one.started(2).await;
    other.started(2).await;
    one.let_through(2);
    other.let_through(2);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_replica_that_is_not_there_is_passed_over() {
    let echo = function::echo().await;
    let node = Node::start(&[("echo", &[&function::nobody().await, &echo])]).await;
    let before: Value = node.get("/health").send().await.unwrap().json().await.unwrap();
    assert_eq!(before["status"], "ok");
    for _ in 0..4 {
        assert_eq!(node.post("/function/echo").body("x").send().await.unwrap().status(), 200);
    }
}

/// A function that answers each request with two bytes as soon as it has read the beginning of it, and counts the
/// connections that it gets.
async fn terse(reads_on: bool) -> (Arc<AtomicUsize>, String) {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let url = function::raw(move |mut stream| {
        count.fetch_add(1, Ordering::Relaxed);
        async move {
            while stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.is_ok() {
                let mut request = [0; 4096];
                if !reads_on || !matches!(stream.read(&mut request).await, Ok(1..)) {
                    break;
                }
            }
            // Whether it is closed is for the node to say.
            std::future::pending::<()>().await;
        }
    })
    .await;
    (connections, url)
}

#[tokio::test]
async fn calls_that_follow_each_other_go_on_one_connection() {
    let (connections, url) = terse(true).await;
    let node = Node::start(&[("terse", &[&url])]).await;
    for _ in 0..5 {
        let answer = node.post("/function/terse").body("x").send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "ok");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_connection_that_has_not_taken_all_of_a_request_gets_no_other() {
    let (connections, url) = terse(false).await;
    let node = Node::start(&[("terse", &[&url])]).await;
    // More than the buffers of the system hold.
    let large = vec![0_u8; 20_000_000];
    for _ in 0..2 {
        let answer = node.post("/function/terse").body(large.clone()).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "ok");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 2);
}
