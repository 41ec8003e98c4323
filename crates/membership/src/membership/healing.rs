//! How two parts of a cluster that took each other for dead become one again.
//!
//! Death is final for a life, so every node that anybody took for dead has to begin a new one. It learns
//! that best at once and from whoever finds out first: a push-pull between the parts shows each side whom
//! the other has buried, and both tell those nodes directly. What is *not* done is to believe the other part
//! and bury the own one: a member that answers here stays a member, until it has had time to come back.

use std::time::Duration;

use foca::{Header, Member, Message, State};
use protocol::NodeId;
use rand::seq::IndexedRandom;

use super::{Membership, encode};
use crate::agenda::Chore;
use crate::copies::Repeat;
use crate::identity::Identity;
use crate::seal::Kind;
use crate::time::Time;

/// A member that is alive here and dead elsewhere has so long to begin a new life.
const GRACE: Duration = Duration::from_secs(3);
/// Nodes told after one exchange; with more, the other exchanges of that moment reach the rest.
const NOTICES_MAX: usize = 128;
/// A node is not told again within this time.
const NOTICE_AGAIN: Duration = Duration::from_secs(1);
/// Nodes that come back between two regular push-pulls before that counts as a partition that heals.
const RETURNED_FOR_REUNION: u8 = 3;
/// A push-pull with one of the returned follows after this time.
const REUNION_PAUSE_MS: (u64, u64) = (50, 250);
/// The time until it has calmed down, counted from the last return; push-pulls are quick until then.
const RESTLESS: Duration = Duration::from_secs(3);

/// A death that is not believed yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    identity: Identity,
    /// Holds only if the member is still suspect at this incarnation; else in any case.
    suspected_at: Option<u16>,
    due: Time,
}

/// What to do about another node's opinion of a member.
enum Opinion {
    Apply,
    Ignore,
    /// Alive here, dead there.
    DeadElsewhere,
    /// Dead here, alive there.
    DeadHere,
}

impl Membership {
    /// Takes what another node thinks of the members.
    pub(super) fn take_opinions(&mut self, told: impl Iterator<Item = Member<Identity>>) {
        let known: std::collections::BTreeMap<NodeId, Member<Identity>> =
            self.foca.iter_membership_state().map(|member| (member.id().node, member.clone())).collect();
        if !self.make_room() {
            return;
        }
        let me = self.node_id();
        let (mut applied, mut to_tell, mut later_life) = (vec![], vec![], None);
        for member in told {
            let node = member.id().node;
            if node == me && member.id().generation() > self.identity().generation() {
                // The clock that this life's generation came from went back, or somebody is lying.
                later_life = later_life.max(Some(member.id().generation()));
                continue;
            }
            let opinion = if node == me { Opinion::Apply } else { opinion(known.get(&node), &member) };
            match opinion {
                Opinion::Apply => applied.push(member),
                Opinion::Ignore => {}
                Opinion::DeadHere => to_tell.push(*member.id()),
                Opinion::DeadElsewhere => {
                    to_tell.push(*member.id());
                    self.doubt(*member.id(), None, GRACE);
                }
            }
        }
        self.drive_surely(|foca, effects| foca.apply_many(applied.into_iter(), true, effects));
        if later_life.is_some() {
            self.adopt_address(self.identity().address(), later_life);
        }
        self.tell_the_dead(&to_tell);
    }

    /// Buries a member after `span` unless it has begun a new life by then, or refuted the suspicion.
    pub(super) fn doubt(&mut self, identity: Identity, suspected_at: Option<u16>, span: Duration) {
        let due = self.now + span;
        self.verdicts.entry(identity.node).or_insert(Verdict { identity, suspected_at, due });
        self.agenda.no_later_than(Chore::Verdicts, due);
    }

    /// Carries out what nobody refuted.
    pub(super) fn pass_verdicts(&mut self) {
        let now = self.now;
        let due: Vec<Verdict> =
            self.verdicts.values().filter(|verdict| verdict.due <= now).copied().collect();
        self.verdicts.retain(|_, verdict| verdict.due > now);
        for Verdict { identity, suspected_at, .. } in due {
            let holds = suspected_at.is_none_or(|incarnation| self.is_suspected(&identity, incarnation));
            if holds {
                let dead = Member::new(identity, suspected_at.unwrap_or_default(), State::Down);
                self.drive_surely(|foca, effects| foca.apply_many([dead].into_iter(), true, effects));
            }
        }
        if let Some(next) = self.verdicts.values().map(|verdict| verdict.due).min() {
            self.agenda.no_later_than(Chore::Verdicts, next);
        }
    }

    /// Somebody who was dead is back. If there are several, two parts of the cluster are meeting, and this
    /// node compares notes until that has calmed down.
    pub(super) fn meet_again(&mut self, identity: Identity) {
        self.returned = self.returned.saturating_add(1);
        if self.returned >= RETURNED_FOR_REUNION {
            self.reunite(Some(identity));
        }
    }

    /// This node was dead to somebody, or knows nobody alive any more: the others that are dead here may be
    /// back too.
    pub(super) fn come_back(&mut self) {
        let down = self.random_down();
        self.reunite(down);
    }

    fn reunite(&mut self, with: Option<Identity>) {
        self.reunion = with;
        self.restless_until = self.now + RESTLESS;
        self.agenda_soon(Chore::PushPull, REUNION_PAUSE_MS.0, REUNION_PAUSE_MS.1);
    }

    /// Tells nodes that they are taken for dead, in foca's own words.
    fn tell_the_dead(&mut self, to_tell: &[Identity]) {
        let now = self.now;
        self.noticed.retain(|_, at| now.since(*at) < NOTICE_AGAIN);
        let fresh: Vec<Identity> =
            to_tell.iter().filter(|identity| !self.noticed.contains_key(&identity.node)).copied().collect();
        let chosen: Vec<Identity> = fresh.sample(&mut self.rng, NOTICES_MAX).copied().collect();
        for dst in chosen {
            let header = Header {
                src: self.identity(),
                src_incarnation: self.incarnation,
                dst,
                message: Message::TurnUndead,
            };
            self.noticed.insert(dst.node, now);
            let repeat = Repeat::times(self.probes.loss.copies());
            self.send(dst, Kind::Membership, &encode(&header), repeat);
        }
    }
}

fn opinion(ours: Option<&Member<Identity>>, told: &Member<Identity>) -> Opinion {
    let is_dead_there = told.state() == State::Down;
    let Some(ours) = ours else {
        // Who was never known here need not be buried; it would be remembered for a day.
        return if is_dead_there { Opinion::Ignore } else { Opinion::Apply };
    };
    let is_dead_here = ours.state() == State::Down;
    let is_same_life = told.id().generation() == ours.id().generation();
    match (is_dead_here, is_dead_there) {
        (false, true) if is_same_life => Opinion::DeadElsewhere,
        (true, false) if told.id().generation() <= ours.id().generation() => Opinion::DeadHere,
        _ => Opinion::Apply,
    }
}
