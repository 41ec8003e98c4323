use std::sync::atomic::{AtomicU64, Ordering};

/// What the links of one side have done since the start, and have open now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections open now.
    pub links_open: u64,
    /// Streams open now, and those that someone still reads from.
    pub streams_open: u64,
    /// Frames that came.
    pub frames_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Frames that went.
    pub frames_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Connections closed because the peer did not speak the protocol.
    pub malformed: u64,
    /// Handshakes refused by this side, or by the peer with a reason.
    pub handshakes_refused: u64,
    /// Intervals without a sign of life from a peer.
    pub pings_missed: u64,
    /// Connections that were made.
    pub links_opened: u64,
}

/// Counts for [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    frames_in: AtomicU64,
    bytes_in: AtomicU64,
    frames_out: AtomicU64,
    bytes_out: AtomicU64,
    malformed: AtomicU64,
    handshakes_refused: AtomicU64,
    pings_missed: AtomicU64,
    links_opened: AtomicU64,
}

impl Counters {
    pub(crate) fn came(&self, bytes: usize) {
        self.frames_in.fetch_add(1, Ordering::Relaxed);
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn went(&self, frames: usize, bytes: usize) {
        self.frames_out.fetch_add(frames as u64, Ordering::Relaxed);
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn malformed(&self) {
        self.malformed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn handshake_refused(&self) {
        self.handshakes_refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn ping_missed(&self) {
        self.pings_missed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn link_opened(&self) {
        self.links_opened.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts; what is open now is for the caller to fill in.
    pub(crate) fn read(&self) -> Stats {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Stats {
            links_open: 0,
            streams_open: 0,
            frames_in: read(&self.frames_in),
            bytes_in: read(&self.bytes_in),
            frames_out: read(&self.frames_out),
            bytes_out: read(&self.bytes_out),
            malformed: read(&self.malformed),
            handshakes_refused: read(&self.handshakes_refused),
            pings_missed: read(&self.pings_missed),
            links_opened: read(&self.links_opened),
        }
    }
}
