use std::collections::VecDeque;

use bytes::Bytes;
use protocol::peer::{Open, ResetCode};

use super::caller::take_inline;
use super::{Event, Mux, Phase, STREAMS_MAX, Stream};
use crate::body::{IncomingBody, OutgoingBody};
use crate::bounds::QUEUED_BYTES_MAX;
use crate::frame::{Kind, Outgoing};
use crate::malformed::Malformed;

/// The stream was reset, or has been answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended;

/// What the callee does.
impl<T: Default> Mux<T> {
    /// Says that the job will run. It must not start before this frame was handed to the socket.
    ///
    /// # Errors
    /// The stream has ended.
    pub fn accept(&mut self, id: u32) -> Result<(), Ended> {
        let stream = self.streams.get_mut(&id).filter(|stream| stream.phase == Phase::Opened).ok_or(Ended)?;
        stream.phase = Phase::Accepted;
        self.control.push_back(Outgoing::bare(Kind::Accepted, id, Bytes::new()));
        Ok(())
    }

    /// Begins the answer: `head` announces `length`. `pieces` is what of the body is at hand.
    ///
    /// # Errors
    /// The stream has ended.
    pub fn respond(
        &mut self,
        id: u32,
        head: Bytes,
        length: Option<u64>,
        pieces: VecDeque<Bytes>,
    ) -> Result<(), Ended> {
        let stream =
            self.streams.get_mut(&id).filter(|stream| stream.phase != Phase::Answered).ok_or(Ended)?;
        stream.phase = Phase::Answered;
        stream.outgoing = OutgoingBody::new(pieces, length);
        let inline = take_inline(&mut stream.outgoing);
        self.control.push_back(Outgoing { kind: Kind::Response, stream: id, head, body: inline });
        if stream.outgoing.is_through() {
            self.streams.remove(&id);
        }
        Ok(())
    }

    /// Whether more of the answer's body may be queued.
    ///
    /// # Errors
    /// The stream has ended.
    pub fn has_room(&self, id: u32) -> Result<bool, Ended> {
        let stream = self.streams.get(&id).ok_or(Ended)?;
        Ok(stream.outgoing.queued() < QUEUED_BYTES_MAX)
    }

    /// Queues a piece of the answer's body. Where more comes than was announced, the stream is reset.
    ///
    /// # Errors
    /// The stream has ended.
    pub fn send(&mut self, id: u32, piece: Bytes) -> Result<(), Ended> {
        let stream = self.streams.get_mut(&id).ok_or(Ended)?;
        stream.outgoing.push(piece);
        if stream.outgoing.is_long() {
            self.give_up(id, ResetCode::BrokeOff);
            return Err(Ended);
        }
        self.take_turn(id);
        Ok(())
    }

    /// The answer's body is complete. Where less came than was announced, the stream is reset.
    ///
    /// # Errors
    /// The stream has ended.
    pub fn finish(&mut self, id: u32) -> Result<(), Ended> {
        let stream = self.streams.get_mut(&id).ok_or(Ended)?;
        if stream.outgoing.is_short() {
            self.give_up(id, ResetCode::BrokeOff);
            return Err(Ended);
        }
        stream.outgoing.complete();
        self.take_turn(id);
        Ok(())
    }

    /// Refuses a job that was not accepted.
    ///
    /// # Errors
    /// The stream has ended.
    pub fn refuse(&mut self, id: u32, head: Bytes) -> Result<(), Ended> {
        if self.streams.get(&id).is_none_or(|stream| stream.phase != Phase::Opened) {
            return Err(Ended);
        }
        self.streams.remove(&id);
        self.control.push_back(Outgoing::bare(Kind::Refused, id, head));
        Ok(())
    }

    /// Gives a stream up. Gives what was kept with it.
    pub fn give_up(&mut self, id: u32, code: ResetCode) -> Option<T> {
        let stream = self.streams.remove(&id)?;
        self.reset(id, code);
        Some(stream.tag)
    }

    /// Whether the job was accepted or answered.
    pub fn is_accepted(&self, id: u32) -> bool {
        self.streams.get(&id).is_some_and(|stream| stream.phase != Phase::Opened)
    }

    /// Tells the load: as the answer to a probe, or unasked on stream 0.
    pub fn tell_load(&mut self, id: u32, head: Bytes) {
        self.control.push_back(Outgoing::bare(Kind::Load, id, head));
    }
}

impl<T: Default> Mux<T> {
    pub(super) fn opened(&mut self, id: u32, open: Box<Open>, body: Bytes) -> Result<Event<T>, Malformed> {
        self.number(id)?;
        if self.streams.len() >= STREAMS_MAX {
            return Err(Malformed::TooManyStreams);
        }
        let mut incoming = IncomingBody::new(Some(open.body_length));
        incoming.receive(body)?;
        self.streams.insert(id, Stream::new(incoming, OutgoingBody::nothing(), T::default()));
        Ok(Event::Opened(id, open))
    }

    pub(super) fn cancelled(&mut self, id: u32) -> Event<T> {
        match self.streams.remove(&id) {
            Some(stream) => Event::Cancelled(stream.tag),
            None => Event::Late,
        }
    }
}
