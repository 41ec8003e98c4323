//! How two nodes find out in a few hundred bytes where they differ: each puts the nodes that it thinks
//! active into buckets by id and adds up their hashes. Nodes that are down do not count: one side may have
//! forgotten what the other still remembers, and that is no difference worth a transfer.

use foca::{Member, State};

use crate::identity::Identity;
use crate::message::NodeEntry;
use crate::record::fnv;

/// Nodes a bucket on average: a difference costs the transfer of so many, a bucket costs 4 bytes.
const NODES_A_BUCKET: usize = 16;
/// More buckets than this are refused; enough for 16,384 nodes.
pub(crate) const BUCKETS_MAX: usize = 1024;

/// How many buckets to use for so many nodes.
pub(crate) fn bucket_count(nodes: usize) -> usize {
    (nodes / NODES_A_BUCKET).next_power_of_two().clamp(1, BUCKETS_MAX)
}

/// The bucket of a node among `count`.
pub(crate) fn bucket_of(entry: &NodeEntry, count: usize) -> usize {
    // Ids are random, so their low bits spread well.
    (entry.member.id().node.bits() % count.max(1) as u64) as usize
}

/// The digest of each bucket. The salt differs each time, so that two nodes that happen to agree in a digest
/// and in nothing else do not agree for ever.
pub(crate) fn digests<'a>(entries: impl Iterator<Item = &'a NodeEntry>, salt: u32, count: usize) -> Vec<u32> {
    let mut sums = vec![0_u32; count];
    for entry in entries.filter(|entry| entry.member.state() != State::Down) {
        if let Some(sum) = sums.get_mut(bucket_of(entry, count)) {
            *sum = sum.wrapping_add(hash(entry, salt));
        }
    }
    sums
}

/// The buckets in which `ours` and `theirs` differ.
pub(crate) fn differing(ours: &[u32], theirs: &[u32]) -> Vec<u16> {
    let pairs = ours.iter().zip(theirs).enumerate();
    pairs.filter(|(_, (a, b))| a != b).filter_map(|(i, _)| u16::try_from(i).ok()).collect()
}

/// Whether `ours` is worth sending to a node that holds `theirs`.
pub(crate) fn is_news(ours: &NodeEntry, theirs: Option<&NodeEntry>) -> bool {
    let Some(theirs) = theirs else { return ours.member.state() != State::Down };
    let stamp = |entry: &NodeEntry| entry.record.map(|record| record.stamp());
    is_newer(&ours.member, &theirs.member) || stamp(ours) > stamp(theirs)
}

/// The order of SWIM, section 4.2: later lives, then death, then incarnations, then suspicion.
fn is_newer(ours: &Member<Identity>, theirs: &Member<Identity>) -> bool {
    let rank = |member: &Member<Identity>| {
        let is_down = member.state() == State::Down;
        (member.id().generation(), is_down, member.incarnation(), member.state() == State::Suspect)
    };
    rank(ours) > rank(theirs)
}

fn hash(entry: &NodeEntry, salt: u32) -> u32 {
    let member = &entry.member;
    let (generation, version) = entry.record.map_or((0, 0), |record| record.stamp());
    let mut bytes = [0_u8; 27];
    bytes[..4].copy_from_slice(&salt.to_be_bytes());
    bytes[4..12].copy_from_slice(&member.id().node.bits().to_be_bytes());
    bytes[12..16].copy_from_slice(&member.id().generation().to_be_bytes());
    bytes[16..18].copy_from_slice(&member.incarnation().to_be_bytes());
    bytes[18] = u8::from(member.state() == State::Suspect);
    bytes[19..23].copy_from_slice(&generation.to_be_bytes());
    bytes[23..27].copy_from_slice(&version.to_be_bytes());
    let hash = fnv(&bytes);
    (hash ^ (hash >> 32)) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::NodeId;

    use super::*;

    fn entry(node: u64, generation: u32, incarnation: u16, state: State) -> NodeEntry {
        let identity = Identity::new(NodeId::new(node), "10.0.0.1:1".parse().unwrap(), generation);
        NodeEntry { member: Member::new(identity, incarnation, state), record: None }
    }

    #[test]
    fn the_down_do_not_count() {
        let (alive, down) = (entry(1, 1, 0, State::Alive), entry(2, 1, 0, State::Down));
        assert_eq!(digests([&alive].into_iter(), 5, 1), digests([&alive, &down].into_iter(), 5, 1));
        assert!(!is_news(&down, None));
        assert!(is_news(&down, Some(&entry(2, 1, 9, State::Suspect))));
        assert!(is_news(&entry(2, 2, 0, State::Alive), Some(&down)));
        assert!(!is_news(&alive, Some(&alive)));
    }

    #[test]
    fn buckets_follow_the_size() {
        assert_eq!(bucket_count(0), 1);
        assert_eq!(bucket_count(64), 4);
        assert_eq!(bucket_count(1_000_000), BUCKETS_MAX);
    }

    proptest! {
        #[test]
        fn one_difference_shows_in_its_bucket(
            nodes in proptest::collection::btree_set(any::<u64>(), 1..40), pick: prop::sample::Index, salt: u32,
        ) {
            let ours: Vec<_> = nodes.iter().map(|node| entry(*node, 1, 0, State::Alive)).collect();
            let mut theirs = ours.clone();
            theirs.reverse();
            let count = bucket_count(ours.len());
            prop_assert_eq!(digests(ours.iter(), salt, count), digests(theirs.iter(), salt, count));
            let changed = pick.index(theirs.len());
            let node = theirs[changed].member.id().node.bits();
            theirs[changed] = entry(node, 1, 1, State::Suspect);
            let bucket = bucket_of(&theirs[changed], count) as u16;
            let differ = differing(&digests(ours.iter(), salt, count), &digests(theirs.iter(), salt, count));
            prop_assert_eq!(differ, vec![bucket]);
        }
    }
}
