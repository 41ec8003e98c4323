//! A pulse from each node to its successor in the order of ids, so that each node has one other that notices
//! its silence within two seconds.
//!
//! SWIM's probes find a dead node at random: in a cluster of any size one probe a second hits it on average,
//! so one death in a hundred goes without a probe for 4.6 s, whatever the suspicion after it lasts. The pulse
//! bounds that wait, and with it the spread of the time to detection.

use std::time::Duration;

use foca::{Member, State};
use protocol::NodeId;
use serde::{Deserialize, Serialize};

use super::{Membership, encode};
use crate::agenda::Chore;
use crate::copies::Repeat;
use crate::identity::Identity;
use crate::seal::Kind;
use crate::time::Time;

/// Pulses that may be missing before the silence counts.
const MISSED_MAX: u32 = 1;
/// The silence of so many parts of a period counts as a missed pulse.
const SLACK: f64 = 0.25;

/// A sign of life.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Pulse {
    from: NodeId,
    generation: [u8; 4],
}

/// The predecessor, and when it gave its last sign.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watched {
    identity: Identity,
    heard_at: Time,
}

impl Membership {
    /// Gives a sign of life to the successor, and looks after the predecessor.
    pub(super) fn pulse(&mut self) {
        let period = self.profile().probe_period();
        let late = self.now.since(self.pulsed_at) > period.mul_f64(1.0 + 2.0 * SLACK);
        self.pulsed_at = self.now;
        self.agenda.set(Chore::Pulse, self.now + period);
        if late {
            // A stall of our own is no silence.
            self.heard_at = self.now;
        }
        self.ask_where_it_is();
        let Some((predecessor, successor)) = self.neighbours() else { return };
        let generation = self.identity().generation().to_be_bytes();
        let content = encode(&Pulse { from: self.node_id(), generation });
        self.send(*successor.id(), Kind::Pulse, &content, self.pulse_repeat());

        let watched = self.watched.filter(|watched| watched.identity == *predecessor.id() && !late);
        let Some(watched) = watched else {
            // A new predecessor, or a stall of our own: the silence counts from here.
            self.watched = Some(Watched { identity: *predecessor.id(), heard_at: self.now });
            return;
        };
        let silence = self.now.since(watched.heard_at);
        if silence > self.silence_max() && predecessor.state() == State::Alive {
            self.suspect(&predecessor);
        }
    }

    pub(super) fn hear_pulse(&mut self, pulse: Pulse) {
        if let Some(watched) = &mut self.watched
            && watched.identity.node == pulse.from
            && watched.identity.generation() == u32::from_be_bytes(pulse.generation)
        {
            watched.heard_at = self.now;
        }
    }

    /// A pulse is copied on its way out of a somewhat lossy network, into one that may not be. Where most
    /// of the network is lossy nobody listens for it, and one is enough to tell when that is over.
    fn pulse_repeat(&self) -> Repeat {
        if self.probes.loss.copies() == 2 { Repeat::times(2) } else { Repeat::ONCE }
    }

    /// Silence means nothing where datagrams are lost: each suspicion would have to be refuted before
    /// everybody. There, the probes alone have to do.
    fn silence_max(&self) -> Duration {
        if self.probes.loss.copies() > 1 {
            return Duration::MAX;
        }
        self.profile().probe_period().mul_f64(f64::from(MISSED_MAX) + SLACK)
    }

    fn suspect(&mut self, member: &Member<Identity>) {
        let (identity, incarnation) = (*member.id(), member.incarnation());
        let suspected = Member::new(identity, incarnation, State::Suspect);
        self.drive_surely(|foca, effects| foca.apply_many([suspected].into_iter(), true, effects));
        self.agenda.no_later_than(Chore::RefreshView, self.now);
        self.doubt(identity, Some(incarnation), self.profile().suspicion(self.cluster_size()));
    }

    /// The active members before and after this node in the order of ids, which is a ring.
    fn neighbours(&self) -> Option<(Member<Identity>, Member<Identity>)> {
        let me = self.node_id();
        // The distance from this node upwards, all the way around.
        let distance = |member: &&Member<Identity>| member.id().node.bits().wrapping_sub(me.bits());
        let successor = self.foca.iter_members().min_by_key(distance)?;
        let predecessor = self.foca.iter_members().max_by_key(distance)?;
        Some((predecessor.clone(), successor.clone()))
    }
}
