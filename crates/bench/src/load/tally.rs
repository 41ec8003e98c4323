//! What one thread counts, and how threads are added up.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use hyper::StatusCode;

use super::failure::Failure;

/// Latencies above an hour are counted as an hour; no call is waited for that long.
const LATENCY_NS_MAX: u64 = 3_600_000_000_000;
/// Three digits put each percentile within a thousandth of its value.
const SIGNIFICANT_DIGITS: u8 = 3;

/// Counts of one thread, or of several added up.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    pub(super) latencies_ns: Histogram<u64>,
    pub(super) statuses: BTreeMap<StatusCode, u64>,
    pub(super) failures: BTreeMap<Failure, u64>,
    pub(super) received_bytes: u64,
    pub(super) sent_bytes: u64,
    pub(super) in_flight: u64,
    pub(super) elapsed: Duration,
}

impl Default for Tally {
    fn default() -> Self {
        let latencies_ns = Histogram::new_with_max(LATENCY_NS_MAX, SIGNIFICANT_DIGITS)
            .expect("the bounds are constants that hdrhistogram accepts");
        Self {
            latencies_ns,
            statuses: BTreeMap::new(),
            failures: BTreeMap::new(),
            received_bytes: 0,
            sent_bytes: 0,
            in_flight: 0,
            elapsed: Duration::ZERO,
        }
    }
}

impl Tally {
    pub(super) fn begin(&mut self) {
        self.in_flight += 1;
    }

    pub(super) fn answer(&mut self, status: StatusCode, latency: Duration, sent: usize, received: usize) {
        self.in_flight -= 1;
        self.latencies_ns.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
        *self.statuses.entry(status).or_default() += 1;
        self.sent_bytes += sent as u64;
        self.received_bytes += received as u64;
    }

    /// A call that was begun ends without an answer.
    pub(super) fn break_off(&mut self, failure: Failure) {
        self.in_flight -= 1;
        self.fail(failure);
    }

    /// A connection fails while no call is on it.
    pub(super) fn fail(&mut self, failure: Failure) {
        *self.failures.entry(failure).or_default() += 1;
    }

    /// Adds what another thread counted at the same time.
    pub(super) fn merge(&mut self, other: &Self) {
        self.latencies_ns.add(&other.latencies_ns).expect("all histograms have the same bounds");
        for (&status, count) in &other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (&failure, count) in &other.failures {
            *self.failures.entry(failure).or_default() += count;
        }
        self.received_bytes += other.received_bytes;
        self.sent_bytes += other.sent_bytes;
        self.in_flight += other.in_flight;
        self.elapsed = self.elapsed.max(other.elapsed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(latency_ms: u64) -> Tally {
        let mut tally = Tally { elapsed: Duration::from_secs(latency_ms), ..Tally::default() };
        tally.begin();
        tally.answer(StatusCode::OK, Duration::from_millis(latency_ms), 10, 20);
        tally.begin();
        tally.break_off(Failure::Reset);
        tally.begin();
        tally
    }

    #[test]
    fn merging_adds_counts_and_keeps_the_longest_time() {
        let mut sum = tally(1);
        sum.merge(&tally(3));
        assert_eq!(sum.latencies_ns.len(), 2);
        assert!(sum.latencies_ns.max() >= 3_000_000);
        assert!(sum.latencies_ns.min() <= 1_000_000);
        assert_eq!(sum.statuses[&StatusCode::OK], 2);
        assert_eq!(sum.failures[&Failure::Reset], 2);
        assert_eq!((sum.sent_bytes, sum.received_bytes, sum.in_flight), (20, 40, 2));
        assert_eq!(sum.elapsed, Duration::from_secs(3));
    }

    #[test]
    fn a_latency_beyond_the_bound_is_held_at_it() {
        let mut tally = Tally::default();
        tally.begin();
        tally.answer(StatusCode::OK, Duration::from_secs(100_000), 0, 0);
        assert_eq!(tally.latencies_ns.len(), 1);
    }
}
