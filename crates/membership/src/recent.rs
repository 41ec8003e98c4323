use std::collections::{BTreeSet, VecDeque};

/// Above what arrives within the time that copies of one datagram are apart (60 ms), also while a thousand
/// nodes join; also the reach of the check against replay.
const RECENT_MAX: usize = 1024;

/// The datagrams that came last, by their nonce: a copy is dropped before it can draw a second answer.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    order: VecDeque<u64>,
    seen: BTreeSet<u64>,
}

impl Recent {
    /// Whether `nonce` is new; it no longer is afterwards.
    pub(crate) fn is_new(&mut self, nonce: u64) -> bool {
        if !self.seen.insert(nonce) {
            return false;
        }
        if self.order.len() == RECENT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        self.order.push_back(nonce);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_only_the_oldest() {
        let mut recent = Recent::default();
        for nonce in 0..RECENT_MAX as u64 {
            assert!(recent.is_new(nonce));
        }
        assert!(!recent.is_new(0));
        assert!(recent.is_new(RECENT_MAX as u64));
        assert!(recent.is_new(0));
        assert!(!recent.is_new(2));
    }
}
