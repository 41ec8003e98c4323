//! What is measured: the rows of the comparison.

use std::{fmt, num::NonZeroUsize};

use serde::Serialize;

/// A body that costs almost nothing, so that what is measured is the call.
pub(super) const SMALL_BODY_BYTES: usize = 128;
/// A body as large as a photograph of a small camera, so that what is measured is how bodies are passed on.
pub(super) const LARGE_BODY_BYTES: usize = 100 * 1024;
/// A single caller, whose latency nothing else delays.
pub(super) const ONE: NonZeroUsize = connections(1);
/// Enough callers to keep a few cores busy.
pub(super) const SOME: NonZeroUsize = connections(16);
/// As many callers as a busy node has.
pub(super) const BUSY: NonZeroUsize = connections(64);
/// More callers than any node should have.
pub(super) const CROWD: NonZeroUsize = connections(5_000);

/// How the calls of a case follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Each connection calls again as soon as it is answered.
    Closed,
    /// All cases of this kind share one rate, below what the scheduler can do: only so can latencies at
    /// different numbers of connections be compared, since in a closed loop they grow with the number by
    /// Little's law.
    Paced,
}

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Case {
    /// Bytes of each request's body.
    pub body_bytes: usize,
    /// Connections.
    pub connections: NonZeroUsize,
    /// How calls follow each other.
    pub arrivals: Arrivals,
}

/// All rows; those that are paced come last, because they take their rate from the others.
pub(super) const CASES: [Case; 9] = [
    closed(SMALL_BODY_BYTES, ONE),
    closed(SMALL_BODY_BYTES, SOME),
    closed(SMALL_BODY_BYTES, BUSY),
    closed(LARGE_BODY_BYTES, ONE),
    closed(LARGE_BODY_BYTES, SOME),
    closed(LARGE_BODY_BYTES, BUSY),
    closed(SMALL_BODY_BYTES, CROWD),
    paced(BUSY),
    paced(CROWD),
];

pub(super) const fn closed(body_bytes: usize, connections: NonZeroUsize) -> Case {
    Case { body_bytes, connections, arrivals: Arrivals::Closed }
}

pub(super) const fn paced(connections: NonZeroUsize) -> Case {
    Case { body_bytes: SMALL_BODY_BYTES, connections, arrivals: Arrivals::Paced }
}

const fn connections(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).expect("a case has connections")
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paced = if self.arrivals == Arrivals::Paced { ", paced" } else { "" };
        let plural = if self.connections == ONE { "" } else { "s" };
        write!(f, "{}, {} connection{plural}{paced}", body_name(self.body_bytes), self.connections)
    }
}

pub(super) fn body_name(bytes: usize) -> String {
    const KB: usize = 1024;
    if bytes.is_multiple_of(KB) { format!("{} KB", bytes / KB) } else { format!("{bytes} B") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_names_itself() {
        assert_eq!(closed(SMALL_BODY_BYTES, ONE).to_string(), "128 B, 1 connection");
        assert_eq!(closed(LARGE_BODY_BYTES, BUSY).to_string(), "100 KB, 64 connections");
        assert_eq!(paced(CROWD).to_string(), "128 B, 5000 connections, paced");
    }
}
