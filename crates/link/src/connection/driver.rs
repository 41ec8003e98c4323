use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Interval, MissedTickBehavior, Sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Connection, Lost};
use crate::bounds::{BATCH_BYTES, Timing};
use crate::frame::{Frame, Kind, Outgoing};
use crate::malformed::Malformed;

/// A piece up to this length gets memory of its own: one that shares the buffer it was read into would keep
/// all of that for as long as a job waits.
const COPIED_BYTES_MAX: usize = 16 * 1024;

/// Frames that are read before something is written, and the reverse, and rounds of both before other tasks
/// have their turn.
const ROUNDS_MAX: usize = 16;

/// Moves the frames of a connection, alone: one task reads and writes.
pub(crate) struct Driver<S> {
    socket: WebSocketStream<S>,
    connection: Arc<Connection>,
    timing: Timing,
    ping: Interval,
    missed: u32,
    /// Something came since the last ping.
    heard: bool,
    /// The socket has not taken everything yet.
    unflushed: bool,
    /// A ping was read, and its answer has not gone. tungstenite sends it before it reads on, and reads no
    /// more where that fails: something may be left that the peer had said.
    pong_due: bool,
    /// Writing failed. What the peer sent before it went is still read, but not for ever.
    broken: Option<Pin<Box<Sleep>>>,
    /// Jobs whose ACCEPTED is on its way to the socket.
    accepted: Vec<u32>,
    frames: Vec<Outgoing>,
    buffer: BytesMut,
    /// What is to be sent waits until the tasks that are ready have had their turn.
    holds_back: bool,
}

/// How a connection ends, and what the peer is told about it.
struct End {
    lost: Lost,
    close: Option<CloseFrame>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    pub(crate) fn new(socket: WebSocketStream<S>, connection: Arc<Connection>, timing: Timing) -> Self {
        let mut ping = tokio::time::interval_at(
            tokio::time::Instant::now() + timing.ping_interval,
            timing.ping_interval,
        );
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            socket,
            connection,
            timing,
            ping,
            missed: 0,
            heard: true,
            unflushed: false,
            pong_due: false,
            broken: None,
            accepted: Vec::new(),
            frames: Vec::new(),
            buffer: BytesMut::new(),
            holds_back: false,
        }
    }

    /// Runs until the connection has ended, and says so to everybody.
    pub(crate) async fn run(mut self) {
        let end = poll_fn(|cx| self.poll(cx)).await;
        tracing::debug!(peer = %self.connection.peer, why = %end.lost, "a peer link ended");
        self.connection.lose(end.lost);
        if let Some(frame) = end.close {
            // The peer may be gone; it is told as a courtesy.
            let _ = tokio::time::timeout(self.timing.close_timeout, self.say_good_bye(frame)).await;
        }
    }

    async fn say_good_bye(&mut self, frame: CloseFrame) -> Result<(), Error> {
        self.socket.send(Message::Close(Some(frame))).await?;
        // Closed while something is unread, the peer's system would forget what we said last.
        while let Some(message) = self.socket.next().await {
            message?;
        }
        Ok(())
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.connection.driver.register(cx.waker());
        for _ in 0..ROUNDS_MAX {
            let mut progress = match self.poll_read(cx) {
                Ok(progress) => progress,
                Err(end) => return Poll::Ready(end),
            };
            match self.poll_ping(cx) {
                Ok(pinged) => progress |= pinged,
                Err(end) => return Poll::Ready(end),
            }
            if self.others_may_join() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            progress |= self.poll_write(cx);
            if let Some(broken) = &mut self.broken
                && broken.as_mut().poll(cx).is_ready()
            {
                return Poll::Ready(End { lost: Lost::Silent, close: None });
            }
            if !progress {
                return self.poll_close();
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether to let other tasks have a turn, once, before something is sent. The runtime wakes this one right after
    /// the first that has a frame to send; each write is a system call and wakes the peer, with one frame or with
    /// many. Where one stream is open nobody could join, and a body fills its frames alone.
    fn others_may_join(&mut self) -> bool {
        let state = self.connection.lock();
        self.holds_back = !self.holds_back && state.mux.streams() > 1 && state.mux.has_small_frames_only();
        self.holds_back
    }

    /// Ends the connection where that is wanted and nothing is under way on it.
    fn poll_close(&self) -> Poll<End> {
        if !self.connection.is_closing() || self.unflushed {
            return Poll::Pending;
        }
        let state = self.connection.lock();
        if state.mux.streams() > 0 || state.mux.has_frames() || !state.probes.is_empty() {
            return Poll::Pending;
        }
        let close = CloseFrame { code: CloseCode::Away, reason: "the node needs the link no more".into() };
        Poll::Ready(End { lost: Lost::GivenUp, close: Some(close) })
    }

    fn poll_ping(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        if self.ping.poll_tick(cx).is_pending() {
            return Ok(false);
        }
        if self.heard {
            self.missed = 0;
        } else {
            self.missed += 1;
            self.connection.counters.ping_missed();
        }
        self.heard = false;
        if self.missed >= self.timing.pings_missed_max {
            return Err(End { lost: Lost::Silent, close: None });
        }
        self.send(Message::Ping(Bytes::new()));
        Ok(true)
    }

    /// Takes in what has come. True if something had.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let mut progress = false;
        for _ in 0..ROUNDS_MAX {
            if self.connection.lock().mux.is_congested() {
                return Ok(progress);
            }
            let Poll::Ready(message) = Pin::new(&mut self.socket).poll_next(cx) else {
                return Ok(progress);
            };
            progress = true;
            self.heard = true;
            match message {
                Some(Ok(Message::Binary(message))) => self.receive(message)?,
                Some(Ok(Message::Text(_))) => return Err(self.malformed(&Malformed::NotBinary)),
                Some(Ok(Message::Close(Some(close)))) if close.code == CloseCode::Policy => {
                    return Err(self.refused(&close.reason));
                }
                Some(Ok(Message::Close(_))) | None => return Err(End { lost: Lost::Closed, close: None }),
                Some(Ok(Message::Ping(_))) => {
                    self.pong_due = true;
                    self.unflushed = true;
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(self.read_failed(error)),
            }
        }
        Ok(progress)
    }

    fn receive(&mut self, message: Bytes) -> Result<(), End> {
        self.connection.counters.came(message.len());
        let message =
            if message.len() <= COPIED_BYTES_MAX { Bytes::copy_from_slice(&message) } else { message };
        let taken = Frame::decode(message).and_then(|frame| self.connection.take(frame));
        taken.map_err(|malformed| self.malformed(&malformed))
    }

    fn refused(&self, reason: &str) -> End {
        tracing::warn!(peer = %self.connection.peer, reason, "the handshake of a peer link was refused");
        self.connection.counters.handshake_refused();
        End { lost: Lost::Refused, close: None }
    }

    fn malformed(&self, malformed: &Malformed) -> End {
        /// A close frame is a control frame, and so is its reason bounded (RFC 6455, section 5.5).
        const REASON_BYTES_MAX: usize = 123;
        tracing::warn!(peer = %self.connection.peer, %malformed, "a peer link is closed");
        self.connection.counters.malformed();
        let mut reason = malformed.to_string();
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        let close = CloseFrame { code: CloseCode::Protocol, reason: reason.into() };
        End { lost: Lost::Malformed, close: Some(close) }
    }

    fn read_failed(&self, error: Error) -> End {
        match error {
            Error::Io(error) if self.pong_due || !is_end(error.kind()) => {
                End { lost: Lost::Silent, close: None }
            }
            Error::Io(_) | Error::ConnectionClosed | Error::AlreadyClosed => {
                End { lost: Lost::Closed, close: None }
            }
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                End { lost: Lost::Closed, close: None }
            }
            error => self.malformed(&Malformed::WebSocket(error.to_string())),
        }
    }

    /// Sends what is to be sent, as far as the socket takes it. True if something went.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = false;
        for _ in 0..ROUNDS_MAX {
            if self.broken.is_some() {
                return progress;
            }
            if self.unflushed {
                match Pin::new(&mut self.socket).poll_flush(cx) {
                    Poll::Pending => return progress,
                    Poll::Ready(Ok(())) => self.flushed(),
                    Poll::Ready(Err(_)) => self.write_failed(),
                }
                continue;
            }
            if !self.send_batch() {
                return progress;
            }
            progress = true;
        }
        progress
    }

    /// Hands a batch of frames to the WebSocket. False if there is none.
    fn send_batch(&mut self) -> bool {
        let mut bytes = 0;
        let mut state = self.connection.lock();
        while bytes < BATCH_BYTES
            && let Some(frame) = state.mux.next_frame()
        {
            bytes += frame.encoded_bytes();
            if frame.kind == Kind::Accepted {
                self.accepted.push(frame.stream);
            } else if frame.kind == Kind::Data
                && let Some(tag) = state.mux.tag(frame.stream)
                && let Some(writer) = tag.writer.take()
            {
                writer.wake();
            }
            self.frames.push(frame);
        }
        drop(state);
        if self.frames.is_empty() {
            return false;
        }
        self.connection.counters.went(self.frames.len(), bytes);
        self.buffer.reserve(bytes);
        let frames = std::mem::take(&mut self.frames);
        for frame in &frames {
            frame.encode(&mut self.buffer);
            let message = self.buffer.split().freeze();
            self.send(Message::Binary(message));
        }
        self.frames = frames;
        self.frames.clear();
        true
    }

    fn send(&mut self, message: Message) {
        self.unflushed = true;
        if self.broken.is_none() && Pin::new(&mut self.socket).start_send(message).is_err() {
            self.write_failed();
        }
    }

    fn write_failed(&mut self) {
        self.broken.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.timing.close_timeout)));
    }

    /// The socket has everything: accepted jobs may start.
    fn flushed(&mut self) {
        self.unflushed = false;
        self.pong_due = false;
        if self.accepted.is_empty() {
            return;
        }
        let mut state = self.connection.lock();
        for stream in self.accepted.drain(..) {
            if let Some(tag) = state.mux.tag(stream) {
                tag.accepted = true;
                if let Some(writer) = tag.writer.take() {
                    writer.wake();
                }
            }
        }
    }
}

/// Whatever ends the driver, a panic or the end of the runtime, nobody waits for it in vain.
impl<S> Drop for Driver<S> {
    fn drop(&mut self) {
        if self.connection.lost().is_none() {
            self.connection.lose(Lost::GivenUp);
        }
    }
}

/// Whether a read failed because the other side ended, as opposed to the network between.
fn is_end(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof)
}
