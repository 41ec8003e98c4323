//! Samples over `POST /train`.

use std::{
    fmt::Write,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use protocol::learner::Trained;
use tokio::net::TcpStream;

use super::{BATCH, Form, SAMPLES_PER_S_MIN, per_second};
use crate::goal::{Bound, Goal};

/// Samples after which a model answers as one that has learned: each action has its own by then.
const LESSON: u64 = 1_000;

/// Teaches a model, because one that has learned nothing answers faster.
pub(super) async fn teach(port: u16, form: Form) -> anyhow::Result<()> {
    let lesson: Vec<_> = (0..LESSON).map(|eid| form.sample(eid)).collect();
    Client::connect(port).await?.train(serde_json::to_string(&lesson)?).await
}

/// Batch after batch on one connection.
pub(super) async fn batches(port: u16, agent: &str, duration: Duration) -> anyhow::Result<Vec<Goal>> {
    let mut client = Client::connect(port).await?;
    let begun = Instant::now();
    let mut eid = 0;
    while begun.elapsed() < duration {
        client
            .train(samples(eid, BATCH, |eid| {
                format!("{},{},{},{},{}", eid % 2, eid % 5, eid % 3, eid % 4, eid % 7)
            }))
            .await?;
        eid += BATCH as u64;
    }
    let what = format!("samples by /train in batches of {BATCH} on one connection, {agent}");
    let rate = per_second(eid, begun.elapsed());
    Ok(vec![Goal::new(what, Some(Bound::AtLeast(SAMPLES_PER_S_MIN)), rate, "/s")])
}

/// A batch as JSON; `state` writes the numbers of a sample's state.
pub(super) fn samples(from: u64, count: usize, state: impl Fn(u64) -> String) -> String {
    let mut text = String::from("[");
    for eid in from..from + count as u64 {
        let comma = if eid == from { "" } else { "," };
        let (state, action, reward) = (state(eid), 1 + eid % 3, eid % 2);
        let _ = write!(
            text,
            "{comma}{{\"eid\":{eid},\"state\":[{state}],\"action\":{action},\"reward\":{reward}}}"
        );
    }
    text + "]"
}

/// A connection that is kept.
pub(super) struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Client {
    pub(super) async fn connect(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, host: format!("{}:{port}", Ipv4Addr::LOCALHOST) })
    }

    /// Sends a batch, all of which must be accepted.
    pub(super) async fn train(&mut self, samples: String) -> anyhow::Result<()> {
        let answer = self.send("POST", "/train", samples).await?;
        let trained: Trained = serde_json::from_slice(&answer).context("not an answer of /train")?;
        ensure!(trained.refused.is_empty(), "samples were refused: {:?}", trained.refused[0]);
        Ok(())
    }

    pub(super) async fn send(&mut self, method: &str, path: &str, body: String) -> anyhow::Result<Bytes> {
        let request = Request::builder().method(method).uri(path).header("host", &self.host);
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::new(body.into()))?).await?;
        ensure!(response.status().is_success(), "{method} {path}: {}", response.status());
        Ok(response.into_body().collect().await?.to_bytes())
    }
}
