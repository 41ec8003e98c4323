//! What a node answers to callers and functions that err or mean harm, and that it lives on.

use serde_json::{Value, json};
use tests::function::{self, Gate};
use tests::scheduler::Node;
use tests::{raw, wait};

async fn expect(answer: reqwest::Response, status: u16, code: u64) -> String {
    assert_eq!(answer.status().as_u16(), status);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["code"], code, "{body}");
    body["message"].as_str().unwrap().to_owned()
}

async fn lives(node: &Node) {
    assert_eq!(node.get("/health").send().await.unwrap().status(), 200);
    node.until_load(0, 0).await;
}

#[tokio::test]
async fn an_unknown_function_is_404() {
    let node = Node::start(&[]).await;
    let message = expect(node.get("/function/nonesuch").send().await.unwrap(), 404, 3).await;
    assert!(message.contains("nonesuch"), "{message}");
    for path in ["/function/%3F", "/function/%00", "/function/..", "/function/a%2Fb"] {
        let answer = raw::talk(
            node.address(),
            &format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    lives(&node).await;
}

#[tokio::test]
async fn unknown_routes_and_methods_are_told_so_in_json() {
    let node = Node::start(&[]).await;
    expect(node.get("/nonesuch").send().await.unwrap(), 404, 3).await;
    expect(node.request(reqwest::Method::DELETE, "/configuration").send().await.unwrap(), 405, 4).await;
    expect(node.get("/function/").send().await.unwrap(), 404, 3).await;
}

#[tokio::test]
async fn a_function_that_cannot_be_reached_is_502_and_says_where() {
    let url = function::nobody().await;
    let node = Node::start(&[("gone", &[&url])]).await;
    let message = expect(node.get("/function/gone").send().await.unwrap(), 502, 5).await;
    assert!(message.contains(&url) && message.contains("refused"), "{message}");
    lives(&node).await;
}

#[tokio::test]
async fn a_function_that_breaks_off_before_its_reply_is_502() {
    for text in ["", "HTTP/1.1 200", "no HTTP at all\r\n\r\n"] {
        let url = function::raw(move |stream| function::say(stream, text)).await;
        let node = Node::start(&[("rude", &[&url])]).await;
        expect(node.post("/function/rude").body("x").send().await.unwrap(), 502, 5).await;
        lives(&node).await;
    }
}

#[tokio::test]
async fn a_function_that_breaks_off_in_its_reply_breaks_the_reply_off() {
    let promise = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nten bytes.";
    let url = function::raw(move |stream| function::say(stream, promise)).await;
    let node = Node::start(&[("rude", &[&url])]).await;
    let answer = node.get("/function/rude").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err(), "a part must not be taken for the whole");
    lives(&node).await;
}

#[tokio::test]
async fn a_reply_that_pauses_for_too_long_is_broken_off() {
    let promise = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nten bytes.";
    let url = function::raw(move |mut stream| async move {
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, promise.as_bytes()).await;
        std::future::pending::<()>().await;
    })
    .await;
    let node = Node::start_with(&[("slow", &[&url])], &[("P2PFAAS_FUNCTION_TIMEOUT_MS", "100")]).await;
    let answer = node.get("/function/slow").send().await.unwrap();
    assert!(answer.bytes().await.is_err());
    lives(&node).await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413_whether_announced_or_not() {
    let (gate, url) = Gate::start().await;
    let node = Node::start_with(&[("gate", &[&url])], &[("P2PFAAS_BODY_BYTES_MAX", "100000")]).await;
    let large = vec![0_u8; 3_000_000];
    expect(node.post("/function/gate").body(large.clone()).send().await.unwrap(), 413, 4).await;
    let pieces = large.chunks(10_000).map(<[u8]>::to_vec).map(Ok::<_, std::io::Error>).collect::<Vec<_>>();
    let stream = reqwest::Body::wrap_stream(Pieces(pieces.into_iter()));
    expect(node.post("/function/gate").body(stream).send().await.unwrap(), 413, 4).await;
    assert_eq!(gate.count_started(), 0);
    lives(&node).await;
}

/// A stream without the help of another crate.
struct Pieces(std::vec::IntoIter<std::io::Result<Vec<u8>>>);

impl futures_util::Stream for Pieces {
    type Item = std::io::Result<Vec<u8>>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}

#[tokio::test]
async fn half_a_body_is_not_run() {
    let (gate, url) = Gate::start().await;
    let node = Node::start(&[("gate", &[&url])]).await;
    let half = "POST /function/gate HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nten bytes.";
    let answer = raw::talk(node.address(), half).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer:?}");
    lives(&node).await;
    assert_eq!(gate.count_started(), 0);
}

#[tokio::test]
async fn a_body_that_pauses_for_too_long_is_408_and_holds_no_slot() {
    let (gate, url) = Gate::start().await;
    let node = Node::start_with(&[("gate", &[&url])], &[("P2PFAAS_BODY_TIMEOUT_MS", "100")]).await;
    let half = "POST /function/gate HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nten bytes.";
    let stream = raw::open(node.address(), half).await;
    assert_eq!(node.load().await, (0, 0));
    let answer = raw::read_to_end(stream).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer:?}");
    assert_eq!(gate.count_started(), 0);
    lives(&node).await;
}

#[tokio::test]
async fn a_head_that_drips_is_408_and_an_idle_connection_is_closed() {
    let node = Node::start_with(&[], &[("P2PFAAS_HEADER_TIMEOUT_MS", "100")]).await;
    let dripping = raw::open(node.address(), "GET /health HTTP/1.1\r\nhost: ").await;
    let answer = raw::read_to_end(dripping).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer:?}");
    let body = answer.split("\r\n\r\n").nth(1).unwrap();
    assert!(answer.contains(&format!("content-length: {}\r\n", body.len())), "{answer:?}");
    assert_eq!(serde_json::from_str::<Value>(body).unwrap()["code"], 4);
    assert_eq!(raw::read_to_end(raw::open(node.address(), "").await).await, "");
    lives(&node).await;
}

#[tokio::test]
async fn what_is_not_http_is_400_or_431() {
    let node = Node::start(&[]).await;
    assert!(raw::talk(node.address(), "hello\r\n\r\n").await.starts_with("HTTP/1.1 400"));
    let long = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(200_000));
    let answer = raw::talk(node.address(), &long).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer:?}");
    lives(&node).await;
}

#[tokio::test]
async fn headers_that_make_no_sense_are_400_by_name() {
    let echo = function::echo().await;
    let node = Node::start(&[("echo", &[&echo])]).await;
    for (name, value) in
        [("x-p2pfaas-deadline-ms", "soon"), ("x-p2pfaas-scheduler-learning-task-type", "1000")]
    {
        let answer = node.get("/function/echo").header(name, value).send().await.unwrap();
        let message = expect(answer, 400, 4).await;
        assert!(message.contains(name) && message.contains(value), "{message}");
    }
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused_by_key() {
    let node = Node::start(&[]).await;
    let before: Value = node.get("/configuration").send().await.unwrap().json().await.unwrap();
    for (body, status) in [
        ("{", 400),
        ("[]", 400),
        (r#"{"parallel_running_functions_max": 0}"#, 422),
        (r#"{"queue_length_max": "many", "queue_enabled": 7}"#, 422),
        (r#"{"nonesuch": 1}"#, 422),
        (r#"{"endpoints": {"a": ["https://b"]}}"#, 422),
        (r#"{"endpoints": {"a b": ["http://b"]}}"#, 422),
        (r#"{"listening_port": 1}"#, 409),
    ] {
        let patch = node.request(reqwest::Method::PATCH, "/configuration");
        let message = expect(patch.body(body).send().await.unwrap(), status, 4).await;
        assert!(!message.is_empty());
    }
    let after: Value = node.get("/configuration").send().await.unwrap().json().await.unwrap();
    assert_eq!(before, after);
    node.patch(json!({"queue_length_max": 7})).await;
    lives(&node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_connections_are_served() {
    const CONNECTIONS: usize = 5_000;
    service::raise_open_files();
    let echo = function::echo().await;
    let settings = [("P2PFAAS_QUEUE_LENGTH_MAX", "10000")];
    let node = Node::start_with(&[("echo", &[&echo])], &settings).await;
    let mut streams = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        streams.push(raw::open(node.address(), "").await);
    }
    let mut answers = Vec::with_capacity(CONNECTIONS);
    for mut stream in streams {
        answers.push(tokio::spawn(async move {
            let call = b"POST /function/echo HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
            tokio::io::AsyncWriteExt::write_all(&mut stream, call).await.unwrap();
            raw::read_to_end(stream).await
        }));
    }
    for answer in answers {
        assert!(answer.await.unwrap().starts_with("HTTP/1.1 200"));
    }
    lives(&node).await;
    wait::until("the node is well", async || node.get("/health").send().await.unwrap().status() == 200).await;
}
