use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use protocol::learner::{Act, Acted, Failed, OneOrMany, Reply, Request, SUBPROTOCOL, Sample, Trained};
use service::Health;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, Sleep, sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::{Ask, SAMPLES_MAX, Shared};
use crate::backoff::Backoff;

/// The part of the health report that says whether the learner is there.
pub(crate) const PART: &str = "learner";

/// The learner's answers are short, but for one that lists refused samples.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// Read at once: some dozens of answers. The buffer is cleared before each read, all of it.
const READ_BYTES: usize = 4 * 1024;

/// Questions whose answers are not there yet. A learner that is well answers tens of thousands a second.
const IN_FLIGHT_MAX: usize = 4_096;

/// Questions that are written before they are sent.
const ASKS_BEFORE_FLUSH: usize = 256;

/// Samples in one message.
const SAMPLES_TOGETHER_MAX: usize = 256;

/// A sample waits so long for others to go along: each message wakes the learner, for one or for many, and what is
/// learned a hundredth of a second later is learned soon enough.
const TOGETHER_FOR: Duration = Duration::from_millis(10);

/// A learner on the same node answers in milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A learner that takes longer to read is as good as gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(2);

/// How often the learner is asked for a sign of life, and how long its silence may last.
const PING_PERIOD: Duration = Duration::from_secs(5);
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// The learner is looked for so often at first, and so often when it stays away.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Holds the connection to the learner for as long as the scheduler lives.
pub(crate) struct Session {
    url: String,
    health: Arc<Health>,
    shared: Arc<Shared>,
    asks: mpsc::Receiver<Ask>,
    samples: mpsc::Receiver<Sample>,
    /// A sample that waits for others.
    held: Option<Sample>,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error("it does not answer")]
    Slow,
    #[error(transparent)]
    Socket(#[from] Error),
    #[error("it said something that is no message of the session")]
    Message(#[from] serde_json::Error),
    #[error("it closed the session: {0}")]
    Closed(String),
}

/// One connection.
struct Conversation<'a> {
    session: &'a mut Session,
    socket: Socket,
    /// Questions in the order in which they were asked, which is that of the answers.
    unanswered: VecDeque<(u64, oneshot::Sender<Option<Acted>>)>,
    next_id: u64,
    heard_at: Instant,
    /// When the samples that are held are to go, where there are any.
    teach_at: Pin<Box<Sleep>>,
}

impl Session {
    pub(super) fn new(
        url: String,
        health: Arc<Health>,
        shared: Arc<Shared>,
        asks: mpsc::Receiver<Ask>,
        samples: mpsc::Receiver<Sample>,
    ) -> Self {
        Self { url, health, shared, asks, samples, held: None }
    }

    /// Keeps the session open. While the learner is away, samples wait.
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        self.health.degrade(PART, format!("{} was not reached yet", self.url));
        loop {
            let ended = match self.connect().await {
                Ok(socket) => {
                    backoff.reset();
                    self.converse(socket).await
                }
                Err(error) => error,
            };
            let why = format!("{}: {ended}", self.url);
            if self.health.why_degraded(PART).is_none() {
                tracing::warn!(error = why, "the learner is away: fallbacks decide");
            }
            self.health.degrade(PART, why);
            tokio::time::sleep(backoff.pause()).await;
        }
    }

    async fn connect(&self) -> Result<Socket, SessionError> {
        let mut request = self.url.as_str().into_client_request()?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        let config =
            WebSocketConfig::default().read_buffer_size(READ_BYTES).max_message_size(Some(MESSAGE_BYTES_MAX));
        let connected =
            timeout(CONNECT_TIMEOUT, connect_async_with_config(request, Some(config), true)).await;
        Ok(connected.map_err(|_elapsed| SessionError::Slow)??.0)
    }

    async fn converse(&mut self, socket: Socket) -> SessionError {
        tracing::info!(url = self.url, "the learner is there");
        self.health.restore(PART);
        self.shared.is_connected.store(true, Ordering::Relaxed);
        let conversation = Conversation {
            session: self,
            socket,
            unanswered: VecDeque::new(),
            next_id: 0,
            heard_at: Instant::now(),
            teach_at: Box::pin(sleep(TOGETHER_FOR)),
        };
        let ended = conversation.run().await;
        self.shared.is_connected.store(false, Ordering::Relaxed);
        // Who asked and was not heard is told so at once, by dropping the question.
        while self.asks.try_recv().is_ok() {}
        ended
    }
}

impl Conversation<'_> {
    async fn run(mut self) -> SessionError {
        let mut pings = tokio::time::interval(PING_PERIOD);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let has_room = self.unanswered.len() < IN_FLIGHT_MAX;
            let done = tokio::select! {
                biased;
                message = self.socket.next() => self.take(message),
                Some(ask) = self.session.asks.recv(), if has_room => self.ask(ask).await,
                Some(sample) = self.session.samples.recv(), if self.session.held.is_none() => {
                    self.hold(sample);
                    Ok(())
                }
                () = &mut self.teach_at, if self.session.held.is_some() => self.teach().await,
                _ = pings.tick() => self.ping().await,
            };
            if let Err(error) = done {
                return error;
            }
        }
    }

    /// Sends this question, and those that wait behind it. Where jobs come one upon the other it lets those that are
    /// ready ask first: each sending is a system call and wakes the learner, with one question or with many.
    async fn ask(&mut self, first: Ask) -> Result<(), SessionError> {
        if !self.unanswered.is_empty() {
            let_others_go_first().await;
        }
        self.write(first).await?;
        let mut written = 1;
        while written < ASKS_BEFORE_FLUSH
            && let Ok(ask) = self.session.asks.try_recv()
        {
            self.write(ask).await?;
            written += 1;
        }
        self.flush().await
    }

    async fn write(&mut self, ask: Ask) -> Result<(), SessionError> {
        let Ask { state, candidates, answer } = ask;
        // Whoever asked may have given up meanwhile.
        if answer.is_closed() {
            return Ok(());
        }
        let id = self.next_id;
        self.next_id += 1;
        self.feed(&Request::Act(Act { id, state, candidates })).await?;
        self.unanswered.push_back((id, answer));
        Ok(())
    }

    /// Lets this sample wait for those that come next. They stay in their queue, and wake nobody.
    fn hold(&mut self, first: Sample) {
        self.session.held = Some(first);
        self.teach_at.as_mut().reset(Instant::now() + TOGETHER_FOR);
    }

    /// Sends the sample that was held, and those that have come since.
    async fn teach(&mut self) -> Result<(), SessionError> {
        // As many as were there: those that come meanwhile keep no question waiting.
        for _ in 0..=SAMPLES_MAX / SAMPLES_TOGETHER_MAX {
            let held = self.session.held.take();
            let Some(first) = held.or_else(|| self.session.samples.try_recv().ok()) else { break };
            let mut samples = vec![first];
            while samples.len() < SAMPLES_TOGETHER_MAX
                && let Ok(sample) = self.session.samples.try_recv()
            {
                samples.push(sample);
            }
            let count = samples.len() as u64;
            self.feed(&Request::Train(OneOrMany::Many(samples))).await?;
            self.session.shared.counts.samples_sent.fetch_add(count, Ordering::Relaxed);
        }
        self.flush().await
    }

    async fn ping(&mut self) -> Result<(), SessionError> {
        if self.heard_at.elapsed() > SILENCE_MAX {
            return Err(SessionError::Slow);
        }
        self.socket.feed(Message::Ping(Bytes::new())).await?;
        self.flush().await
    }

    async fn feed(&mut self, request: &Request) -> Result<(), SessionError> {
        let message = Message::text(serde_json::to_string(request)?);
        let sent = timeout(SEND_TIMEOUT, self.socket.feed(message)).await;
        Ok(sent.map_err(|_elapsed| SessionError::Slow)??)
    }

    async fn flush(&mut self) -> Result<(), SessionError> {
        let sent = timeout(SEND_TIMEOUT, self.socket.flush()).await;
        Ok(sent.map_err(|_elapsed| SessionError::Slow)??)
    }

    fn take(&mut self, message: Option<Result<Message, Error>>) -> Result<(), SessionError> {
        self.heard_at = Instant::now();
        match message.ok_or(Error::ConnectionClosed)?? {
            Message::Text(text) => {
                self.answered(serde_json::from_str(&text)?);
                Ok(())
            }
            Message::Close(frame) => {
                let reason = frame.map(|frame| frame.reason.to_string());
                Err(SessionError::Closed(reason.unwrap_or_default()))
            }
            _ => Ok(()),
        }
    }

    fn answered(&mut self, reply: Reply) {
        match reply {
            Reply::Acted(acted) => self.answer(acted.id, Some(acted)),
            Reply::Error(Failed { id: Some(id), why }) => {
                tracing::debug!(why, "the learner could not answer");
                self.answer(id, None);
            }
            Reply::Error(Failed { id: None, why }) => tracing::warn!(why, "the learner did not understand"),
            Reply::Trained(Trained { refused, .. }) => {
                if let Some(first) = refused.first() {
                    tracing::debug!(
                        count = refused.len(),
                        eid = first.eid,
                        why = first.why,
                        "samples refused"
                    );
                }
                let count = refused.len() as u64;
                self.session.shared.counts.samples_refused.fetch_add(count, Ordering::Relaxed);
            }
        }
    }

    /// Hands an answer to who asked, who may have given up meanwhile. Questions before it were passed over.
    fn answer(&mut self, id: u64, acted: Option<Acted>) {
        while let Some((asked, answer)) = self.unanswered.pop_front_if(|(asked, _)| *asked <= id) {
            if asked == id {
                let _ = answer.send(acted);
                return;
            }
        }
    }
}

/// Gives the tasks that are ready their turn. `tokio::task::yield_now` would also wait for what comes in meanwhile.
async fn let_others_go_first() {
    let mut had_turn = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut had_turn, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
