use std::collections::BTreeMap;

use crate::time::Time;

/// What this crate does at its own time, beside foca's timers. Each has at most one due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Chore {
    /// Say hello to the seeds that have not answered.
    Greet,
    /// Compare everything with one other node.
    PushPull,
    /// Pass news of members on at once, ahead of foca's period.
    Gossip,
    /// Tell the own record.
    Publish,
    /// Pass records on.
    Spread,
    /// Fetch descriptions that are named but not known.
    Fetch,
    /// See which members are suspect.
    RefreshView,
    /// Give a sign of life to the successor.
    Pulse,
    /// Ask the predecessor for one, or suspect it.
    DoubtSilence,
    /// Bury those who did not refute their death.
    Verdicts,
    /// Say good-bye once more.
    LeaveRound,
}

/// The due time of each chore.
#[derive(Debug, Default)]
pub(crate) struct Agenda(BTreeMap<Chore, Time>);

impl Agenda {
    /// Sets the chore's time, whatever it was.
    pub(crate) fn set(&mut self, chore: Chore, at: Time) {
        self.0.insert(chore, at);
    }

    /// Sets the chore's time unless it is due before.
    pub(crate) fn no_later_than(&mut self, chore: Chore, at: Time) {
        let due = self.0.entry(chore).or_insert(at);
        *due = at.min(*due);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn next_at(&self) -> Option<Time> {
        self.0.values().min().copied()
    }

    /// Takes one chore that is due.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<Chore> {
        let chore = self.0.iter().find(|(_, at)| **at <= now).map(|(chore, _)| *chore)?;
        self.0.remove(&chore);
        Some(chore)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_chore_can_be_pulled_forward_but_not_put_off() {
        let at = |s| Time::after_epoch(Duration::from_secs(s));
        let mut agenda = Agenda::default();
        agenda.no_later_than(Chore::Spread, at(5));
        agenda.no_later_than(Chore::Spread, at(3));
        agenda.no_later_than(Chore::Spread, at(9));
        assert_eq!(agenda.next_at(), Some(at(3)));
        assert_eq!(agenda.pop_due(at(2)), None);
        assert_eq!(agenda.pop_due(at(3)), Some(Chore::Spread));
        assert_eq!(agenda.pop_due(at(3)), None);
    }
}
