//! What a node says about itself: a hot part that goes along with every change, and a cold part that is
//! named by its hash and fetched when the hash differs.

use std::time::Duration;

use protocol::nodes::{NodeLoad, NodePorts};
use protocol::{FunctionName, NodeId};
use serde::{Deserialize, Serialize};

use crate::quantity;

/// The part of a record that seldom changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// What the operator calls the node; empty for nothing.
    pub name: String,
    /// The group of the original P2PFaaS; empty for none.
    pub group: String,
    /// The cell of a cluster of cells; empty for none.
    pub cell: String,
    /// Ports of the node's services.
    pub ports: NodePorts,
    /// Instruction set.
    pub architecture: String,
    /// Version of the services.
    pub version: String,
    /// Jobs that may run at once.
    pub slots: u32,
    /// Functions, in the order in which they are to be shown.
    pub functions: Vec<FunctionName>,
}

/// Descriptions above this are not sent on: a thousand functions of ordinary names fit.
pub const DESCRIPTION_BYTES_MAX: usize = 32 * 1024;

impl Description {
    /// A short name for the content; nodes that agree on it hold the same description.
    pub(crate) fn hash(&self) -> u32 {
        let bytes = postcard::to_stdvec(self).unwrap_or_default();
        let hash = fnv(&bytes);
        // Zero says that there is no description.
        ((hash ^ (hash >> 32)) as u32).max(1)
    }

    /// Whether it may travel.
    pub(crate) fn fits(&self) -> bool {
        postcard::to_stdvec(self).is_ok_and(|bytes| bytes.len() <= DESCRIPTION_BYTES_MAX)
    }
}

/// FNV-1a, 64 bits: equal on all nodes and in all versions, which the standard library's hash is not.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The part of a record that changes all the time, rounded for the wire: 8 bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hot {
    running: u8,
    waiting: u8,
    service_time: u8,
    flags: u8,
    /// [`Description::hash`]; 0 for none.
    description: [u8; 4],
}

const DRAINING: u8 = 1;
const LEAVING: u8 = 2;
/// Service times are counted in tenths of a millisecond, up to 50 s.
const SERVICE_TIME_UNIT: Duration = Duration::from_micros(100);
/// A load that moved by this part of the larger value is told soon.
const CHANGE_TOLD_SOON: f64 = 0.1;

impl Hot {
    pub(crate) fn new(load: NodeLoad, service_time: Option<Duration>, description: u32) -> Self {
        let units = |time: Duration| (time.as_micros() / SERVICE_TIME_UNIT.as_micros()).max(1);
        let units = service_time.map_or(0, units);
        Self {
            running: quantity::pack(load.running),
            waiting: quantity::pack(load.waiting),
            service_time: quantity::pack(u32::try_from(units).unwrap_or(u32::MAX)),
            flags: if load.draining { DRAINING } else { 0 },
            description: description.to_be_bytes(),
        }
    }

    pub(crate) fn leaving(self) -> Self {
        Self { flags: self.flags | LEAVING, ..self }
    }

    pub(crate) fn is_leaving(self) -> bool {
        self.flags & LEAVING != 0
    }

    pub(crate) fn load(self) -> NodeLoad {
        NodeLoad {
            running: quantity::unpack(self.running),
            waiting: quantity::unpack(self.waiting),
            draining: self.flags & DRAINING != 0,
        }
    }

    pub(crate) fn service_time(self) -> Option<Duration> {
        let units = quantity::unpack(self.service_time);
        (units > 0).then(|| SERVICE_TIME_UNIT * units)
    }

    pub(crate) fn description(self) -> u32 {
        u32::from_be_bytes(self.description)
    }

    /// How far this is from what was `told`.
    pub(crate) fn change_since(self, told: Self) -> Change {
        let moved = |now: u8, then: u8| {
            let (now, then) = (f64::from(quantity::unpack(now)), f64::from(quantity::unpack(then)));
            (now - then).abs() >= CHANGE_TOLD_SOON * now.max(then) && now != then
        };
        if self == told {
            Change::None
        } else if self.flags != told.flags || self.description != told.description {
            Change::Decisive
        } else if moved(self.running, told.running)
            || moved(self.waiting, told.waiting)
            || moved(self.service_time, told.service_time)
        {
            Change::Large
        } else {
            Change::Small
        }
    }
}

/// How soon a change has to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    Small,
    Large,
    /// Others act wrongly while they do not know: draining, or the functions.
    Decisive,
}

/// A node's record. The owner alone writes it, with a version that grows; `generation` is the owner's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) node: NodeId,
    pub(crate) generation: u32,
    pub(crate) version: u32,
    pub(crate) hot: Hot,
}

impl Record {
    /// The order of two records of one node: the last writer wins.
    pub(crate) fn stamp(&self) -> (u32, u32) {
        (self.generation, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hot(running: u32, waiting: u32, draining: bool) -> Hot {
        Hot::new(NodeLoad { running, waiting, draining }, Some(Duration::from_millis(20)), 7)
    }

    #[test]
    fn the_hot_part_stays_within_its_bytes() {
        let bytes = postcard::to_stdvec(&hot(u32::MAX, u32::MAX, true)).unwrap();
        assert!(bytes.len() <= 24, "{} bytes", bytes.len());
    }

    #[test]
    fn reads_back_to_within_the_rounding() {
        let read = hot(3, 100, true);
        assert_eq!(read.load(), NodeLoad { running: 3, waiting: 100, draining: true });
        assert_eq!(read.service_time(), Some(Duration::from_millis(20)));
        assert_eq!(Hot::new(NodeLoad::default(), None, 0).service_time(), None);
        assert!(Hot::new(NodeLoad::default(), Some(Duration::ZERO), 0).service_time().is_some());
    }

    #[test]
    fn a_tenth_is_large_and_draining_is_decisive() {
        assert_eq!(hot(4, 0, false).change_since(hot(4, 0, false)), Change::None);
        assert_eq!(hot(5, 0, false).change_since(hot(4, 0, false)), Change::Large);
        assert_eq!(hot(100, 0, false).change_since(hot(96, 0, false)), Change::Small);
        assert_eq!(hot(4, 0, true).change_since(hot(4, 0, false)), Change::Decisive);
        assert_eq!(hot(4, 0, false).leaving().change_since(hot(4, 0, false)), Change::Decisive);
    }

    #[test]
    fn the_hash_tells_descriptions_apart() {
        let one = Description { slots: 1, ..Description::default() };
        let two = Description { slots: 2, ..Description::default() };
        assert_ne!(one.hash(), two.hash());
        assert_eq!(one.hash(), one.clone().hash());
    }
}
