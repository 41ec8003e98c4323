//! One frame: `kind u8 | stream u32 | head length u16 | head (JSON) | body (raw)`, numbers in network order.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use protocol::peer::{Open, PeerLoad, Refused, Reset, Response, Window};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bounds::{DATA_BYTES_MAX, HEAD_BYTES_MAX, PREFIX_BYTES};
use crate::malformed::Malformed;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A job, with the first part of its body or all of it.
    Open = 1,
    /// A part of a body.
    Data = 2,
    /// The end of a body whose length was not known.
    End = 3,
    /// The job will run.
    Accepted = 4,
    /// The head of a reply, with the first part of its body or all of it.
    Response = 5,
    /// The job was not run.
    Refused = 6,
    /// The stream is given up.
    Reset = 7,
    /// Credit for a stream.
    Window = 8,
    /// A question for the load.
    Probe = 9,
    /// The load, as the answer to the probe of the same number; unasked on stream 0.
    Load = 10,
}

impl Kind {
    fn read(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Open,
            2 => Self::Data,
            3 => Self::End,
            4 => Self::Accepted,
            5 => Self::Response,
            6 => Self::Refused,
            7 => Self::Reset,
            8 => Self::Window,
            9 => Self::Probe,
            10 => Self::Load,
            _ => return None,
        })
    }

    fn carries_body(self) -> bool {
        matches!(self, Self::Open | Self::Data | Self::Response)
    }
}

/// A frame to be sent: its head is written, its body in pieces that are gathered on the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// What it is.
    pub kind: Kind,
    /// The stream that it belongs to.
    pub stream: u32,
    /// Its head as JSON; empty where the kind has none.
    pub head: Bytes,
    /// Its body.
    pub body: Vec<Bytes>,
}

impl Outgoing {
    /// A frame of a head only, or of nothing.
    pub fn bare(kind: Kind, stream: u32, head: Bytes) -> Self {
        Self { kind, stream, head, body: Vec::new() }
    }

    /// Its length on the wire.
    pub fn encoded_bytes(&self) -> usize {
        PREFIX_BYTES + self.head.len() + self.body.iter().map(Bytes::len).sum::<usize>()
    }

    /// Writes it at the end of `to`.
    pub fn encode(&self, to: &mut BytesMut) {
        debug_assert!(self.head.len() <= HEAD_BYTES_MAX, "heads are measured when they are written");
        to.reserve(self.encoded_bytes());
        to.put_u8(self.kind as u8);
        to.put_u32(self.stream);
        to.put_u16(u16::try_from(self.head.len()).unwrap_or(u16::MAX));
        to.put_slice(&self.head);
        for piece in &self.body {
            to.put_slice(piece);
        }
    }
}

/// A head that is longer than [`HEAD_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the head of the job or reply takes more than {HEAD_BYTES_MAX} bytes")]
pub struct HeadTooLarge;

/// Writes a head.
///
/// # Errors
/// It is too large for a frame.
pub fn head<T: Serialize>(head: &T) -> Result<Bytes, HeadTooLarge> {
    /// What most heads take.
    const USUAL_BYTES: usize = 1_024;
    let mut json = Vec::with_capacity(USUAL_BYTES);
    serde_json::to_writer(&mut json, head).map_err(|_| HeadTooLarge)?;
    if json.len() > HEAD_BYTES_MAX {
        return Err(HeadTooLarge);
    }
    Ok(json.into())
}

/// A frame that came, its head read.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The stream that it belongs to.
    pub stream: u32,
    /// What it is and carries.
    pub content: Content,
}

/// What a frame carries.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "as the kinds")]
pub enum Content {
    Open(Box<Open>, Bytes),
    Data(Bytes),
    End,
    Accepted,
    Response(Box<Response>, Bytes),
    Refused(Refused),
    Reset(Reset),
    Window(Window),
    Probe,
    Load(PeerLoad),
}

impl Frame {
    /// Reads a frame; its body shares the memory of `message`.
    ///
    /// # Errors
    /// What came is no frame of this version.
    pub fn decode(mut message: Bytes) -> Result<Self, Malformed> {
        if message.len() < PREFIX_BYTES {
            return Err(Malformed::Short);
        }
        let kind = message.get_u8();
        let kind = Kind::read(kind).ok_or(Malformed::Kind(kind))?;
        let stream = message.get_u32();
        let head_length = usize::from(message.get_u16());
        if head_length > HEAD_BYTES_MAX || head_length > message.len() {
            return Err(Malformed::HeadLength);
        }
        let head = message.split_to(head_length);
        let body = message;
        if body.len() > DATA_BYTES_MAX || (!kind.carries_body() && !body.is_empty()) {
            return Err(Malformed::BodyLength);
        }
        let content = match kind {
            Kind::Open => Content::Open(Box::new(read(kind, &head)?), body),
            Kind::Data => Content::Data(body),
            Kind::End => Content::End,
            Kind::Accepted => Content::Accepted,
            Kind::Response => Content::Response(Box::new(read(kind, &head)?), body),
            Kind::Refused => Content::Refused(read(kind, &head)?),
            Kind::Reset => Content::Reset(read(kind, &head)?),
            Kind::Window => Content::Window(read(kind, &head)?),
            Kind::Probe => Content::Probe,
            Kind::Load => Content::Load(read(kind, &head)?),
        };
        Ok(Self { stream, content })
    }
}

fn read<T: DeserializeOwned>(kind: Kind, head: &[u8]) -> Result<T, Malformed> {
    // Checked as a whole, which costs less than text by text.
    let head = str::from_utf8(head).map_err(|error| Malformed::Head(kind, error.to_string()))?;
    serde_json::from_str(head).map_err(|error| Malformed::Head(kind, error.to_string()))
}
