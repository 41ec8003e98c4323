use crate::bounds::STREAMS_MAX;
use crate::frame::Kind;

/// Why a connection is closed with 1002: its peer does not speak the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not even kind, stream and length of the head.
    #[error("a frame is too short")]
    Short,
    /// No such kind.
    #[error("no frame is of kind {0}")]
    Kind(u8),
    /// The head is longer than allowed, or than the frame.
    #[error("the length of a head is wrong")]
    HeadLength,
    /// The body is longer than allowed, or than its kind allows.
    #[error("the length of a frame's body is wrong")]
    BodyLength,
    /// The head is not what the kind has.
    #[error("the head of a frame of kind {0:?} cannot be read: {1}")]
    Head(Kind, String),
    /// Not from this side, or not now.
    #[error("a frame of kind {0:?} was out of place")]
    OutOfPlace(Kind),
    /// A stream that was never opened.
    #[error("a frame names a stream that was not opened")]
    UnknownStream,
    /// The number of a new stream is not above that of the one before.
    #[error("the number of a stream was used before")]
    StreamUsed,
    /// More streams at once than allowed.
    #[error("more than {STREAMS_MAX} streams are open")]
    TooManyStreams,
    /// More of a body than its reader granted.
    #[error("a body exceeds the credit of its stream")]
    Credit,
    /// More of a body than was announced, or less.
    #[error("a body has another length than announced")]
    Announced,
    /// A message that is neither binary nor part of the handshake.
    #[error("a message is not binary")]
    NotBinary,
    /// The WebSocket beneath: an oversized message, a wrong mask.
    #[error("{0}")]
    WebSocket(String),
}
