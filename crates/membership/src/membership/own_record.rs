//! The own record, and the records of others on their way through.

use std::sync::Arc;
use std::time::Duration;

use protocol::nodes::NodeLoad;

use super::{Membership, Output, encode};
use crate::agenda::Chore;
use crate::copies::Repeat;
use crate::record::{Description, Hot, Record};
use crate::seal::Kind;
use crate::settings::transmissions;
use crate::time::Time;

/// Records in one datagram: 26 bytes each at most, so that they fit the content of one.
const RECORDS_A_DATAGRAM: usize = 50;
/// News are passed on after a pause that collects others.
const NEWS_PAUSE_MS: (u64, u64) = (20, 60);
/// Two rounds are at least so far apart.
const SPREAD_APART: Duration = Duration::from_millis(50);
/// A description is fetched after a pause, or all nodes would ask its owner at once.
const FETCH_PAUSE_MS: (u64, u64) = (50, 300);

/// A description that does not fit its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a node's description is at most {max} bytes", max = crate::DESCRIPTION_BYTES_MAX)]
pub struct DescriptionTooLong;

impl Membership {
    /// Says what this node is: told to all, within a second where something changed that others act on.
    ///
    /// # Errors
    /// [`DescriptionTooLong`]; what was said before stays.
    pub fn describe(&mut self, description: Description, now: Time) -> Result<(), DescriptionTooLong> {
        self.now = now;
        if !description.fits() {
            return Err(DescriptionTooLong);
        }
        let hot = self.publisher.current();
        let hash = description.hash();
        self.description = Arc::new(description);
        self.set_hot(Hot::new(hot.load(), hot.service_time(), hash));
        Ok(())
    }

    /// Says how busy this node is. It may be called as often as the load changes: a change of a tenth is
    /// told at most once a second, a smaller one every five seconds, none never.
    pub fn set_load(&mut self, load: NodeLoad, service_time: Option<Duration>, now: Time) {
        self.now = now;
        self.set_hot(Hot::new(load, service_time, self.publisher.current().description()));
    }

    fn set_hot(&mut self, hot: Hot) {
        if self.has_left() {
            return;
        }
        self.publisher.set(hot);
        self.plan_publishing();
    }

    fn plan_publishing(&mut self) {
        if let Some(at) = self.publisher.due_at() {
            self.agenda.set(Chore::Publish, at.max(self.now));
        }
    }

    /// Tells the record if it is still to be told.
    pub(super) fn publish(&mut self) {
        match self.publisher.due_at() {
            Some(at) if at <= self.now => self.tell_record(),
            Some(_) => self.plan_publishing(),
            None => {}
        }
    }

    /// Tells the record under a new version.
    pub(super) fn tell_record(&mut self) {
        let hot = self.publisher.tell(self.now, &mut self.rng);
        self.record_version = self.record_version.saturating_add(1);
        let node = self.node_id();
        let generation = self.identity().generation();
        let told = self.records.of(node).map_or(0, |entry| entry.record.generation);
        let generation = generation.max(told);
        let record = Record { node, generation, version: self.record_version, hot };
        self.keep_record(record);
        self.records.describe(node, &Arc::clone(&self.description));
        let version = self.view.touch();
        self.push_output(Output::Changed { id: node, version });
    }

    /// Takes a record that came in. One about this node from an earlier life of it is overwritten.
    pub(super) fn take_record(&mut self, record: Record) {
        if record.node != self.node_id() {
            if self.keep_record(record) {
                self.show_record(record.node);
            }
            return;
        }
        let own = self.records.of(record.node).map(|entry| entry.record);
        if own.is_none_or(|own| {
            record.stamp() > own.stamp() || (record.stamp() == own.stamp() && record != own)
        }) {
            // Kept first, so that what is told next exceeds it.
            self.record_version = self.record_version.max(record.version);
            self.records.put(record, self.now, 1);
            self.tell_record();
        }
    }

    fn keep_record(&mut self, record: Record) -> bool {
        let spread = self.record_transmissions();
        if !self.records.put(record, self.now, spread) {
            return false;
        }
        let pause = |ms| Duration::from_millis(ms);
        let apart = self.spread_at + SPREAD_APART;
        let at = self.soon(pause(NEWS_PAUSE_MS.0), pause(NEWS_PAUSE_MS.1)).max(apart);
        self.agenda.no_later_than(Chore::Spread, at);
        if self.records.of(record.node).is_some_and(|entry| !entry.is_complete()) {
            self.agenda_soon(Chore::Fetch, FETCH_PAUSE_MS.0, FETCH_PAUSE_MS.1);
        }
        true
    }

    /// A record is passed on about half as often as a change of membership: the next version or the next
    /// push-pull makes up for what is lost. Under loss the more often.
    fn record_transmissions(&self) -> u8 {
        let half = transmissions(self.cluster_size()).get() / 2 + 1;
        half.saturating_mul(self.probes.loss.copies().min(2))
    }

    /// Passes records on to a few members.
    pub(super) fn spread(&mut self) {
        self.spread_at = self.now;
        for member in self.random_members(self.profile().gossip_fanout()) {
            let records = self.records.next_to_spread(RECORDS_A_DATAGRAM);
            if records.is_empty() {
                return;
            }
            self.send(member, Kind::Records, &encode(&records), Repeat::ONCE);
        }
        if self.records.is_spreading() {
            let period = self.profile().gossip_period();
            let at = self.soon(period.mul_f64(0.9), period.mul_f64(1.1));
            self.agenda.no_later_than(Chore::Spread, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::NodeId;

    use super::*;
    use crate::settings::CONTENT_BYTES_MAX;

    #[test]
    fn a_full_datagram_of_records_fits() {
        let load = NodeLoad { running: u32::MAX, waiting: u32::MAX, draining: true };
        let hot = Hot::new(load, Some(Duration::MAX), u32::MAX);
        let record = Record { node: NodeId::new(u64::MAX), generation: u32::MAX, version: u32::MAX, hot };
        assert!(encode(&vec![record; RECORDS_A_DATAGRAM]).len() <= CONTENT_BYTES_MAX);
    }
}
