//! The echo function over a real socket.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use reqwest::{Client, Method};
use serde_json::Value;

/// Starts the function for the time of one test, and answers its URL.
async fn start() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(function_runtime::serve_until(listener, echo::router(), std::future::pending()));
    url
}

#[tokio::test]
async fn any_method_and_path_is_answered_with_body_and_type() {
    let url = start().await;
    for (method, path) in
        [("GET", "/"), ("POST", "/a/b"), ("PUT", "/%20"), ("DELETE", "/x?y=z"), ("ODD", "//")]
    {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = Client::new().request(method, format!("{url}{path}"));
        let answer = request.header("content-type", "text/x-odd").body("hello").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/x-odd");
        assert_eq!(answer.headers()["content-length"], "5");
        assert_eq!(answer.text().await.unwrap(), "hello");
    }
}

#[tokio::test]
async fn an_empty_and_a_large_body_come_back_whole() {
    let url = start().await;
    let empty = Client::new().post(&url).send().await.unwrap();
    assert_eq!(empty.headers()["content-type"], "application/octet-stream");
    assert!(empty.bytes().await.unwrap().is_empty());
    let large: Vec<u8> = (0..5_000_000_u32).map(|number| number as u8).collect();
    let answer = Client::new().post(&url).body(large.clone()).send().await.unwrap();
    assert!(answer.bytes().await.unwrap() == large);
}

#[tokio::test]
async fn a_status_is_answered_with_the_body() {
    let url = start().await;
    for status in [201, 404, 429, 500, 599] {
        let answer = Client::new().post(format!("{url}/?status={status}")).body("kept").send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.text().await.unwrap(), "kept");
    }
}

#[tokio::test]
async fn a_bad_order_is_400_with_a_reason() {
    let url = start().await;
    let answer = reqwest::get(format!("{url}/?status=7")).await.unwrap();
    assert_eq!(answer.status(), 400);
    let error: Value = answer.json().await.unwrap();
    assert_eq!(error["code"], "bad_request");
    assert!(error["message"].as_str().unwrap().contains("7 is not a status"), "{error}");
}

#[tokio::test]
async fn a_delayed_answer_still_comes() {
    let url = start().await;
    let answer = Client::new().post(format!("{url}/?delay_ms=1")).body("late").send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "late");
}

#[tokio::test]
async fn a_size_is_streamed_without_a_length() {
    let url = start().await;
    let answer = reqwest::get(format!("{url}/?size=1000000")).await.unwrap();
    assert!(!answer.headers().contains_key("content-length"));
    let body = answer.bytes().await.unwrap();
    assert!(body.len() == 1_000_000 && body.iter().all(|byte| *byte == b'x'));
}

#[tokio::test]
async fn info_tells_the_request() {
    let url = start().await;
    let request = Client::new().put(format!("{url}/p%20q?info=1&a=b"));
    let answer = request.header("x-twice", "1").header("x-twice", "2").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/json");
    let info: Value = answer.json().await.unwrap();
    assert_eq!((&info["method"], &info["path"]), (&"PUT".into(), &"/p%20q".into()));
    assert_eq!(info["query"], "info=1&a=b");
    let headers = info["headers"].as_array().unwrap();
    let twice: Vec<_> =
        headers.iter().filter(|header| header[0] == "x-twice").map(|header| &header[1]).collect();
    assert_eq!(twice, ["1", "2"]);
}

#[tokio::test]
async fn cookies_are_repeated_headers() {
    let url = start().await;
    let answer = reqwest::get(format!("{url}/?cookies=2")).await.unwrap();
    let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["cookie-1=1", "cookie-2=2"]);
}

#[tokio::test]
async fn an_aborted_body_arrives_in_part_and_then_fails() {
    let url = start().await;
    let mut answer = reqwest::get(format!("{url}/?abort_after=100")).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.content_length()), (200, Some(1124)));
    let part = answer.chunk().await.unwrap().unwrap();
    assert!(part.len() == 100 && part.iter().all(|byte| *byte == b'x'));
    answer.chunk().await.unwrap_err();
}
