use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt, StreamExt};
use protocol::nodes::{NodeReport, SUBPROTOCOL};
use protocol::{ErrorBody, ErrorCode};
use service::ApiError;
use service::websocket::{Handshake, Socket};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Api;
use crate::gossip::Subscription;

/// A report holds a node's functions, whose names are told to all and bounded there.
const MESSAGE_BYTES_MAX: usize = 128 * 1024;
/// Read at once, enough for the report of a usual node; each watch holds so much.
const READ_BYTES: usize = 8 * 1024;
/// A watcher that takes longer for one message is as good as gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a watcher may take to take note of the end. It is told as a courtesy.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a watcher is asked for a sign of life, and how long its silence may last.
const PING_PERIOD: Duration = Duration::from_secs(5);
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// The nodes as they change: a WebSocket of the subprotocol p2pfaas.nodes.1
///
/// Text messages in JSON. First `{"snapshot": ...}` with the body of GET /nodes, then
/// `{"changed": {"version", "node"}}` and `{"removed": {"version", "id"}}`, each with the version after that of
/// the one before. The node's scheduler sends its report up the same connection:
/// `{"slots", "load": {"running", "waiting", "draining"}, "service_time_ms", "functions"}`. Whoever sends
/// something else, or reads too slowly, is closed with a reason, and may connect anew.
#[utoipa::path(get, path = "/nodes/watch", tag = "discovery", responses(
    (status = 101, description = "The WebSocket is open"),
    (status = 400, description = "The subprotocol is not offered", body = ErrorBody),
    (status = 426, description = "The request asks for no WebSocket", body = ErrorBody),
    (status = 503, description = "Too many are watching, or the service is stopping", body = ErrorBody),
))]
pub(super) async fn watch(State(api): State<Arc<Api>>, mut request: Request) -> Response {
    match Handshake::read(&mut request) {
        Ok(handshake) => accept(api, handshake).await.unwrap_or_else(ApiError::into_response),
        Err(refused) => refused.into_response(),
    }
}

async fn accept(api: Arc<Api>, handshake: Handshake) -> Result<Response, ApiError> {
    if !handshake.offers(SUBPROTOCOL) {
        let why = format!("the watch of the nodes speaks {SUBPROTOCOL}: offer it in Sec-WebSocket-Protocol");
        return Err(ApiError::bad_request(why));
    }
    let subscription = api.gossip.watch().await?.map_err(|error| {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Generic, error.to_string()).to_be_retried()
    })?;
    let bounds = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let open = api.watches.token();
    let converse = move |socket| async move {
        Watch { api, socket, subscription, heard_at: Instant::now() }.run().await;
        drop(open);
    };
    Ok(handshake.accept(Some(SUBPROTOCOL), bounds, converse))
}

/// One connection.
struct Watch {
    api: Arc<Api>,
    socket: Socket,
    subscription: Subscription,
    heard_at: Instant,
}

/// Why a connection ends.
enum End {
    /// The other side ended it, or the network did.
    Gone,
    /// We end it, with a reason.
    Closed(CloseCode, Cow<'static, str>),
}

impl Watch {
    async fn run(mut self) {
        let id = self.subscription.id;
        if let End::Closed(code, reason) = self.converse().await {
            tracing::debug!(?code, reason = &*reason, "a watcher is closed");
            self.say_why(CloseFrame { code, reason: short(&reason).into() }).await;
        }
        self.api.gossip.unwatch(id).await;
    }

    /// Sends what is left to be told and the reason, and waits for the other side's answer: a connection that is
    /// dropped with bytes unread is reset, and the reason would be lost with it.
    async fn say_why(&mut self, reason: CloseFrame) {
        let goodbye = async {
            while let Ok(text) = self.subscription.messages.try_recv() {
                self.socket.feed(Message::Text(text)).await?;
            }
            self.socket.close(Some(reason)).await?;
            while let Some(Ok(_)) = self.socket.next().await {}
            Ok::<(), Error>(())
        };
        if !matches!(timeout(CLOSE_TIMEOUT, goodbye).await, Ok(Ok(()))) {
            tracing::debug!("a watcher went away before it was told why");
        }
    }

    async fn converse(&mut self) -> End {
        let mut pings = interval_at(Instant::now() + PING_PERIOD, PING_PERIOD);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.api.stop.clone();
        loop {
            let step = tokio::select! {
                message = self.subscription.messages.recv() => match message {
                    Some(text) => self.send(Message::Text(text)).await,
                    None => Err(End::Closed(CloseCode::Again, "too slow: connect anew for a snapshot".into())),
                },
                received = self.socket.next() => self.take(received).await,
                _ = pings.tick() => self.ping().await,
                () = stop.cancelled() => Err(End::Closed(CloseCode::Away, "the discovery is stopping".into())),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(SEND_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    async fn ping(&mut self) -> Result<(), End> {
        if self.heard_at.elapsed() > SILENCE_MAX {
            return Err(End::Closed(CloseCode::Away, "no sign of life".into()));
        }
        self.send(Message::Ping(bytes::Bytes::new())).await
    }

    async fn take(&mut self, received: Option<Result<Message, Error>>) -> Result<(), End> {
        self.heard_at = Instant::now();
        match received {
            Some(Ok(Message::Text(text))) => self.report(&text).await,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            Some(Ok(Message::Binary(_) | Message::Frame(_))) => {
                Err(End::Closed(CloseCode::Unsupported, "only reports are taken, as text in JSON".into()))
            }
            Some(Err(Error::Capacity(_))) => Err(End::Closed(
                CloseCode::Size,
                format!("a report has up to {MESSAGE_BYTES_MAX} bytes").into(),
            )),
            Some(Err(Error::Utf8(_))) => Err(End::Closed(CloseCode::Invalid, "a text is UTF-8".into())),
            Some(Err(Error::Protocol(error))) => {
                Err(End::Closed(CloseCode::Protocol, error.to_string().into()))
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Gone),
        }
    }

    async fn report(&mut self, text: &str) -> Result<(), End> {
        let report: NodeReport = serde_json::from_str(text)
            .map_err(|error| End::Closed(CloseCode::Policy, format!("not a report: {error}").into()))?;
        match self.api.gossip.report(self.subscription.id, report).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(End::Closed(CloseCode::Policy, error.to_string().into())),
            Err(stopped) => Err(End::Closed(CloseCode::Away, stopped.to_string().into())),
        }
    }
}

/// A close frame has room for 123 bytes of reason (RFC 6455, section 5.5).
fn short(reason: &str) -> String {
    const REASON_BYTES_MAX: usize = 123;
    let end = (0..=reason.len().min(REASON_BYTES_MAX)).rev().find(|end| reason.is_char_boundary(*end));
    reason[..end.unwrap_or_default()].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_fits_its_frame_and_stays_text() {
        assert_eq!(short("too slow"), "too slow");
        assert_eq!(short(&"ü".repeat(100)).len(), 122);
    }
}
