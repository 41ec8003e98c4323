//! The bounds of a link. Both sides keep them, and a frame beyond them is malformed.

use std::time::Duration;

/// Jobs and probes in flight on one connection: beyond, a peer is busy in any sense, and the next job is
/// better off elsewhere.
pub const STREAMS_MAX: usize = 1_024;

/// The head of a frame: what the headers of an HTTP request may take.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;

/// The part of a body that one frame carries. It takes half a millisecond at 1 Gbit/s, which is how long a
/// small frame waits that comes just behind it.
pub const DATA_BYTES_MAX: usize = 64 * 1024;

/// Kind, stream and length of the head.
pub const PREFIX_BYTES: usize = 7;

/// The longest frame.
pub const FRAME_BYTES_MAX: usize = PREFIX_BYTES + HEAD_BYTES_MAX + DATA_BYTES_MAX;

/// What may be sent of a stream's body before its reader has read any of it. Two frames keep 1 Gbit/s busy
/// at a round trip of 1 ms; and it is what a stream may leave in front of a small frame in the buffers of
/// the system. All streams together hold 128 MiB at the most, if no reader of them reads.
pub const CREDIT_BYTES: u32 = 128 * 1024;

/// A reader returns credit when it has read so much: seldom enough to cost nothing, and early enough for
/// the sender never to run dry.
pub const CREDIT_RETURN_BYTES: u32 = CREDIT_BYTES / 4;

/// A body up to this length, or its first part, goes along with the head that it belongs to. Longer ones
/// take their turn.
pub const INLINE_BYTES_MAX: usize = 16 * 1024;

/// What the sender of a reply may queue on its stream before it has to wait: two frames, so that the next
/// is there when one has gone.
pub const QUEUED_BYTES_MAX: usize = 2 * DATA_BYTES_MAX;

/// Frames without their turn that may wait to be sent: what the streams at hand can cause, several times.
/// Beyond, no job is taken and nothing is read until the peer has read.
pub const CONTROL_FRAMES_MAX: usize = 8 * STREAMS_MAX;

/// So many of them are sent before a body has its turn, so that small jobs cannot keep big ones waiting
/// for ever.
pub const CONTROL_BURST: u32 = 64;

/// Frames are collected up to here and written at once.
pub const BATCH_BYTES: usize = 64 * 1024;

/// Links that a node lets its peers open: one from each of many more than forward to it.
pub const LINKS_MAX: usize = 4_096;

/// Timing of a link.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How often a peer is asked for a sign of life, and awaited to give one.
    pub ping_interval: Duration,
    /// So many intervals without any, and it is dead.
    pub pings_missed_max: u32,
    /// How long a connection and its handshake may take.
    pub handshake_timeout: Duration,
    /// The pause after a failed dial; doubled with each further one.
    pub redial_min: Duration,
    /// The longest such pause.
    pub redial_max: Duration,
    /// How long a closing connection may take to say good-bye.
    pub close_timeout: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(5),
            pings_missed_max: 3,
            handshake_timeout: Duration::from_secs(2),
            redial_min: Duration::from_millis(50),
            redial_max: Duration::from_secs(5),
            close_timeout: Duration::from_secs(1),
        }
    }
}
