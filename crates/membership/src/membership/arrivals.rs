//! Datagrams that come in.

use std::net::SocketAddr;

use super::{Membership, decode};
use crate::agenda::Chore;
use crate::record::Record;
use crate::seal::{Kind, Shut, To};
use crate::time::Time;

/// A message of foca's above this carries updates: two identities and a few bytes are less.
const BARE_MESSAGE_BYTES: usize = 48;
/// A suspicion shows in the view at most this late; finding it costs a look at every member.
const VIEW_LAG_MS: u64 = 250;

impl Membership {
    /// A datagram came in from `from`. Whatever is wrong with it is counted, and changes nothing.
    pub fn receive(&mut self, from: SocketAddr, datagram: &[u8], now: Time) {
        self.now = now;
        self.counters.datagrams_received += 1;
        self.counters.datagram_bytes_received += datagram.len() as u64;
        // A node that is leaving must not hear that it is dead: it would come back.
        if self.has_left() {
            return;
        }
        let me = self.node_id();
        let whom = |kind| if kind == Kind::Hello { To::Anybody } else { To::Node(me) };
        let opened = match self.seal.open(datagram, whom) {
            Ok(opened) => opened,
            Err(shut) => return self.count_shut(shut),
        };
        if !self.recent.is_new(opened.nonce) {
            self.counters.duplicates += 1;
            return;
        }
        if !matches!(opened.kind, Kind::Hello | Kind::Welcome) {
            self.heard_at = now;
        }
        let understood = match opened.kind {
            Kind::Hello => decode(&opened.content).map(|hello| self.hear_hello(from, &hello)),
            Kind::Welcome => decode(&opened.content).map(|welcome| self.hear_welcome(from, &welcome)),
            Kind::Membership => self.hear_membership(&opened.content),
            Kind::Records => {
                decode::<Vec<Record>>(&opened.content).map(|records| self.hear_records(&records))
            }
            Kind::Pulse => decode(&opened.content).map(|pulse| self.hear_pulse(pulse)),
            Kind::Request | Kind::Response => None,
        };
        if understood.is_none() {
            self.counters.malformed += 1;
        }
    }

    pub(super) fn count_shut(&mut self, shut: Shut) {
        match shut {
            Shut::Malformed => self.counters.malformed += 1,
            Shut::Stranger => self.counters.strangers += 1,
        }
    }

    fn hear_membership(&mut self, content: &[u8]) -> Option<()> {
        if !self.make_room() {
            return Some(());
        }
        let result = self.drive(|foca, effects| foca.handle_data(content, effects));
        if content.len() > BARE_MESSAGE_BYTES {
            self.agenda_soon(Chore::RefreshView, VIEW_LAG_MS, VIEW_LAG_MS);
        }
        result.ok()
    }

    fn hear_records(&mut self, records: &[Record]) {
        for record in records {
            self.take_record(*record);
        }
    }
}
