use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use protocol::peer::ResetCode;

use crate::connection::{Answer, Connection, Lost};
use crate::mux::{Read, Role};

/// A body as it comes in. What is read makes room for more: a slow reader slows the sender down.
///
/// The body of a reply that is dropped before its end gives the job up.
#[derive(Debug)]
pub struct BodyReader {
    source: Source,
    /// Bytes that will yet be read, where that is known.
    remaining: Option<u64>,
}

enum Source {
    /// All of it came with its head.
    Whole(Bytes),
    Stream {
        role: Role,
        connection: Arc<Connection>,
        stream: u32,
    },
    Ended,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Whole(_) => "Whole",
            Self::Stream { .. } => "Stream",
            Self::Ended => "Ended",
        })
    }
}

/// A body that broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The link was lost in the middle of it.
    #[error("the link was lost in the middle of a body: {0}")]
    Lost(Lost),
    /// The other side gave the stream up.
    #[error("the peer gave the job up ({0:?}) in the middle of a body")]
    Reset(ResetCode),
}

impl BodyReader {
    pub(crate) fn whole(body: Bytes) -> Self {
        let remaining = Some(body.len() as u64);
        Self { source: if body.is_empty() { Source::Ended } else { Source::Whole(body) }, remaining }
    }

    pub(crate) fn stream(role: Role, connection: Arc<Connection>, stream: u32, length: Option<u64>) -> Self {
        Self { source: Source::Stream { role, connection, stream }, remaining: length }
    }
}

impl Body for BodyReader {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let (connection, stream) = match &self.source {
            Source::Ended => return Poll::Ready(None),
            Source::Whole(_) => {
                self.remaining = Some(0);
                let Source::Whole(body) = std::mem::replace(&mut self.source, Source::Ended) else {
                    return Poll::Ready(None);
                };
                return Poll::Ready(Some(Ok(Frame::data(body))));
            }
            Source::Stream { connection, stream, .. } => (connection, *stream),
        };
        let mut state = connection.lock();
        let read = state.mux.read(stream);
        let ended = match &read {
            Read::Pending => {
                if let Some(tag) = state.mux.tag(stream) {
                    tag.reader = Some(cx.waker().clone());
                }
                return Poll::Pending;
            }
            Read::Piece(_) => state.mux.is_read(stream),
            Read::End | Read::Gone => true,
        };
        let error = if read == Read::Gone {
            match (state.lost, state.mux.tag(stream).map(|tag| &tag.answer)) {
                (_, Some(Answer::Reset(code))) => BodyError::Reset(*code),
                (Some(lost), _) => BodyError::Lost(lost),
                (None, _) => BodyError::Reset(ResetCode::Cancelled),
            }
        } else {
            BodyError::Lost(Lost::Closed)
        };
        let grants = state.mux.control_frames() > 0;
        drop(state);
        if grants {
            connection.wake();
        }
        if ended {
            self.release();
        }
        match read {
            Read::Piece(piece) => {
                self.remaining = self.remaining.map(|remaining| remaining.saturating_sub(piece.len() as u64));
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Read::Gone => Poll::Ready(Some(Err(error))),
            Read::End | Read::Pending => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.source, Source::Ended)
    }

    fn size_hint(&self) -> SizeHint {
        self.remaining.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl BodyReader {
    fn release(&mut self) {
        if let Source::Stream { role: Role::Caller, connection, stream } =
            std::mem::replace(&mut self.source, Source::Ended)
        {
            connection.abandon(stream);
        }
    }
}

impl Drop for BodyReader {
    fn drop(&mut self) {
        self.release();
    }
}
