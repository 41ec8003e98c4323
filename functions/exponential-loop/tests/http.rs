//! The exponential loop over a real socket.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use reqwest::Client;
use serde_json::Value;

/// Starts the function for the time of one test, and answers its URL.
async fn start() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(function_runtime::serve_until(listener, exponential_loop::router(), std::future::pending()));
    url
}

fn number(answer: &Value, key: &str) -> f64 {
    answer[key].as_f64().unwrap_or_else(|| panic!("{key} in {answer}"))
}

#[tokio::test]
async fn it_burns_what_it_drew() {
    let url = start().await;
    let answer: Value = reqwest::get(format!("{url}/?mean_ms=2&seed=3")).await.unwrap().json().await.unwrap();
    assert_eq!(number(&answer, "mean_ms"), 2.0);
    assert!(number(&answer, "drawn_ms") > 0.0);
    assert!(number(&answer, "cpu_ms") >= number(&answer, "drawn_ms"), "{answer}");
    assert!(number(&answer, "elapsed_ms") > 0.0);
}

#[tokio::test]
async fn query_and_body_ask_for_the_same() {
    let url = start().await;
    let query: Value = reqwest::get(format!("{url}/?mean_ms=1&seed=5")).await.unwrap().json().await.unwrap();
    // As `curl -d` sends it: JSON that says it is a form.
    let request = Client::new().post(&url).header("content-type", "application/x-www-form-urlencoded");
    let body = request.body(r#"{"mean_ms": 1, "seed": 5}"#).send().await.unwrap();
    assert_eq!(body.json::<Value>().await.unwrap()["drawn_ms"], query["drawn_ms"]);
}

#[tokio::test]
async fn bad_input_is_400_with_a_reason() {
    let url = start().await;
    let answer = Client::new().post(format!("{url}/?mean_ms=0")).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let error: Value = answer.json().await.unwrap();
    assert_eq!(error["message"], "mean_ms must be above 0 and at most 10000, not 0");
}
