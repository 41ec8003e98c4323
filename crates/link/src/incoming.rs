use std::collections::VecDeque;
use std::fmt::Display;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Body;
use protocol::NodeId;
use protocol::peer::{Open, Refused, ResetCode, Response};
use tokio_util::sync::CancellationToken;

use crate::connection::Connection;
use crate::frame::{HeadTooLarge, head};
use crate::mux::{Ended, Role};
use crate::reader::BodyReader;

/// A job that a peer hands over.
pub struct IncomingCall {
    /// The node that it comes from.
    pub from: NodeId,
    /// What is to be done.
    pub head: Open,
    /// The body of the call.
    pub body: BodyReader,
    /// The way to answer.
    pub reply: Responder,
}

/// Answers a job, once: it is refused, or accepted and then answered. Dropped without either, the job is
/// refused if it was not accepted, and else given up.
pub struct Responder {
    connection: Arc<Connection>,
    stream: u32,
    cancel: CancellationToken,
    done: bool,
}

/// Nobody waits for the answer any more: the caller gave the job up, or the link is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the caller gave the job up")]
pub struct Cancelled;

/// Why a reply did not get through.
#[derive(Debug, thiserror::Error)]
pub enum RespondError {
    /// Nobody waits for it any more.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// Its head does not fit; the caller was told that the job failed.
    #[error(transparent)]
    HeadTooLarge(#[from] HeadTooLarge),
    /// Its body broke off, or is not as long as announced; the caller was told.
    #[error("the body of the reply broke off: {0}")]
    BrokeOff(String),
}

impl IncomingCall {
    pub(crate) fn new(
        connection: &Arc<Connection>,
        stream: u32,
        open: Open,
        cancel: CancellationToken,
    ) -> Self {
        let length = Some(open.body_length);
        Self {
            from: connection.peer,
            head: open,
            body: BodyReader::stream(Role::Callee, Arc::clone(connection), stream, length),
            reply: Responder { connection: Arc::clone(connection), stream, cancel, done: false },
        }
    }
}

impl Responder {
    /// Says that the job will run, and waits until that has been handed to the socket. The job must not be
    /// started before: a caller that loses the link without having heard of it runs the job elsewhere.
    ///
    /// # Errors
    /// The job is not to run.
    pub async fn accept(&mut self) -> Result<(), Cancelled> {
        self.connection.lock().mux.accept(self.stream)?;
        self.connection.wake();
        poll_fn(|cx| {
            let mut state = self.connection.lock();
            let tag = state.mux.tag(self.stream).ok_or(Cancelled)?;
            if tag.accepted {
                return Poll::Ready(Ok(()));
            }
            tag.writer = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Refuses a job that was not accepted; the code is one of [`protocol::ErrorCode`].
    pub fn refuse(mut self, code: u16, message: impl Into<String>) {
        self.done = true;
        self.connection.refuse(self.stream, code, message.into());
    }

    /// Answers: with the reply of the function after [`Self::accept`], or with an error, to which the job
    /// came without being run. Length of the body and load are filled in. Ends when the last byte has been
    /// queued, which is at most [`crate::bounds::QUEUED_BYTES_MAX`] ahead of the caller.
    ///
    /// # Errors
    /// The caller gets no reply, or not all of it.
    pub async fn respond<B>(mut self, response: Response, body: B) -> Result<(), RespondError>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let mut body = pin!(body);
        let Start { pieces, length } = match poll_fn(|cx| Poll::Ready(start(body.as_mut(), cx))).await {
            Ok(start) => start,
            Err(error) => return Err(self.broke_off(error)),
        };
        let whole = pieces.iter().map(|piece| piece.len() as u64).sum();
        self.begin(response, length, pieces)?;
        if length == Some(whole) {
            self.done = true;
            return Ok(());
        }
        while !body.is_end_stream() {
            poll_fn(|cx| self.poll_room(cx)).await?;
            match poll_fn(|cx| poll_data(body.as_mut(), cx)).await {
                Some(Ok(piece)) => self.send(piece)?,
                Some(Err(error)) => return Err(self.broke_off(error)),
                None => break,
            }
        }
        self.finish()
    }

    /// Ends when nobody waits for the answer any more. The future of [`crate::Handler::serve`] is dropped
    /// then; this is for what it has given to other tasks.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + 'static {
        self.cancel.clone().cancelled_owned()
    }

    fn begin(
        &mut self,
        mut response: Response,
        length: Option<u64>,
        pieces: VecDeque<Bytes>,
    ) -> Result<(), RespondError> {
        response.body_length = length;
        response.load = Some(self.connection.side.load());
        let head = head(&response)?;
        self.connection.lock().mux.respond(self.stream, head, length, pieces).map_err(Cancelled::from)?;
        self.connection.wake();
        Ok(())
    }

    fn send(&mut self, piece: Bytes) -> Result<(), RespondError> {
        let result = self.connection.lock().mux.send(self.stream, piece);
        self.connection.wake();
        result.map_err(|ended| self.cut_short(ended))
    }

    fn finish(mut self) -> Result<(), RespondError> {
        let result = self.connection.lock().mux.finish(self.stream);
        self.connection.wake();
        self.done = true;
        result.map_err(|ended| self.cut_short(ended))
    }

    fn cut_short(&self, ended: Ended) -> RespondError {
        if self.cancel.is_cancelled() {
            Cancelled::from(ended).into()
        } else {
            RespondError::BrokeOff("its length is not the announced one".to_owned())
        }
    }

    fn broke_off(&mut self, error: impl Display) -> RespondError {
        self.done = true;
        self.connection.give_up(self.stream, ResetCode::BrokeOff);
        RespondError::BrokeOff(error.to_string())
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<Result<(), Cancelled>> {
        let mut state = self.connection.lock();
        if state.mux.has_room(self.stream)? {
            return Poll::Ready(Ok(()));
        }
        if let Some(tag) = state.mux.tag(self.stream) {
            tag.writer = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl From<Ended> for Cancelled {
    fn from(_: Ended) -> Self {
        Self
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let accepted = self.connection.lock().mux.is_accepted(self.stream);
        if accepted {
            self.connection.give_up(self.stream, ResetCode::Failed);
        } else {
            let message = "the node dropped the job".to_owned();
            self.connection.refuse(self.stream, protocol::ErrorCode::Generic.into(), message);
        }
    }
}

impl Connection {
    fn give_up(&self, stream: u32, code: ResetCode) {
        self.lock().mux.give_up(stream, code);
        self.wake();
    }

    /// Refuses a job that was not accepted.
    pub(crate) fn refuse(&self, stream: u32, code: u16, message: String) {
        let refused = Refused { code, message, load: Some(self.side.load()) };
        let Ok(head) = head(&refused) else {
            self.give_up(stream, ResetCode::Failed);
            return;
        };
        // A stream that has ended needs no refusal.
        let _ = self.lock().mux.refuse(stream, head);
        self.wake();
    }
}

/// What of a body is at hand when its head goes out.
struct Start {
    pieces: VecDeque<Bytes>,
    /// The length of the whole body, where it is known.
    length: Option<u64>,
}

/// Looks twice without waiting: a short body of unknown length is often followed by its end.
fn start<B: Body<Data = Bytes>>(mut body: Pin<&mut B>, cx: &mut Context<'_>) -> Result<Start, B::Error> {
    let mut pieces = VecDeque::new();
    let mut bytes = 0;
    for _ in 0..2 {
        if let Some(rest) = body.size_hint().exact()
            && (rest == 0 || !pieces.is_empty())
        {
            return Ok(Start { pieces, length: Some(bytes + rest) });
        }
        match poll_data(body.as_mut(), cx) {
            Poll::Pending => break,
            Poll::Ready(None) => return Ok(Start { pieces, length: Some(bytes) }),
            Poll::Ready(Some(piece)) => {
                let piece = piece?;
                bytes += piece.len() as u64;
                pieces.push_back(piece);
            }
        }
    }
    let rest = if body.is_end_stream() { Some(0) } else { body.size_hint().exact() };
    Ok(Start { pieces, length: rest.map(|rest| bytes + rest) })
}

/// The next piece; trailers are passed over, as the link has no place for them.
fn poll_data<B: Body<Data = Bytes>>(
    mut body: Pin<&mut B>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Bytes, B::Error>>> {
    loop {
        match ready!(body.as_mut().poll_frame(cx)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            Some(Ok(frame)) => {
                if let Ok(piece) = frame.into_data() {
                    return Poll::Ready(Some(Ok(piece)));
                }
            }
        }
    }
}
