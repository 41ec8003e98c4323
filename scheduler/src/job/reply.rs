use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::BoxError;
use bytes::Bytes;
use http::StatusCode;
use http::response::Parts;
use http_body::{Body, Frame, SizeHint};
use link::{BodyError, BodyReader};
use scheduling::Outcome;
use tokio::time::Sleep;

use crate::admission::Ticket;
use crate::caller::{Answer, ReplyBody};
use crate::executor::InFlight;

/// The body of a reply on its way to the caller. The job holds its place until the last byte has gone
/// through, the function or the peer breaks off, or the caller goes away.
pub(super) struct Reply {
    source: Source,
    status: StatusCode,
    ticket: Ticket,
    failed: Option<Outcome>,
    /// Why it cannot go on, until the caller has what came before.
    broken: Option<ReplyError>,
    pause_max: Duration,
    ends_at: Option<Instant>,
    pause: Option<Pin<Box<Sleep>>>,
}

/// Where the body comes from.
enum Source {
    Function { body: ReplyBody, _in_flight: InFlight },
    Peer(BodyReader),
}

/// A reply that cannot go on. Its head is with the caller already, so that the connection is broken off:
/// a caller must not take a part for the whole.
#[derive(Debug, thiserror::Error)]
enum ReplyError {
    #[error("the function broke off in the middle of its reply")]
    BrokeOff(#[source] hyper::Error),
    #[error("the peer broke off in the middle of its reply")]
    PeerBrokeOff(#[source] BodyError),
    #[error("the function paused for too long in the middle of its reply")]
    TooSlow,
}

impl Reply {
    /// The head and the body of a function's reply, which may pause for `pause_max`, and must be through at
    /// `ends_at`.
    pub(super) fn of_function(
        answer: Answer,
        ticket: Ticket,
        pause_max: Duration,
        ends_at: Option<Instant>,
    ) -> (Parts, Self) {
        let (head, body) = answer.response.into_parts();
        let source = Source::Function { body, _in_flight: answer.in_flight };
        let reply = Self::new(source, head.status, ticket, pause_max, ends_at);
        (head, reply)
    }

    /// The body of a reply that comes from a peer.
    pub(super) fn of_peer(
        body: BodyReader,
        status: StatusCode,
        ticket: Ticket,
        pause_max: Duration,
        ends_at: Option<Instant>,
    ) -> Self {
        Self::new(Source::Peer(body), status, ticket, pause_max, ends_at)
    }

    fn new(
        source: Source,
        status: StatusCode,
        ticket: Ticket,
        pause_max: Duration,
        ends_at: Option<Instant>,
    ) -> Self {
        Self { source, status, ticket, failed: None, broken: None, pause_max, ends_at, pause: None }
    }

    /// Waits for more, but not for ever. The timer is made only where there is something to wait for.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let until = || {
            let pause_ends = Instant::now() + self.pause_max;
            self.ends_at.map_or(pause_ends, |end| end.min(pause_ends)).into()
        };
        let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until())));
        pause.as_mut().poll(cx)
    }

    fn fail(&mut self, outcome: Outcome, error: ReplyError) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        tracing::warn!(%error, "a reply was broken off");
        self.failed = Some(outcome);
        Poll::Ready(Some(Err(error.into())))
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(error) = self.broken.take() {
            return self.fail(Outcome::Failed, error);
        }
        match self.source.poll_frame(cx) {
            Poll::Ready(Some(Err(error))) => {
                // The server throws away on an error what it has not sent; while it waits, it sends.
                self.broken = Some(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(frame) => {
                self.pause = None;
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending if self.poll_pause(cx).is_ready() => {
                self.fail(Outcome::DeadlinePassed, ReplyError::TooSlow)
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Function { body, .. } => body.size_hint(),
            Source::Peer(body) => body.size_hint(),
        }
    }
}

impl Source {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ReplyError>>> {
        match self {
            Self::Function { body, .. } => {
                let polled = Pin::new(body).poll_frame(cx);
                polled.map(|frame| frame.map(|frame| frame.map_err(ReplyError::BrokeOff)))
            }
            Self::Peer(body) => {
                let polled = Pin::new(body).poll_frame(cx);
                polled.map(|frame| frame.map(|frame| frame.map_err(ReplyError::PeerBrokeOff)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Function { body, .. } => body.is_end_stream(),
            Self::Peer(body) => body.is_end_stream(),
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        let outcome = match self.failed {
            Some(outcome) => outcome,
            None if self.source.is_end_stream() => Outcome::Answered(self.status.as_u16()),
            None => Outcome::Cancelled,
        };
        self.ticket.end(outcome);
    }
}
