//! The life of a function on a real socket: healthy, stopping, stopped.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use function_runtime::{BODY_BYTES_MAX, read_body, serve_until};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

struct Function {
    url: String,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), function_runtime::ServeError>>,
}

async fn start(router: Router) -> Function {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(serve_until(listener, router, async { stopped.await.unwrap() }));
    Function { url, stop, served }
}

#[tokio::test]
async fn health_is_200_and_the_function_ends_when_told() {
    let function = start(Router::new()).await;
    let answer = reqwest::get(format!("{}/_/health", function.url)).await.unwrap();
    assert_eq!(answer.status(), 200);
    function.stop.send(()).unwrap();
    function.served.await.unwrap().unwrap();
    assert!(reqwest::get(format!("{}/_/health", function.url)).await.is_err());
}

#[tokio::test]
async fn a_call_in_progress_ends_while_health_says_503() {
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (entering, leaving) = (entered.clone(), leave.clone());
    let work = move || async move {
        entering.notify_one();
        leaving.notified().await;
        "done"
    };
    let function = start(Router::new().route("/work", get(work))).await;
    let call = tokio::spawn(reqwest::get(format!("{}/work", function.url)));
    entered.notified().await;
    function.stop.send(()).unwrap();

    while reqwest::get(format!("{}/_/health", function.url)).await.unwrap().status() != 503 {
        tokio::task::yield_now().await;
    }
    let refused = reqwest::get(format!("{}/work", function.url)).await.unwrap();
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.text().await.unwrap(), r#"{"code":"stopping","message":"the function is stopping"}"#);

    leave.notify_one();
    assert_eq!(call.await.unwrap().unwrap().text().await.unwrap(), "done");
    function.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_body_of_the_bound_is_read_and_a_larger_one_is_413() {
    let length = |body: Body| async { read_body(body).await.map(|bytes| bytes.len().to_string()) };
    let function = start(Router::new().route("/", post(length))).await;
    let client = reqwest::Client::new();
    let largest = client.post(&function.url).body(vec![0; BODY_BYTES_MAX]).send().await.unwrap();
    assert_eq!(largest.text().await.unwrap(), BODY_BYTES_MAX.to_string());
    // The length alone is told: the function refuses before it reads, and closes on what it has not read.
    let error = read_body(Body::from(vec![0; BODY_BYTES_MAX + 1])).await.unwrap_err();
    assert_eq!(error.status(), 413);
}
