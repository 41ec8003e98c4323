//! What foca tells about the members.

use protocol::NodeId;
use protocol::nodes::NodeState;
use std::time::Duration;

use foca::State;

use super::{Membership, Output};
use crate::agenda::Chore;
use crate::effects::Note;
use crate::identity::Identity;

/// Twice the largest flat cluster that is planned for; members beyond that are not heard.
const MEMBERS_MAX: usize = 8192;
/// A change of membership is passed on after a pause that collects others.
const NEWS_PAUSE_MS: (u64, u64) = (20, 60);
/// Two such rounds are at least so far apart; foca's own period goes on beside them.
const NEWS_APART: Duration = Duration::from_millis(100);

impl Membership {
    pub(super) fn take_note(&mut self, note: Note) {
        match note {
            Note::Up(identity) => self.member_changed(identity, NodeState::Alive),
            Note::Down(identity) => self.member_changed(identity, NodeState::Dead),
            Note::Renamed(identity) => {
                let state = self.view.of(identity.node).map_or(NodeState::Alive, |known| known.state);
                self.member_changed(identity, state);
            }
            Note::Rejoined => {
                self.counters.rejoins += 1;
                self.tell_record();
                self.come_back();
            }
            Note::Pinged(identity, number) => {
                let view = &self.view;
                let is_alive = |node| view.of(node).is_some_and(|known| known.state == NodeState::Alive);
                self.probes.sent(identity.node, number, self.now, is_alive);
            }
            Note::Acknowledged(identity, number) => {
                self.copies.answered(identity.node, number);
                self.probes.answered(identity.node, number, self.now);
            }
            Note::ProbeFailed => {
                self.counters.probes_failed += 1;
                self.agenda.no_later_than(Chore::RefreshView, self.now);
            }
            Note::Spoke(incarnation) => self.incarnation = incarnation,
            Note::Alone => {
                self.greet_seeds(self.now);
                self.come_back();
            }
        }
    }

    fn member_changed(&mut self, identity: Identity, state: NodeState) {
        if identity.node == self.node_id() {
            // A former life of this node.
            return;
        }
        self.news += 1;
        let was_dead = self.state_of(identity.node) == Some(NodeState::Dead);
        if was_dead && state == NodeState::Alive {
            self.meet_again(identity);
        }
        let incarnation = self.view.of(identity.node).map_or(0, |known| known.incarnation);
        self.show(identity, state, incarnation);
        self.follow_size();
        let apart = self.gossiped_at + NEWS_APART;
        let pause = |ms| Duration::from_millis(ms);
        let at = self.soon(pause(NEWS_PAUSE_MS.0), pause(NEWS_PAUSE_MS.1)).max(apart);
        self.agenda.no_later_than(Chore::Gossip, at);
    }

    /// Brings the view up to what foca thinks of each member.
    pub(super) fn refresh_view(&mut self) {
        let shows_otherwise = |shown: NodeState, member: &foca::Member<Identity>| {
            let state = state_of(member.state());
            shown != state && shown != self.state_shown(*member.id(), state)
        };
        let differs = |member: &&foca::Member<Identity>| {
            self.view.of(member.id().node).is_none_or(|known| {
                known.incarnation != member.incarnation()
                    || known.identity != *member.id()
                    || shows_otherwise(known.state, member)
            })
        };
        let changed: Vec<_> = self.others().filter(differs).cloned().collect();
        for member in changed {
            self.show(*member.id(), state_of(member.state()), member.incarnation());
        }
    }

    fn show(&mut self, identity: Identity, state: NodeState, incarnation: u16) {
        let state = self.state_shown(identity, state);
        if let Some(version) = self.view.put(identity, state, incarnation, self.now) {
            self.push_output(Output::Changed { id: identity.node, version });
        }
    }

    /// A node that said good-bye in this life has left, whatever else is thought of it.
    fn state_shown(&self, identity: Identity, state: NodeState) -> NodeState {
        let said_goodbye = self.records.of(identity.node).is_some_and(|entry| {
            entry.record.hot.is_leaving() && entry.record.generation >= identity.generation()
        });
        if said_goodbye { NodeState::Left } else { state }
    }

    /// Shows a node anew whose record came in.
    pub(super) fn show_record(&mut self, node: NodeId) {
        let Some(known) = self.view.of(node).copied() else { return };
        let state = self.state_shown(known.identity, known.state);
        let version = self.view.put(known.identity, state, known.incarnation, self.now);
        let version = version.unwrap_or_else(|| self.view.touch());
        self.push_output(Output::Changed { id: node, version });
    }

    /// Forgets everything about a node that foca no longer knows.
    pub(super) fn drop_node(&mut self, node: NodeId) {
        if node == self.node_id() {
            // A former life of this node is forgotten, not the node.
            return;
        }
        self.records.remove(node);
        self.probes.forget(node);
        if let Some(version) = self.view.remove(node) {
            self.push_output(Output::Removed { id: node, version });
        }
    }

    /// Makes room for members by forgetting the dead, if need be. Without a key anybody can invent members;
    /// each of them is dead within seconds. Returns whether there is room.
    pub(super) fn make_room(&mut self) -> bool {
        if self.foca.iter_membership_state().len() < MEMBERS_MAX {
            return true;
        }
        let members = self.foca.iter_membership_state();
        let dead = members.filter(|member| member.state() == State::Down).map(|member| *member.id());
        for identity in dead.collect::<Vec<_>>() {
            let timer = foca::Timer::RemoveDown(identity);
            self.drive_surely(|foca, effects| foca.handle_timer(timer, effects));
            self.drop_node(identity.node);
        }
        let has_room = self.foca.iter_membership_state().len() < MEMBERS_MAX;
        self.counters.overflows += u64::from(!has_room);
        has_room
    }

    /// Configures foca for the cluster's present size.
    fn follow_size(&mut self) {
        let size = self.cluster_size();
        if size != self.configured_for {
            self.configured_for = size;
            let config = self.profile().foca_config(size);
            self.drive_surely(|foca, _| foca.set_config(config));
        }
    }
}

fn state_of(state: State) -> NodeState {
    match state {
        State::Alive => NodeState::Alive,
        State::Suspect => NodeState::Suspect,
        State::Down => NodeState::Dead,
    }
}
