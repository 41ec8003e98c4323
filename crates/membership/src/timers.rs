use std::cmp::Reverse;
use std::collections::BinaryHeap;

use foca::Timer;

use crate::identity::Identity;
use crate::time::Time;

/// Foca's timers, in the order of their times; those of one moment in foca's own order.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<Entry>>,
    count: u64,
}

#[derive(Debug)]
struct Entry {
    due: Time,
    /// Keeps the order of submission among equals, so that a run can be repeated.
    number: u64,
    timer: Timer<Identity>,
}

impl Timers {
    pub(crate) fn add(&mut self, due: Time, timer: Timer<Identity>) {
        self.count += 1;
        self.heap.push(Reverse(Entry { due, number: self.count, timer }));
    }

    pub(crate) fn next_at(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse(entry)| entry.due)
    }

    pub(crate) fn pop_due(&mut self, now: Time) -> Option<Timer<Identity>> {
        if self.next_at()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry.timer)
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, &self.timer, self.number).cmp(&(other.due, &other.timer, other.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Entry {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn come_out_by_time_and_then_as_foca_wants_them() {
        let at = |s| Time::after_epoch(Duration::from_secs(s));
        let mut timers = Timers::default();
        timers.add(at(2), Timer::PeriodicGossip(0));
        timers.add(at(1), Timer::PeriodicAnnounce(0));
        timers.add(at(1), Timer::ProbeRandomMember(0));
        assert_eq!(timers.pop_due(at(0)), None);
        assert_eq!(timers.pop_due(at(2)), Some(Timer::ProbeRandomMember(0)));
        assert_eq!(timers.pop_due(at(2)), Some(Timer::PeriodicAnnounce(0)));
        assert_eq!(timers.pop_due(at(2)), Some(Timer::PeriodicGossip(0)));
        assert_eq!(timers.next_at(), None);
    }
}
