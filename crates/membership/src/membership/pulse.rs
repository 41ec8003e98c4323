//! A pulse from each node to its successor in the order of ids, so that each node has one other that notices
//! its silence within two seconds.
//!
//! SWIM's probes find a dead node at random: in a cluster of any size one probe a second hits it on average,
//! so one death in a hundred goes without a probe for 4.6 s, whatever the suspicion after it lasts. The pulse
//! bounds that wait, and with it the spread of the time to detection.
//!
//! A pulse that does not come may be lost. The successor asks for one before it suspects: each suspicion is
//! refuted before everybody, which costs every node a kilobyte.

use foca::{Member, State};
use protocol::NodeId;
use serde::{Deserialize, Serialize};

use super::{Membership, encode};
use crate::agenda::Chore;
use crate::copies::Repeat;
use crate::identity::Identity;
use crate::loss::COPIES_MAX;
use crate::seal::Kind;

/// A silence of so many periods is asked about.
const SILENCE_PERIODS: f64 = 1.25;
/// Questions that stay without an answer before the silence counts.
const QUESTIONS_MAX: u8 = 2;
/// A pulse of the own that comes so many periods after the last one tells of a stall of the own.
const STALL_PERIODS: f64 = 1.5;
/// Questions and answers are so rare that it costs nothing to send them as if most of them got lost.
const SURELY: Repeat = Repeat::times(COPIES_MAX);

/// A sign of life.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Pulse {
    from: NodeId,
    generation: [u8; 4],
    /// Asks for one in return.
    asks: bool,
}

/// The predecessor, and how often it was asked since its last sign.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watched {
    identity: Identity,
    questions: u8,
}

impl Membership {
    /// Gives a sign of life to the successor, and sees who is to be watched.
    pub(super) fn pulse(&mut self) {
        let period = self.profile().probe_period();
        if self.now.since(self.pulsed_at) > period.mul_f64(STALL_PERIODS) {
            // A stall of our own is no silence.
            self.heard_at = self.now;
        }
        self.pulsed_at = self.now;
        self.agenda.set(Chore::Pulse, self.now + period);
        self.ask_where_it_is();
        let Some((predecessor, successor)) = self.neighbours() else { return };
        self.send_pulse(*successor.id(), false, Repeat::ONCE);
        if self.watched.is_none_or(|watched| watched.identity != *predecessor.id()) {
            self.watch(*predecessor.id());
        }
    }

    pub(super) fn hear_pulse(&mut self, pulse: Pulse) {
        let is_sender = |identity: &Identity| {
            identity.node == pulse.from && identity.generation() == u32::from_be_bytes(pulse.generation)
        };
        if let Some(watched) = self.watched.filter(|watched| is_sender(&watched.identity)) {
            self.watch(watched.identity);
        }
        if !pulse.asks {
            return;
        }
        let asker = self.foca.iter_members().map(|member| *member.id()).find(is_sender);
        if let Some(asker) = asker {
            self.send_pulse(asker, false, SURELY);
        }
    }

    /// The predecessor was silent for too long, or did not answer.
    pub(super) fn doubt_silence(&mut self) {
        let Some(watched) = self.watched else { return };
        let Some((predecessor, _)) = self.neighbours() else {
            self.watched = None;
            return;
        };
        if *predecessor.id() != watched.identity || predecessor.state() != State::Alive || !self.can_ask() {
            self.watch(*predecessor.id());
        } else if watched.questions < QUESTIONS_MAX {
            self.watched = Some(Watched { questions: watched.questions + 1, ..watched });
            self.send_pulse(watched.identity, true, SURELY);
            self.agenda.set(Chore::DoubtSilence, self.now + self.profile().probe_rtt());
        } else {
            self.watch(watched.identity);
            self.suspect(&predecessor);
        }
    }

    /// The silence of `identity` counts from now on.
    fn watch(&mut self, identity: Identity) {
        self.watched = Some(Watched { identity, questions: 0 });
        let silence = self.profile().probe_period().mul_f64(SILENCE_PERIODS);
        self.agenda.set(Chore::DoubtSilence, self.now + silence);
    }

    /// Where most questions and answers get lost, silence means nothing, and the probes alone have to do.
    fn can_ask(&self) -> bool {
        self.probes.loss.copies() < COPIES_MAX
    }

    fn send_pulse(&mut self, to: Identity, asks: bool, repeat: Repeat) {
        let generation = self.identity().generation().to_be_bytes();
        let content = encode(&Pulse { from: self.node_id(), generation, asks });
        self.send(to, Kind::Pulse, &content, repeat);
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
