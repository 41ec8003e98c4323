//! Questions over the learner session.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use futures_util::{FutureExt, SinkExt, StreamExt};
use hdrhistogram::Histogram;
use protocol::learner::SUBPROTOCOL;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use super::{ALONE_P50_MS_MAX, ALONE_P99_MS_MAX, ANSWERS_PER_S_MIN, Form, IN_FLIGHT, per_second};
use crate::goal::{Bound, Goal};

/// Questions that are asked in turn, written before anything is measured.
const QUESTIONS: u64 = 1_000;
/// Questions before the measurement begins.
const WARM_UP: u64 = 2_000;

struct Session {
    socket: WebSocketStream<TcpStream>,
    /// What follows the id in each message.
    questions: Vec<String>,
    asked: u64,
    answered: u64,
}

/// One question at a time.
pub(super) async fn alone(port: u16, form: Form, duration: Duration) -> anyhow::Result<Vec<Goal>> {
    let [p50, p99, _] = alone_ms(port, form, duration).await?;
    let row = |name, measured, max| {
        let what = format!("act one at a time, {form}, {name}");
        Goal::new(what, Some(Bound::AtMost(max)), measured, " ms")
    };
    Ok(vec![row("p50", p50, ALONE_P50_MS_MAX), row("p99", p99, ALONE_P99_MS_MAX)])
}

/// The same while a large model is saved again and again.
pub(super) async fn alone_beside_snapshots(port: u16, duration: Duration) -> anyhow::Result<Vec<Goal>> {
    let [_, p99, slowest] = alone_ms(port, Form::Numbered, duration).await?;
    let what = |name| format!("act one at a time while a large model is saved each second, {name}");
    let most = Some(Bound::AtMost(ALONE_P99_MS_MAX));
    Ok(vec![Goal::new(what("p99"), most, p99, " ms"), Goal::new(what("slowest"), None, slowest, " ms")])
}

/// The median, the 99th percentile and the slowest, in milliseconds.
async fn alone_ms(port: u16, form: Form, duration: Duration) -> anyhow::Result<[f64; 3]> {
    let mut session = Session::open(port, form).await?;
    let mut micros = Histogram::<u64>::new(3).context("a histogram")?;
    let mut begun = Instant::now();
    while session.answered < WARM_UP || begun.elapsed() < duration {
        if session.answered == WARM_UP {
            begun = Instant::now();
        }
        let asked_at = Instant::now();
        session.ask().await?;
        session.flush().await?;
        session.answer().await?;
        if session.answered > WARM_UP {
            micros.record(u64::try_from(asked_at.elapsed().as_nanos())? / 100)?;
        }
    }
    let ms = |quantile: f64| micros.value_at_quantile(quantile) as f64 / 10_000.0;
    Ok([ms(0.5), ms(0.99), ms(1.0)])
}

/// Many questions in flight.
pub(super) async fn crowded(port: u16, form: Form, duration: Duration) -> anyhow::Result<Vec<Goal>> {
    let rate = rate(port, form, duration).await?;
    let what = format!("act, {IN_FLIGHT} in flight on one connection, {form}");
    Ok(vec![Goal::new(what, Some(Bound::AtLeast(ANSWERS_PER_S_MIN)), rate, "/s")])
}

/// The same for an agent, for comparison.
pub(super) async fn crowded_agent(port: u16, agent: &str, duration: Duration) -> anyhow::Result<Vec<Goal>> {
    let rate = rate(port, Form::Numbered, duration).await?;
    let what = format!("act, {IN_FLIGHT} in flight, {}, {agent}", Form::Numbered);
    Ok(vec![Goal::new(what, Some(Bound::AtLeast(ANSWERS_PER_S_MIN)), rate, "/s")])
}

async fn rate(port: u16, form: Form, duration: Duration) -> anyhow::Result<f64> {
    let mut session = Session::open(port, form).await?;
    let mut begun = Instant::now();
    let mut before = 0;
    while before == 0 || begun.elapsed() < duration {
        while session.asked - session.answered < IN_FLIGHT as u64 {
            session.ask().await?;
        }
        session.flush().await?;
        session.answer().await?;
        session.answers_that_are_there()?;
        if before == 0 && session.answered >= WARM_UP {
            (begun, before) = (Instant::now(), session.answered);
        }
    }
    Ok(per_second(session.answered - before, begun.elapsed()))
}

impl Session {
    async fn open(port: u16, form: Form) -> anyhow::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.set_nodelay(true)?;
        let mut request = format!("ws://{}:{port}/ws", Ipv4Addr::LOCALHOST).into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", SUBPROTOCOL.parse()?);
        let (socket, _) = client_async(request, stream).await.context("the session cannot be opened")?;
        let question = |count| {
            let text = form.question(count).to_string();
            // Without the opening brace: the id goes before it.
            format!(",{}}}", &text[1..])
        };
        let questions = (0..QUESTIONS).map(question).collect();
        Ok(Self { socket, questions, asked: 0, answered: 0 })
    }

    async fn ask(&mut self) -> anyhow::Result<()> {
        let id = self.asked;
        let question = &self.questions[(id % QUESTIONS) as usize];
        let text = format!("{{\"act\":{{\"id\":{id}{question}");
        self.socket.feed(Message::text(text)).await?;
        self.asked += 1;
        Ok(())
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        Ok(self.socket.flush().await?)
    }

    async fn answer(&mut self) -> anyhow::Result<()> {
        let message = self.socket.next().await.context("the session ended")??;
        self.take(&message)
    }

    fn answers_that_are_there(&mut self) -> anyhow::Result<()> {
        while self.answered < self.asked {
            match self.socket.next().now_or_never() {
                Some(Some(message)) => self.take(&message?)?,
                Some(None) => bail!("the session ended"),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Every answer must be a choice, and in its turn.
    fn take(&mut self, message: &Message) -> anyhow::Result<()> {
        let text = message.to_text()?;
        let rest = text.strip_prefix("{\"acted\":{\"id\":");
        let id = rest.and_then(|rest| rest.split(',').next()?.parse::<u64>().ok());
        ensure!(id == Some(self.answered), "not the answer to question {}: {text}", self.answered);
        self.answered += 1;
        Ok(())
    }
}
