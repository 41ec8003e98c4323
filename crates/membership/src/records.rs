use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::NodeId;

use crate::record::{Description, Record};
use crate::time::Time;

/// Twice the largest flat cluster that is planned for; what comes after that is dropped.
const RECORDS_MAX: usize = 8192;

/// The records of all nodes, and which of them are still to be passed on.
#[derive(Debug, Default)]
pub(crate) struct Records {
    table: BTreeMap<NodeId, Entry>,
    /// How often each is still to be passed on, the freshest first when they do not all fit.
    spreading: BTreeMap<NodeId, u8>,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) record: Record,
    pub(crate) heard_at: Time,
    /// May be of an older hash than the record names, until the new one was fetched.
    pub(crate) description: Option<Arc<Description>>,
    description_hash: u32,
}

impl Entry {
    /// Whether the description is the one that the record names.
    pub(crate) fn is_complete(&self) -> bool {
        self.record.hot.description() == self.description_hash
    }
}

impl Records {
    pub(crate) fn of(&self, node: NodeId) -> Option<&Entry> {
        self.table.get(&node)
    }

    /// Takes `record` if it is newer than what is known, and passes it on `transmissions` times.
    /// Returns whether it was news.
    pub(crate) fn put(&mut self, record: Record, now: Time, transmissions: u8) -> bool {
        if let Some(known) = self.table.get_mut(&record.node) {
            if record.stamp() <= known.record.stamp() {
                return false;
            }
            known.record = record;
            known.heard_at = now;
        } else {
            if self.table.len() >= RECORDS_MAX {
                return false;
            }
            let entry = Entry { record, heard_at: now, description: None, description_hash: 0 };
            self.table.insert(record.node, entry);
        }
        self.spreading.insert(record.node, transmissions);
        true
    }

    /// Takes the description of `node` if its record names it. Returns whether it was news.
    pub(crate) fn describe(&mut self, node: NodeId, description: &Arc<Description>) -> bool {
        let hash = description.hash();
        match self.table.get_mut(&node) {
            Some(entry) if entry.record.hot.description() == hash && entry.description_hash != hash => {
                entry.description = Some(Arc::clone(description));
                entry.description_hash = hash;
                true
            }
            _ => false,
        }
    }

    /// Forgets `node`, and everything of it.
    pub(crate) fn remove(&mut self, node: NodeId) {
        self.table.remove(&node);
        self.spreading.remove(&node);
    }

    /// Forgets the nodes that `keep` refuses.
    pub(crate) fn retain(&mut self, keep: impl Fn(NodeId, &Entry) -> bool) {
        self.table.retain(|node, entry| keep(*node, entry));
        let table = &self.table;
        self.spreading.retain(|node, _| table.contains_key(node));
    }

    pub(crate) fn is_spreading(&self) -> bool {
        !self.spreading.is_empty()
    }

    /// Up to `count_max` records to pass on now, those that were passed on least first. Each use counts.
    pub(crate) fn next_to_spread(&mut self, count_max: usize) -> Vec<Record> {
        let mut left: Vec<(u8, NodeId)> = self.spreading.iter().map(|(node, left)| (*left, *node)).collect();
        if left.len() > count_max {
            left.select_nth_unstable_by(count_max, |a, b| b.cmp(a));
            left.truncate(count_max);
        }
        left.sort_unstable_by(|a, b| b.cmp(a));
        for (_, node) in &left {
            if let Some(remaining) = self.spreading.get_mut(node) {
                *remaining -= 1;
                if *remaining == 0 {
                    self.spreading.remove(node);
                }
            }
        }
        left.iter().filter_map(|(_, node)| self.table.get(node)).map(|entry| entry.record).collect()
    }

    /// The nodes whose description is still to be fetched, by id.
    pub(crate) fn wanting(&self) -> impl Iterator<Item = NodeId> {
        self.table.iter().filter(|(_, entry)| !entry.is_complete()).map(|(node, _)| *node)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use protocol::nodes::NodeLoad;

    use super::*;
    use crate::record::Hot;

    fn record(node: u64, generation: u32, version: u32) -> Record {
        let load = NodeLoad { running: version, ..NodeLoad::default() };
        let hot = Hot::new(load, Some(Duration::from_millis(1)), 0);
        Record { node: NodeId::new(node), generation, version, hot }
    }

    #[test]
    fn a_new_life_beats_any_version_of_the_old_one() {
        let mut records = Records::default();
        assert!(records.put(record(1, 1, 900), Time::default(), 1));
        assert!(records.put(record(1, 2, 1), Time::default(), 1));
        assert!(!records.put(record(1, 1, 901), Time::default(), 1));
        assert_eq!(records.of(NodeId::new(1)).unwrap().record.stamp(), (2, 1));
    }

    #[test]
    fn each_is_passed_on_as_often_as_asked_and_the_freshest_first() {
        let mut records = Records::default();
        records.put(record(1, 1, 1), Time::default(), 3);
        records.next_to_spread(9);
        records.put(record(2, 1, 1), Time::default(), 3);
        assert_eq!(records.next_to_spread(1)[0].node, NodeId::new(2));
        let rest: usize = std::iter::from_fn(|| {
            let batch = records.next_to_spread(9).len();
            (batch > 0).then_some(batch)
        })
        .sum();
        assert_eq!(rest, 2 + 2);
        assert!(!records.is_spreading());
    }

    #[test]
    fn a_description_is_wanted_until_the_named_one_came() {
        let right = Arc::new(Description { slots: 1, ..Description::default() });
        let wrong = Arc::new(Description { slots: 2, ..Description::default() });
        let hot = Hot::new(NodeLoad::default(), None, right.hash());
        let mut records = Records::default();
        let node = NodeId::new(1);
        records.put(Record { node, generation: 1, version: 1, hot }, Time::default(), 1);
        assert!(records.wanting().eq([node]));
        assert!(!records.describe(node, &wrong));
        assert!(records.describe(node, &right));
        assert!(!records.describe(node, &right));
        assert_eq!(records.wanting().count(), 0);
    }

    #[test]
    fn the_table_is_bounded() {
        let mut records = Records::default();
        for node in 0..RECORDS_MAX as u64 {
            assert!(records.put(record(node, 1, 1), Time::default(), 1));
        }
        assert!(!records.put(record(u64::MAX, 1, 1), Time::default(), 1));
        assert!(records.put(record(5, 1, 2), Time::default(), 1));
    }

    proptest! {
        #[test]
        fn every_order_of_arrival_ends_the_same(
            mut stamps in proptest::collection::vec((0_u32..4, 0_u32..4), 1..12),
        ) {
            let last = *stamps.iter().max().unwrap();
            for _ in 0..stamps.len() {
                stamps.rotate_left(1);
                let mut records = Records::default();
                for (generation, version) in &stamps {
                    records.put(record(1, *generation, *version), Time::default(), 1);
                }
                prop_assert_eq!(records.of(NodeId::new(1)).unwrap().record.stamp(), last);
            }
        }
    }
}
