use std::collections::VecDeque;

use bytes::Bytes;
use protocol::peer::{Refused, Reset, ResetCode, Response};

use super::{Event, Full, Mux, Phase, STREAMS_MAX, Stream};
use crate::body::{IncomingBody, OutgoingBody, Part};
use crate::bounds::INLINE_BYTES_MAX;
use crate::frame::{Kind, Outgoing};
use crate::malformed::Malformed;

/// What the caller does.
impl<T: Default> Mux<T> {
    /// Opens a stream for a job with this head, which announces the length of `body`.
    ///
    /// # Errors
    /// There are too many streams or frames already, or all numbers have been used.
    pub fn open(&mut self, head: Bytes, body: VecDeque<Bytes>, tag: T) -> Result<u32, Full> {
        if self.streams.len() >= STREAMS_MAX {
            return Err(Full);
        }
        let id = self.new_number()?;
        let length = body.iter().map(|piece| piece.len() as u64).sum();
        let mut outgoing = OutgoingBody::new(body, Some(length));
        let first = take_inline(&mut outgoing);
        self.control.push_back(Outgoing { kind: Kind::Open, stream: id, head, body: first });
        self.streams.insert(id, Stream::new(IncomingBody::new(None), outgoing, tag));
        Ok(id)
    }

    /// Asks for the load.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn probe(&mut self) -> Result<u32, Full> {
        let id = self.new_number()?;
        self.control.push_back(Outgoing::bare(Kind::Probe, id, Bytes::new()));
        Ok(id)
    }

    /// Nobody wants to know of the stream any more. Gives what was kept with it.
    pub fn abandon(&mut self, id: u32) -> Option<T> {
        let stream = self.streams.remove(&id)?;
        if !stream.head_sent {
            self.control.retain(|frame| frame.stream != id);
        } else if !stream.closed {
            self.reset(id, ResetCode::Cancelled);
        }
        Some(stream.tag)
    }

    /// Whether all of the streams' numbers have been used, so that a new connection is needed.
    pub fn is_exhausted(&self) -> bool {
        self.last == u32::MAX
    }

    fn new_number(&mut self) -> Result<u32, Full> {
        if self.is_congested() {
            return Err(Full);
        }
        self.last = self.last.checked_add(1).ok_or(Full)?;
        Ok(self.last)
    }

    pub(super) fn accepted(&mut self, id: u32) -> Result<Event<T>, Malformed> {
        let Some(stream) = self.open_stream(id)? else {
            return Ok(Event::Late);
        };
        if stream.phase != Phase::Opened {
            return Err(Malformed::OutOfPlace(Kind::Accepted));
        }
        stream.phase = Phase::Accepted;
        Ok(Event::Accepted(id))
    }

    pub(super) fn answered(
        &mut self,
        id: u32,
        response: Box<Response>,
        body: Bytes,
    ) -> Result<Event<T>, Malformed> {
        let role = self.role;
        let Some(stream) = self.open_stream(id)? else {
            return Ok(Event::Late);
        };
        if stream.phase == Phase::Answered {
            return Err(Malformed::OutOfPlace(Kind::Response));
        }
        stream.phase = Phase::Answered;
        stream.incoming = IncomingBody::new(response.body_length);
        stream.incoming.receive(body)?;
        stream.close_when_answered(role);
        Ok(Event::Answered(id, response))
    }

    pub(super) fn refused(&mut self, id: u32, refused: Refused) -> Result<Event<T>, Malformed> {
        let Some(stream) = self.open_stream(id)? else {
            return Ok(Event::Late);
        };
        if stream.phase != Phase::Opened {
            return Err(Malformed::OutOfPlace(Kind::Refused));
        }
        stream.close();
        Ok(Event::Refused(id, refused))
    }

    pub(super) fn given_up(&mut self, id: u32, reset: &Reset) -> Result<Event<T>, Malformed> {
        let Some(stream) = self.open_stream(id)? else {
            return Ok(Event::Late);
        };
        stream.close();
        Ok(Event::Reset(id, reset.code))
    }
}

impl<T> Stream<T> {
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.outgoing = OutgoingBody::nothing();
    }
}

/// A short body, which goes along with its head.
pub(super) fn take_inline(body: &mut OutgoingBody) -> Vec<Bytes> {
    if body.queued() == 0 || body.queued() > INLINE_BYTES_MAX {
        return Vec::new();
    }
    match body.take(INLINE_BYTES_MAX) {
        Some(Part::Data(pieces)) => pieces,
        _ => Vec::new(),
    }
}
