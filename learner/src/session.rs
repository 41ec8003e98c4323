use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use protocol::learner::{Act, Acted, Failed, Refused, Reply, Request, Trained};
use serde::Deserialize;
use service::settings::Store;
use service::websocket::Socket;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Settings;
use crate::metrics::MALFORMED;
use crate::mind::Mind;
use crate::samples::Batch;

/// After so many answers they are sent, though more questions wait: whoever asked first is not kept waiting
/// by those behind.
const ANSWERS_BEFORE_FLUSH: usize = 256;

/// A session is read in pieces of this size; each session holds one.
const READ_BYTES: usize = 32 * 1024;
/// Answers that are gathered before they are written.
const WRITE_BYTES: usize = 64 * 1024;
/// Room for the answers of one message to a client that does not read.
const UNSENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A client that takes longer to read its answers is as good as gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// A silent client is asked for a sign of life, and is closed when it still is silent after as long again.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// All sessions that are open.
pub(crate) struct Sessions {
    mind: Arc<Mind>,
    settings: Arc<Store<Settings>>,
    open: AtomicUsize,
    tasks: TaskTracker,
    closing: CancellationToken,
}

/// The right to be a session; given back when it is dropped.
pub(crate) struct Place(Arc<Sessions>);

impl Sessions {
    pub(crate) fn new(mind: Arc<Mind>, settings: Arc<Store<Settings>>) -> Arc<Self> {
        let (open, tasks, closing) = (AtomicUsize::new(0), TaskTracker::new(), CancellationToken::new());
        Arc::new(Self { mind, settings, open, tasks, closing })
    }

    /// A place for one more session; none where there are enough, or all are being closed.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Place> {
        let max = self.settings.current().sessions_max.size();
        let more = |open: usize| (open < max && !self.closing.is_cancelled()).then_some(open + 1);
        self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        self.mind.metrics().sessions().inc();
        Some(Place(Arc::clone(self)))
    }

    /// The bounds of what a session may send.
    pub(crate) fn bounds(&self) -> WebSocketConfig {
        let message_bytes_max = self.settings.current().message_bytes_max.size();
        WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(WRITE_BYTES)
            .max_write_buffer_size(UNSENT_BYTES_MAX)
            .max_message_size(Some(message_bytes_max))
            .max_frame_size(Some(message_bytes_max))
    }

    /// Closes all sessions, and returns when each has got its last answer.
    pub(crate) async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        self.0.mind.metrics().sessions().dec();
    }
}

impl Place {
    /// Answers what comes until the client goes; `is_original` for one that speaks no subprotocol.
    pub(crate) async fn converse(self, socket: Socket, is_original: bool) {
        let tasks = self.0.tasks.clone();
        tasks.track_future(Session { place: self, socket, is_original }.run()).await;
    }
}

struct Session {
    place: Place,
    socket: Socket,
    is_original: bool,
}

/// Why a session ends.
enum End {
    /// The other side ended it, or the network did.
    Gone,
    /// We end it, with a reason.
    Closed(CloseCode, String),
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        match error {
            Error::Capacity(error) => Self::Closed(CloseCode::Size, error.to_string()),
            Error::Utf8(error) => Self::Closed(CloseCode::Invalid, error),
            Error::Protocol(error) => Self::Closed(CloseCode::Protocol, error.to_string()),
            _ => Self::Gone,
        }
    }
}

impl Session {
    async fn run(mut self) {
        if let Err(End::Closed(code, reason)) = self.converse().await {
            tracing::debug!(?code, reason, "a session is closed");
            let frame = CloseFrame { code, reason: short(&reason).into() };
            let _ = timeout(SEND_TIMEOUT, self.socket.close(Some(frame))).await;
        }
    }

    /// Answers in the order in which the questions came, in the task that read them. The answers to all
    /// questions that are there are sent together.
    async fn converse(&mut self) -> Result<(), End> {
        loop {
            let first = self.next().await?;
            self.take(first).await?;
            for _ in 1..ANSWERS_BEFORE_FLUSH {
                match self.socket.next().now_or_never() {
                    Some(Some(received)) => self.take(received?).await?,
                    Some(None) => return Err(End::Gone),
                    None => break,
                }
            }
            timeout(SEND_TIMEOUT, self.socket.flush()).await.map_err(|_| End::Gone)??;
        }
    }

    /// Waits for a message.
    async fn next(&mut self) -> Result<Message, End> {
        let closing = self.place.0.closing.clone();
        let mut was_asked = false;
        loop {
            let received = tokio::select! {
                // First, or a client that never pauses would never be closed.
                biased;
                () = closing.cancelled() => {
                    return Err(End::Closed(CloseCode::Away, "the learner is stopping".to_owned()));
                }
                received = timeout(SILENCE_MAX, self.socket.next()) => received,
            };
            match received {
                Ok(Some(received)) => return Ok(received?),
                Ok(None) => return Err(End::Gone),
                Err(_) if was_asked => {
                    return Err(End::Closed(CloseCode::Away, "no sign of life".to_owned()));
                }
                Err(_) => self.send(Message::Ping(Bytes::new())).await?,
            }
            was_asked = true;
            timeout(SEND_TIMEOUT, self.socket.flush()).await.map_err(|_| End::Gone)??;
        }
    }

    async fn take(&mut self, message: Message) -> Result<(), End> {
        match message {
            Message::Text(text) => {
                let answer = self.answer(&text)?;
                self.send(Message::Text(answer)).await
            }
            // Pings are answered by the library, with the next flush.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(()),
            Message::Close(_) => Err(End::Gone),
            Message::Binary(_) => {
                Err(End::Closed(CloseCode::Unsupported, "messages are text in JSON".to_owned()))
            }
        }
    }

    /// Adds a message to those that the next flush sends.
    async fn send(&mut self, message: Message) -> Result<(), End> {
        Ok(timeout(SEND_TIMEOUT, self.socket.feed(message)).await.map_err(|_| End::Gone)??)
    }

    fn answer(&self, text: &str) -> Result<Utf8Bytes, End> {
        if self.is_original && text.trim_start().starts_with('[') {
            return self.answer_original(text).map(Utf8Bytes::from);
        }
        let reply = match serde_json::from_str(text) {
            Ok(Request::Act(act)) => self.act(act),
            Ok(Request::Train(samples)) => self.train(samples.into()),
            Err(error) => self.answer_malformed(text, &error),
        };
        let json = serde_json::to_string(&reply);
        json.map(Utf8Bytes::from).map_err(|error| End::Closed(CloseCode::Error, error.to_string()))
    }

    fn act(&self, act: Act) -> Reply {
        match self.place.0.mind.act(&act.state, &act.candidates) {
            Ok(choice) => Reply::Acted(Acted::new(act.id, choice)),
            Err(refusal) => Reply::Error(Failed { id: Some(act.id), why: refusal.to_string() }),
        }
    }

    fn train(&self, batch: Batch) -> Reply {
        let max = self.place.0.settings.current().samples_batch_max.size();
        if batch.len() > max {
            let why = format!("{} samples came at once, where {max} are allowed", batch.len());
            return Reply::Error(Failed { id: None, why });
        }
        Reply::Trained(learn(&self.place.0.mind, batch))
    }

    /// A batch with bad samples in it, or no message at all.
    fn answer_malformed(&self, text: &str, error: &serde_json::Error) -> Reply {
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Raw<'a> {
            Act(Named),
            #[serde(borrow)]
            Train(&'a serde_json::value::RawValue),
        }
        #[derive(Deserialize)]
        struct Named {
            id: Option<u64>,
        }
        let why = format!("not a message of this session: {error}");
        match serde_json::from_str(text) {
            Ok(Raw::Train(samples)) => match Batch::read(samples.get()) {
                Ok(batch) => self.train(batch),
                Err(error) => Reply::Error(Failed { id: None, why: error.to_string() }),
            },
            Ok(Raw::Act(Named { id })) => Reply::Error(Failed { id, why }),
            Err(_) => Reply::Error(Failed { id: None, why }),
        }
    }

    /// The state as a list; the answer is `action,eps`, with five digits each, as the original writes them.
    fn answer_original(&self, text: &str) -> Result<String, End> {
        let closed = |why: String| End::Closed(CloseCode::Policy, why);
        let state: Vec<f64> = serde_json::from_str(text).map_err(|error| closed(error.to_string()))?;
        let choice = self.place.0.mind.act(&state, &[]).map_err(|refusal| closed(refusal.to_string()))?;
        Ok(format!("{:.5},{:.5}", f64::from(choice.action), choice.epsilon))
    }
}

/// Takes the samples of a batch, and tells of those that are none, too.
pub(crate) fn learn(mind: &Mind, batch: Batch) -> Trained {
    let mut trained = mind.train(batch.samples);
    for Refused { eid, why } in batch.malformed {
        mind.metrics().refused(MALFORMED);
        trained.refused.push(Refused { eid, why });
    }
    trained
}

/// A reason as long as a close frame can hold (RFC 6455, section 5.5).
fn short(reason: &str) -> String {
    const REASON_BYTES_MAX: usize = 123;
    let end = (0..=reason.len().min(REASON_BYTES_MAX)).rev().find(|&end| reason.is_char_boundary(end));
    reason[..end.unwrap_or_default()].to_owned()
}
