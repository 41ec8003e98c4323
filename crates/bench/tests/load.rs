//! `load` against real servers on loopback.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

use std::{convert::Infallible, net::SocketAddr, num::NonZeroUsize, time::Duration};

use bench::load::{Plan, Report, Template, run};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

const SHORT: Duration = Duration::from_millis(100);

/// Gives each accepted connection to `serve`, for as long as the test runs.
async fn listen<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// A server that answers each call with `status` and the same few bytes.
async fn server(status: StatusCode) -> SocketAddr {
    listen(move |stream| async move {
        let answer = service_fn(move |_: Request<Incoming>| async move {
            let mut response = Response::new(Full::new(Bytes::from_static(b"answer")));
            *response.status_mut() = status;
            Ok::<_, Infallible>(response)
        });
        // A client that leaves is how every test ends.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
    })
    .await
}

fn plan(address: SocketAddr) -> Plan {
    let target = format!("http://{address}/").parse().unwrap();
    let plan = Plan::with_body(target, Template::filler(128)).unwrap();
    Plan { connections: NonZeroUsize::new(4).unwrap(), duration: SHORT, ..plan }
}

async fn measure(plan: Plan) -> Report {
    run(plan, &CancellationToken::new()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_counted_with_their_bodies() {
    let report = measure(plan(server(StatusCode::OK).await)).await;
    assert!(report.answers > 0);
    assert_eq!(report.failed(), 0, "{report}");
    assert_eq!(report.received_bytes, 6 * report.answers);
    assert_eq!(report.sent_bytes, 128 * report.answers);
    assert!(report.latency_ms.p50 > 0.0);
    assert!(report.latency_ms.p50 <= report.latency_ms.max);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_connection_serves_each_call() {
    let plan = Plan { new_connections: true, ..plan(server(StatusCode::OK).await) };
    let report = measure(plan).await;
    assert!(report.answers > 0);
    assert_eq!(report.failed(), 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_statuses_are_told_apart() {
    let report = measure(plan(server(StatusCode::SERVICE_UNAVAILABLE).await)).await;
    assert!(report.answers > 0);
    assert_eq!(report.statuses_not_2xx[&503], report.answers);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_never_exceeded() {
    let plan = Plan { rate: Some(100.0), ..plan(server(StatusCode::OK).await) };
    let report = measure(plan).await;
    // One call may be due at the very beginning and one at the very end.
    let due = 100.0 * report.elapsed_s + 2.0;
    assert!(report.answers > 0);
    assert!(report.answers as f64 <= due, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_up_is_an_error_and_the_callers_go_on() {
    let address = listen(|mut stream| async move {
        // Nothing is sent back: the caller sees its call cut off.
        let _ = stream.read(&mut [0; 1024]).await;
    })
    .await;
    let report = measure(plan(address)).await;
    assert_eq!(report.answers, 0);
    assert!(report.failed() > 4, "{report}");
    assert!(report.check_answered().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stays_silent_runs_into_the_timeout() {
    let address = listen(|stream| async move {
        let _held_open = stream;
        std::future::pending().await
    })
    .await;
    let report = measure(Plan { timeout: Duration::from_millis(5), ..plan(address) }).await;
    assert!(report.errors["timeout"] >= 4, "{report}");
}

#[tokio::test]
async fn nobody_at_the_address_is_an_error_that_names_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = run(plan(address), &CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains(&address.to_string()), "{error:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_ends_a_measurement_that_would_last_for_hours() {
    let stop = CancellationToken::new();
    let plan = Plan { duration: Duration::from_secs(36_000), ..plan(server(StatusCode::OK).await) };
    let measurement = run(plan, &stop);
    let stopping = async {
        tokio::task::yield_now().await;
        stop.cancel();
    };
    let (report, ()) = tokio::join!(measurement, stopping);
    assert!(report.unwrap().elapsed_s < 36_000.0);
}
