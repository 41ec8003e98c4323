//! What a link costs, on this machine's loopback: both sides in one process, as many workers as cores.
//!
//! `cargo run --release -p link --example throughput`. Figures of different machines cannot be compared; the
//! first line tells what a bare connection does here.

#![expect(clippy::print_stdout, reason = "its purpose")]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use link::{Callee, ClusterKeys, Handler, Identity, IncomingCall, Link, Links, Timing};
use protocol::NodeId;
use protocol::peer::{Open, PeerLoad, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

type Anyhow<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How long each case is measured.
const CASE: Duration = Duration::from_secs(3);
const SMALL: usize = 128;
const BIG: usize = 50_000_000;

struct Echo;

impl Handler for Echo {
    fn load(&self) -> PeerLoad {
        PeerLoad { slots: 4, ..PeerLoad::default() }
    }

    async fn serve(self: Arc<Self>, call: IncomingCall) {
        let IncomingCall { mut body, mut reply, .. } = call;
        let mut pieces = Vec::new();
        while let Some(Ok(frame)) = body.frame().await {
            pieces.push(Ok::<_, Infallible>(frame));
        }
        if reply.accept().await.is_ok() {
            let body = StreamBody::new(futures_util::stream::iter(pieces));
            // A caller that is gone needs no answer.
            let _ = reply.respond(ok(), body).await;
        }
    }
}

fn ok() -> Response {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", http::HeaderValue::from_static("application/octet-stream"));
    Response {
        status: StatusCode::OK,
        headers,
        nodes: Vec::new(),
        execution_seconds: Some(0.001),
        body_length: None,
        load: None,
    }
}

fn job() -> Anyhow<Open> {
    let mut headers = HeaderMap::new();
    for (name, value) in [("accept", "*/*"), ("user-agent", "curl/8.5.0"), ("content-type", "text/plain")] {
        headers.insert(name, http::HeaderValue::from_static(value));
    }
    Ok(Open {
        function: "echo".parse().map_err(|_| "no name")?,
        method: Method::POST,
        path: "/".parse()?,
        headers,
        call_id: "b1d9b0e0-53b5-4b4e-a2b6-9e7e0c3c4b52".to_owned(),
        tracing_id: None,
        task_type: 0,
        hops: 1,
        visited: vec![NodeId::new(1)],
        deadline_ms: None,
        idempotent: false,
        body_length: 0,
    })
}

async fn serve() -> Anyhow<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let identity = Identity::new(NodeId::new(2), ClusterKeys::none());
    let callee = Callee::new(identity, Arc::new(Echo), Timing::default());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let callee = callee.clone();
            let service = service_fn(move |request| {
                let answer = callee.upgrade(request);
                async move { Ok::<_, Infallible>(answer) }
            });
            if stream.set_nodelay(true).is_ok() {
                let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection.with_upgrades());
            }
        }
    });
    Ok(address)
}

async fn call(link: &Link, body: VecDeque<Bytes>) -> Anyhow<usize> {
    let call = link.open(&mut job()?, body).await?;
    let (_, mut reader) = call.response().await?;
    let mut bytes = 0;
    while let Some(frame) = reader.frame().await {
        bytes += frame?.data_ref().map_or(0, Bytes::len);
    }
    Ok(bytes)
}

/// Times in order, and how many a second.
struct Case {
    times: Vec<Duration>,
    rate: f64,
}

impl Case {
    fn print(&mut self, name: &str) {
        self.times.sort_unstable();
        let at = |part: f64| self.times[(self.times.len() as f64 * part) as usize].as_secs_f64() * 1e3;
        println!("{name:<34} {:>9.0}/s   p50 {:>7.3} ms   p99 {:>7.3} ms", self.rate, at(0.5), at(0.99));
    }
}

/// Small calls, so many in flight.
async fn small(link: &Link, in_flight: usize) -> Anyhow<Case> {
    let started = Instant::now();
    let callers: Vec<_> = (0..in_flight)
        .map(|_| {
            let link = link.clone();
            tokio::spawn(async move {
                let body = VecDeque::from([Bytes::from(vec![7; SMALL])]);
                let mut times = Vec::new();
                while started.elapsed() < CASE {
                    let sent = Instant::now();
                    assert_eq!(call(&link, body.clone()).await?, SMALL);
                    times.push(sent.elapsed());
                }
                Ok::<_, Box<dyn Error + Send + Sync>>(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for caller in callers {
        times.extend(caller.await??);
    }
    let rate = times.len() as f64 / started.elapsed().as_secs_f64();
    Ok(Case { times, rate })
}

/// What the loopback itself takes there and back.
async fn bare() -> Anyhow<Case> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let mut buffer = [0; SMALL];
        loop {
            stream.read_exact(&mut buffer).await?;
            stream.write_all(&buffer).await?;
        }
        #[allow(unreachable_code)]
        Ok::<_, std::io::Error>(())
    });
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut buffer, mut times, started) = ([7; SMALL], Vec::new(), Instant::now());
    while started.elapsed() < CASE {
        let sent = Instant::now();
        stream.write_all(&buffer).await?;
        stream.read_exact(&mut buffer).await?;
        times.push(sent.elapsed());
    }
    let rate = times.len() as f64 / started.elapsed().as_secs_f64();
    Ok(Case { times, rate })
}

#[tokio::main]
async fn main() -> Anyhow<()> {
    tokio::spawn(bare()).await??.print("bare connection, 1 in flight");
    let address = serve().await?;
    let identity = Identity::new(NodeId::new(1), ClusterKeys::none());
    let links = Links::new(identity, Arc::new(|_, _, _| {}), Timing::default());
    let link = links.link(address, None);
    for in_flight in [1, 16, 64] {
        small(&link, in_flight).await?.print(&format!("{SMALL} B, {in_flight} in flight"));
    }

    let big: VecDeque<Bytes> = Bytes::from(vec![7; BIG]).chunks(65_536).map(Bytes::copy_from_slice).collect();
    let (sent, calls) = (Instant::now(), 10);
    for _ in 0..calls {
        assert_eq!(call(&link, big.clone()).await?, BIG);
    }
    let rate = (calls * BIG) as f64 / sent.elapsed().as_secs_f64() / 1e6;
    println!("{:<34} {rate:>9.0} MB/s each way", "50 MB there and back");

    small(&link, 4).await?.print(&format!("{SMALL} B, 4 in flight, alone"));
    let stop = Arc::new(AtomicBool::new(false));
    let beside = tokio::spawn({
        let (link, stop) = (link.clone(), Arc::clone(&stop));
        async move {
            while !stop.load(Ordering::Relaxed) {
                call(&link, big.clone()).await?;
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(())
        }
    });
    small(&link, 4).await?.print(&format!("{SMALL} B, 4 in flight, beside 50 MB"));
    stop.store(true, Ordering::Relaxed);
    beside.await??;
    let stats = links.stats();
    println!(
        "streams left open: {}, frames out and in: {} {}",
        stats.streams_open, stats.frames_out, stats.frames_in
    );
    Ok(())
}
