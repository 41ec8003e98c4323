//! What is due.

use std::time::Duration;

use foca::Timer;

use super::Membership;
use crate::agenda::Chore;
use crate::identity::Identity;
use crate::record::Hot;
use crate::time::Time;

/// The good-bye is said so often: any one of them may be lost, and nobody asks a node that is gone.
const LEAVE_ROUNDS: u8 = 5;
const LEAVE_ROUNDS_APART: Duration = Duration::from_millis(100);

impl Membership {
    /// Does what is due at `now`. Hand in the datagrams that have arrived first.
    pub fn tick(&mut self, now: Time) {
        self.now = now;
        while let Some(timer) = self.timers.pop_due(now) {
            self.fire(timer);
        }
        self.send_copies();
        while let Some(chore) = self.agenda.pop_due(now) {
            self.carry_out(chore);
        }
    }

    /// Leaves the cluster for good: the caller keeps ticking until [`is_gone`](Self::is_gone), half a
    /// second, and then ends. Nothing that comes in counts any more.
    pub fn leave(&mut self, now: Time) {
        self.now = now;
        if self.has_left() {
            return;
        }
        self.publisher.set(Hot::leaving(self.publisher.current()));
        self.tell_record();
        self.drive_surely(|foca, effects| foca.leave_cluster(effects));
        self.agenda.clear();
        self.greetings.clear();
        self.leave_rounds_left = Some(LEAVE_ROUNDS);
        self.agenda.set(Chore::LeaveRound, now);
    }

    /// Whether the good-bye has been said often enough.
    pub fn is_gone(&self) -> bool {
        self.leave_rounds_left == Some(0)
    }

    fn fire(&mut self, timer: Timer<Identity>) {
        if self.settings.guard
            && let Timer::ChangeSuspectToDown { member_id, incarnation, .. } = &timer
            && !self.is_suspected(member_id, *incarnation)
        {
            // Foca would leave the member's state alone but tell it that it is dead.
            self.counters.refuted_suspicions += 1;
            return;
        }
        let forgotten = if let Timer::RemoveDown(identity) = &timer { Some(*identity) } else { None };
        self.drive_surely(|foca, effects| foca.handle_timer(timer, effects));
        if let Some(identity) = forgotten
            && !self.foca.iter_membership_state().any(|member| member.id().node == identity.node)
        {
            self.drop_node(identity.node);
        }
    }

    fn carry_out(&mut self, chore: Chore) {
        match chore {
            Chore::Greet => self.greet(),
            Chore::PushPull => self.push_pull(),
            Chore::Gossip => {
                self.gossiped_at = self.now;
                if self.foca.updates_backlog() > 0 {
                    self.drive_surely(|foca, effects| foca.gossip(effects));
                }
            }
            Chore::Publish => self.publish(),
            Chore::Spread => self.spread(),
            Chore::Fetch => self.fetch(),
            Chore::RefreshView => self.refresh_view(),
            Chore::Pulse => self.pulse(),
            Chore::DoubtSilence => self.doubt_silence(),
            Chore::Verdicts => self.pass_verdicts(),
            Chore::LeaveRound => self.say_goodbye(),
        }
    }

    fn say_goodbye(&mut self) {
        let Some(left) = self.leave_rounds_left.filter(|left| *left > 0) else { return };
        self.leave_rounds_left = Some(left - 1);
        self.drive_surely(|foca, effects| foca.gossip(effects));
        self.spread();
        self.agenda.clear();
        self.agenda.set(Chore::LeaveRound, self.now + LEAVE_ROUNDS_APART);
    }

    fn send_copies(&mut self) {
        while let Some((to, datagram)) = self.copies.pop_due(self.now) {
            self.put_out(to, datagram);
        }
    }
}
