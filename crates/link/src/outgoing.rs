use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use protocol::NodeId;
use protocol::peer::{Refused, ResetCode, Response};

use crate::connection::{Answer, Connection, Lost, State};
use crate::frame::HeadTooLarge;
use crate::link::DialError;
use crate::mux::{Read, Role};
use crate::reader::BodyReader;

/// A job that was handed to a peer. Dropped before its reply, it is given up there.
pub struct OutgoingCall {
    connection: Arc<Connection>,
    stream: u32,
    /// The reader of the reply's body has the stream now.
    handed_on: bool,
}

/// Why a peer did not answer a job. Each job gets this or a response, once.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There is no link, and nothing was sent.
    #[error("the peer cannot be reached: {0}")]
    Unreachable(#[source] Arc<DialError>),
    /// The link has as many jobs as it may have; nothing was sent.
    #[error("the link to the peer has no room for another job")]
    Full,
    /// The job's head is too large for a link; nothing was sent.
    #[error(transparent)]
    HeadTooLarge(#[from] HeadTooLarge),
    /// The peer did not run it, and never will.
    #[error("the peer refused the job: {}", .0.message)]
    Refused(Refused),
    /// The peer has not begun to run it, and will not.
    #[error("the peer was lost before it took the job: {0}")]
    LostBeforeAccepted(Lost),
    /// The peer was running it, or may have been.
    #[error("peer lost while running: {0}")]
    LostWhileRunning(Lost),
    /// The peer took it and gave it up.
    #[error("the peer gave the job up: {0:?}")]
    Reset(ResetCode),
}

impl CallError {
    /// Whether the job may have run, or run in part: then it must not be tried elsewhere unless it is
    /// idempotent.
    pub fn may_have_run(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::Full
            | Self::HeadTooLarge(_)
            | Self::Refused(_)
            | Self::LostBeforeAccepted(_) => false,
            Self::LostWhileRunning(_) | Self::Reset(_) => true,
        }
    }
}

impl OutgoingCall {
    pub(crate) fn new(connection: Arc<Connection>, stream: u32) -> Self {
        Self { connection, stream, handed_on: false }
    }

    /// The node that it was handed to.
    pub fn peer(&self) -> NodeId {
        self.connection.peer
    }

    /// Waits until the peer has taken the job, or answered it at once.
    ///
    /// # Errors
    /// It was refused, or the link was lost.
    pub async fn accepted(&mut self) -> Result<(), CallError> {
        poll_fn(|cx| self.poll_accepted(cx)).await
    }

    /// Waits for the head of the reply; its body follows. [`Self::accepted`] needs not be called before.
    ///
    /// # Errors
    /// The job was refused, given up by the peer, or the link was lost; [`CallError::may_have_run`] tells
    /// whether it may be tried elsewhere.
    pub async fn response(mut self) -> Result<(Response, BodyReader), CallError> {
        self.answered().await
    }

    /// The same for who wants to look at the call meanwhile: it may be given up and called again until it
    /// has answered.
    ///
    /// # Errors
    /// As [`Self::response`].
    pub async fn answered(&mut self) -> Result<(Response, BodyReader), CallError> {
        poll_fn(|cx| self.poll_response(cx)).await
    }

    /// Whether the peer is known to have taken the job.
    pub fn is_accepted(&self) -> bool {
        let mut state = self.connection.lock();
        state.mux.tag(self.stream).is_none_or(|tag| tag.accepted)
    }

    fn poll_accepted(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        let mut guard = self.connection.lock();
        let state = &mut *guard;
        let Some(tag) = state.mux.tag(self.stream) else {
            return Poll::Ready(Ok(()));
        };
        match &tag.answer {
            Answer::Response(_) | Answer::Taken => Poll::Ready(Ok(())),
            Answer::Refused(refused) => Poll::Ready(Err(CallError::Refused(refused.clone()))),
            Answer::Reset(code) => Poll::Ready(Err(CallError::Reset(*code))),
            Answer::None if tag.accepted => Poll::Ready(Ok(())),
            Answer::None => match state.lost {
                Some(lost) => Poll::Ready(Err(lost_error(state, self.stream, lost))),
                None => {
                    tag.writer = Some(cx.waker().clone());
                    Poll::Pending
                }
            },
        }
    }

    fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<Result<(Response, BodyReader), CallError>> {
        let mut guard = self.connection.lock();
        let state = &mut *guard;
        let Some(tag) = state.mux.tag(self.stream) else {
            return Poll::Ready(Err(CallError::LostWhileRunning(Lost::GivenUp)));
        };
        match std::mem::replace(&mut tag.answer, Answer::Taken) {
            Answer::Response(response) => {
                let body = body(&self.connection, state, self.stream);
                self.handed_on = true;
                Poll::Ready(Ok((*response, body)))
            }
            Answer::Refused(refused) => Poll::Ready(Err(CallError::Refused(refused))),
            Answer::Reset(code) => Poll::Ready(Err(CallError::Reset(code))),
            Answer::Taken => Poll::Ready(Err(CallError::LostWhileRunning(Lost::GivenUp))),
            Answer::None => {
                tag.answer = Answer::None;
                if let Some(lost) = state.lost {
                    return Poll::Ready(Err(lost_error(state, self.stream, lost)));
                }
                tag.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// A short body that has come in one piece ends its stream here and now.
fn body(connection: &Arc<Connection>, state: &mut State, stream: u32) -> BodyReader {
    let length = state.mux.unread(stream);
    if state.mux.is_read(stream) {
        state.mux.abandon(stream);
        return BodyReader::whole(Bytes::new());
    }
    if state.mux.is_whole(stream)
        && let Read::Piece(piece) = state.mux.read(stream)
    {
        state.mux.abandon(stream);
        return BodyReader::whole(piece);
    }
    BodyReader::stream(Role::Caller, Arc::clone(connection), stream, length)
}

/// What the loss of the link means for a job without an answer.
fn lost_error(state: &mut State, stream: u32, lost: Lost) -> CallError {
    let accepted = state.mux.tag(stream).is_some_and(|tag| tag.accepted);
    let unsent = !state.mux.has_left(stream);
    if !accepted && (unsent || lost.is_final()) {
        CallError::LostBeforeAccepted(lost)
    } else {
        CallError::LostWhileRunning(lost)
    }
}

impl Drop for OutgoingCall {
    fn drop(&mut self) {
        if !self.handed_on {
            self.connection.abandon(self.stream);
        }
    }
}
