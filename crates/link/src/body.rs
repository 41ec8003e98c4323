//! The two halves of a stream: a body on its way out, and one on its way in. No I/O.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::bounds::{CREDIT_BYTES, CREDIT_RETURN_BYTES, DATA_BYTES_MAX};
use crate::malformed::Malformed;

/// A body that is sent as the other side grants credit.
#[derive(Debug)]
pub(crate) struct OutgoingBody {
    pieces: VecDeque<Bytes>,
    queued: usize,
    credit: u64,
    /// Bytes that are still to be taken; none where END is to tell.
    remaining: Option<u64>,
    /// Nothing more will be queued.
    complete: bool,
    /// END has been taken, or needs not be.
    ended: bool,
}

/// What is to be sent next of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Data(Vec<Bytes>),
    End,
}

impl OutgoingBody {
    /// Nothing is sent in this direction, or not yet.
    pub(crate) fn nothing() -> Self {
        Self::new(VecDeque::new(), Some(0))
    }

    pub(crate) fn new(pieces: VecDeque<Bytes>, length: Option<u64>) -> Self {
        let queued = pieces.iter().map(Bytes::len).sum();
        debug_assert!(length.is_none_or(|length| queued as u64 <= length), "more than was announced");
        Self {
            pieces,
            queued,
            credit: u64::from(CREDIT_BYTES),
            remaining: length,
            complete: false,
            ended: length == Some(0),
        }
    }

    /// Queues more; nothing of it is sent yet.
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.queued += piece.len();
        if !piece.is_empty() {
            self.pieces.push_back(piece);
        }
    }

    /// That was all.
    pub(crate) fn complete(&mut self) {
        self.complete = true;
    }

    pub(crate) fn queued(&self) -> usize {
        self.queued
    }

    /// Whether all that was announced has been queued.
    pub(crate) fn is_short(&self) -> bool {
        self.remaining.is_some_and(|remaining| (self.queued as u64) < remaining)
    }

    /// Whether more than was announced has been queued.
    pub(crate) fn is_long(&self) -> bool {
        self.remaining.is_some_and(|remaining| (self.queued as u64) > remaining)
    }

    /// Everything has been taken.
    pub(crate) fn is_through(&self) -> bool {
        self.ended
    }

    /// # Errors
    /// No stream needs so much credit.
    pub(crate) fn grant(&mut self, bytes: u32) -> Result<(), Malformed> {
        self.credit += u64::from(bytes);
        if self.credit > u64::from(u32::MAX) { Err(Malformed::Credit) } else { Ok(()) }
    }

    /// Whether [`Self::take`] would give something.
    pub(crate) fn is_ready(&self) -> bool {
        (self.queued > 0 && self.credit > 0) || self.end_is_due()
    }

    fn end_is_due(&self) -> bool {
        !self.ended && self.queued == 0 && self.complete && self.remaining.is_none()
    }

    /// The next part, of `bytes_max` at the most.
    pub(crate) fn take(&mut self, bytes_max: usize) -> Option<Part> {
        if self.end_is_due() {
            self.ended = true;
            return Some(Part::End);
        }
        let credit = usize::try_from(self.credit).unwrap_or(usize::MAX);
        let mut room = bytes_max.min(credit).min(DATA_BYTES_MAX);
        let mut taken = Vec::new();
        let mut bytes = 0;
        while room > 0
            && let Some(piece) = self.pieces.front_mut()
        {
            let part = piece.split_to(room.min(piece.len()));
            if piece.is_empty() {
                self.pieces.pop_front();
            }
            room -= part.len();
            bytes += part.len();
            taken.push(part);
        }
        if bytes == 0 {
            return None;
        }
        self.queued -= bytes;
        self.credit -= bytes as u64;
        if let Some(remaining) = &mut self.remaining {
            *remaining = remaining.saturating_sub(bytes as u64);
            self.ended = *remaining == 0;
        }
        Some(Part::Data(taken))
    }
}

/// A body that comes in, and is read at the reader's pace.
#[derive(Debug)]
pub(crate) struct IncomingBody {
    pieces: VecDeque<Bytes>,
    buffered: u64,
    /// What the other side may still send.
    granted: u32,
    /// What has been read since credit was last returned.
    returnable: u32,
    /// Bytes that are still to come; none where END tells.
    remaining: Option<u64>,
    ended: bool,
}

impl IncomingBody {
    /// A body of this length, where it is known, before any of it has come.
    pub(crate) fn new(length: Option<u64>) -> Self {
        Self {
            pieces: VecDeque::new(),
            buffered: 0,
            granted: CREDIT_BYTES,
            returnable: 0,
            remaining: length,
            ended: length == Some(0),
        }
    }

    /// # Errors
    /// It is more than was granted or announced, or comes after the end.
    pub(crate) fn receive(&mut self, piece: Bytes) -> Result<(), Malformed> {
        if piece.is_empty() {
            return Ok(());
        }
        let bytes = u32::try_from(piece.len()).map_err(|_| Malformed::Credit)?;
        self.granted = self.granted.checked_sub(bytes).ok_or(Malformed::Credit)?;
        if let Some(remaining) = &mut self.remaining {
            *remaining = remaining.checked_sub(u64::from(bytes)).ok_or(Malformed::Announced)?;
            self.ended = *remaining == 0;
        } else if self.ended {
            return Err(Malformed::Announced);
        }
        self.buffered += u64::from(bytes);
        self.keep(piece);
        Ok(())
    }

    /// Small pieces are joined while nobody reads them: a body that comes byte by byte must not take
    /// many times its length.
    fn keep(&mut self, piece: Bytes) {
        const SMALL_BYTES: usize = 1_024;
        match self.pieces.back_mut() {
            Some(last) if piece.len() < SMALL_BYTES && last.len() < DATA_BYTES_MAX => {
                let joined = std::mem::take(last).try_into_mut();
                let mut joined = joined.unwrap_or_else(|shared| BytesMut::from(shared.as_ref()));
                joined.extend_from_slice(&piece);
                *last = joined.freeze();
            }
            _ => self.pieces.push_back(piece),
        }
    }

    /// # Errors
    /// Less came than was announced.
    pub(crate) fn end(&mut self) -> Result<(), Malformed> {
        if self.remaining.is_some_and(|remaining| remaining > 0) {
            return Err(Malformed::Announced);
        }
        self.ended = true;
        Ok(())
    }

    /// The next piece that has come.
    pub(crate) fn read(&mut self) -> Option<Bytes> {
        let piece = self.pieces.pop_front()?;
        self.buffered -= piece.len() as u64;
        self.returnable += u32::try_from(piece.len()).unwrap_or(u32::MAX);
        Some(piece)
    }

    /// Credit to be returned now, which counts as granted. None while it is little, or not needed: the
    /// sender has enough for the rest.
    pub(crate) fn credit_to_return(&mut self) -> Option<u32> {
        let enough = self.remaining.is_some_and(|remaining| remaining <= u64::from(self.granted));
        if self.ended || enough || self.returnable < CREDIT_RETURN_BYTES {
            return None;
        }
        self.granted += self.returnable;
        Some(std::mem::take(&mut self.returnable))
    }

    /// All of it has come.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// All of it has come, and is one piece.
    pub(crate) fn is_whole(&self) -> bool {
        self.ended && self.pieces.len() == 1
    }

    /// All of it has been read.
    pub(crate) fn is_read(&self) -> bool {
        self.ended && self.pieces.is_empty()
    }

    /// Bytes that a reader will yet get, where that is known.
    pub(crate) fn unread(&self) -> Option<u64> {
        match self.remaining {
            Some(remaining) => Some(remaining + self.buffered),
            None => self.ended.then_some(self.buffered),
        }
    }
}
