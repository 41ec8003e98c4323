use std::collections::VecDeque;
use std::time::Duration;

use crate::Refusal;

/// Samples that may wait for a missing one, and eids that are remembered to tell a duplicate: at the pace that
/// a busy node sends, well over a second of them, and at most a few megabytes.
pub const WAITING_MAX: usize = 16_384;

/// So many samples with eids that others had before them mean that the sender has begun to count anew.
const RECOUNT_AFTER: u32 = 8;

/// Puts samples in the order of their eids.
///
/// Each leaves in its turn. A missing one is waited for until the sample behind it has waited for the time
/// limit, or until too many wait; then it is given up. Nothing stalls, and nothing grows without bound: an eid
/// far from the others, ahead or behind, starts the order anew after those that wait.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    /// The eid whose turn it is; none before the first sample.
    next: Option<u64>,
    /// Samples from `next` on; the last of them is there.
    waiting: VecDeque<Option<Waiting<T>>>,
    waiting_n: usize,
    /// What became of the eids before `next`, the last one first: the digest of the sample, or none where it
    /// was given up.
    history: VecDeque<Option<u32>>,
    ready: VecDeque<(u64, T)>,
    recounts: u32,
    skipped: u64,
}

#[derive(Debug)]
struct Waiting<T> {
    sample: T,
    digest: u32,
    since: Duration,
}

/// How long a missing sample is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// How long the sample behind the gap waits.
    pub(crate) limit: Duration,
    /// How many samples wait, at most [`WAITING_MAX`].
    pub(crate) waiting_max: usize,
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self {
            next: None,
            waiting: VecDeque::new(),
            waiting_n: 0,
            history: VecDeque::new(),
            ready: VecDeque::new(),
            recounts: 0,
            skipped: 0,
        }
    }
}

impl<T> Ring<T> {
    /// Takes a sample; `digest` tells samples of the same eid apart.
    pub(crate) fn offer(&mut self, eid: u64, digest: u32, sample: T, now: Duration) -> Result<(), Refusal> {
        if self.next.is_none() {
            self.begin_anew(eid);
        }
        let next = self.next.unwrap_or(eid);
        if eid < next {
            let behind = next - eid;
            if behind <= WAITING_MAX as u64 {
                self.refuse_old(behind, digest)?;
            }
            self.begin_anew(eid);
        } else if eid - next >= WAITING_MAX as u64 {
            self.begin_anew(eid);
        }
        let place = eid.saturating_sub(self.next.unwrap_or(eid)) as usize;
        if self.waiting.len() <= place {
            self.waiting.resize_with(place + 1, || None);
        }
        match &self.waiting[place] {
            Some(other) if other.digest == digest => return Err(Refusal::Duplicate),
            Some(_) => return Err(Refusal::EidTaken),
            None => self.waiting[place] = Some(Waiting { sample, digest, since: now }),
        }
        self.waiting_n += 1;
        self.recounts = 0;
        Ok(())
    }

    /// Refuses a sample whose turn has passed, unless so many were refused that the order begins anew.
    fn refuse_old(&mut self, behind: u64, digest: u32) -> Result<(), Refusal> {
        match self.history.get(behind as usize - 1) {
            Some(Some(taken)) if *taken == digest => Err(Refusal::Duplicate),
            Some(Some(_)) => {
                self.recounts += 1;
                if self.recounts < RECOUNT_AFTER { Err(Refusal::EidTaken) } else { Ok(()) }
            }
            Some(None) | None => Err(Refusal::Late),
        }
    }

    /// Lets those that wait go, and makes it the turn of `eid`.
    fn begin_anew(&mut self, eid: u64) {
        while self.waiting_n > 0 {
            self.step();
        }
        self.waiting.clear();
        self.history.clear();
        self.recounts = 0;
        self.next = Some(eid);
    }

    /// Lets samples go whose turn it is, and gives up those that were waited for long enough.
    pub(crate) fn advance(&mut self, now: Duration, patience: Patience) {
        while self.waiting_n > 0 {
            let gap = self.waiting.iter().position(Option::is_some).unwrap_or_default();
            let waits_since = self.waiting[gap].as_ref().map_or(now, |behind| behind.since);
            let gives_up = now.saturating_sub(waits_since) >= patience.limit
                || self.waiting_n >= patience.waiting_max.min(WAITING_MAX);
            if gap > 0 && !gives_up {
                return;
            }
            for _ in 0..=gap {
                self.step();
            }
        }
    }

    /// Makes it the turn of the next eid.
    fn step(&mut self) {
        let (Some(next), Some(first)) = (self.next, self.waiting.pop_front()) else {
            return;
        };
        if self.history.len() >= WAITING_MAX {
            self.history.pop_back();
        }
        self.history.push_front(first.as_ref().map(|first| first.digest));
        match first {
            Some(first) => {
                self.waiting_n -= 1;
                self.ready.push_back((next, first.sample));
            }
            None => self.skipped += 1,
        }
        // The largest eid has no successor; the order begins anew at the next sample.
        self.next = next.checked_add(1);
    }

    /// The next sample, with its eid.
    pub(crate) fn take(&mut self) -> Option<(u64, T)> {
        self.ready.pop_front()
    }

    /// Samples that wait.
    pub(crate) fn waiting_n(&self) -> usize {
        self.waiting_n
    }

    /// Eids that were given up since the last call.
    pub(crate) fn take_skipped(&mut self) -> u64 {
        std::mem::take(&mut self.skipped)
    }
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
