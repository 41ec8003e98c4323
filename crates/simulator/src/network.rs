//! A network that delays, loses and repeats datagrams, and that can be cut in two.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// A stream whose segments are lost for so long is broken.
const STREAM_TIMEOUT: Duration = Duration::from_secs(3);
/// TCP's first wait for the answer to a connection attempt (RFC 6298).
const CONNECT_AGAIN: Duration = Duration::from_secs(1);
/// TCP's shortest wait for the acknowledgement of data, as Linux has it.
const SEND_AGAIN: Duration = Duration::from_millis(200);
const SEGMENT_BYTES: usize = 1400;

/// What the network does to a datagram. Losses are independent of each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// The delay is drawn evenly between these two, so datagrams overtake each other.
    pub delay_min: Duration,
    /// See `delay_min`.
    pub delay_max: Duration,
    /// Part of the datagrams that never arrive, 0 to 1.
    pub loss: f64,
    /// Part of the datagrams that arrive twice, 0 to 1.
    pub duplication: f64,
}

impl Conditions {
    /// One site: 0.2 to 2 ms, no duplicates.
    pub fn lan(loss: f64) -> Self {
        let (delay_min, delay_max) = (Duration::from_micros(200), Duration::from_millis(2));
        Self { delay_min, delay_max, loss, duplication: 0.0 }
    }
}

/// The network between hosts that are numbered from 0.
#[derive(Debug)]
pub struct Network {
    conditions: Conditions,
    rng: Pcg64,
    /// Hosts below this number do not reach the others.
    cut: Option<usize>,
}

impl Network {
    /// A whole network.
    pub fn new(conditions: Conditions, seed: u64) -> Self {
        Self { conditions, rng: Pcg64::seed_from_u64(seed), cut: None }
    }

    /// Changes what happens to datagrams from now on.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.conditions = conditions;
    }

    /// Cuts the hosts below `cut` off from the others, or heals the cut.
    pub fn set_cut(&mut self, cut: Option<usize>) {
        self.cut = cut;
    }

    /// Whether datagrams can pass between two hosts.
    pub fn is_open(&self, from: usize, to: usize) -> bool {
        self.cut.is_none_or(|cut| (from < cut) == (to < cut))
    }

    /// After which delays a datagram arrives: never, once or twice.
    pub fn datagram(&mut self, from: usize, to: usize) -> impl Iterator<Item = Duration> + use<> {
        let arrives = self.is_open(from, to) && !self.happens(self.conditions.loss);
        let first = arrives.then(|| self.delay());
        let second = (arrives && self.happens(self.conditions.duplication)).then(|| self.delay());
        first.into_iter().chain(second)
    }

    /// After which delay `bytes` have arrived on a stream, with the time to connect if `is_new`; an error
    /// with the delay after which the sender gives up.
    pub fn stream(
        &mut self,
        from: usize,
        to: usize,
        bytes: usize,
        is_new: bool,
    ) -> Result<Duration, Duration> {
        let mut elapsed = Duration::ZERO;
        if is_new {
            let mut wait = CONNECT_AGAIN;
            while !self.is_open(from, to)
                || self.happens(self.conditions.loss)
                || self.happens(self.conditions.loss)
            {
                elapsed += wait;
                wait *= 2;
                if elapsed > STREAM_TIMEOUT {
                    return Err(STREAM_TIMEOUT);
                }
            }
            elapsed += self.delay() + self.delay();
        }
        let mut missing = bytes.div_ceil(SEGMENT_BYTES);
        let mut wait = SEND_AGAIN;
        loop {
            let lost = (0..missing).filter(|_| self.happens(self.conditions.loss)).count();
            missing = if self.is_open(from, to) { lost } else { missing };
            if missing == 0 {
                return Ok(elapsed + self.delay());
            }
            elapsed += wait;
            wait *= 2;
            if elapsed > STREAM_TIMEOUT {
                return Err(STREAM_TIMEOUT);
            }
        }
    }

    fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.rng.random_bool(probability)
    }

    fn delay(&mut self) -> Duration {
        let Conditions { delay_min, delay_max, .. } = self.conditions;
        let part: f64 = self.rng.random_range(0.0..1.0);
        delay_min + (delay_max - delay_min).mul_f64(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loses_and_repeats_as_asked() {
        let conditions = Conditions { duplication: 0.5, ..Conditions::lan(0.3) };
        let mut network = Network::new(conditions, 1);
        let arrivals: usize = (0..10_000).map(|_| network.datagram(0, 1).count()).sum();
        assert!((10_200..10_800).contains(&arrivals), "{arrivals}");
    }

    #[test]
    fn a_cut_stops_everything_between_the_parts_and_nothing_within() {
        let mut network = Network::new(Conditions::lan(0.0), 1);
        network.set_cut(Some(2));
        assert_eq!(network.datagram(1, 2).count(), 0);
        assert_eq!(network.datagram(0, 1).count(), 1);
        assert_eq!(network.stream(2, 1, 10, true), Err(STREAM_TIMEOUT));
        assert!(network.stream(2, 3, 10, true).is_ok());
        network.set_cut(None);
        assert_eq!(network.datagram(1, 2).count(), 1);
    }
}
