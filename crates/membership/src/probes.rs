use std::collections::BTreeMap;
use std::time::Duration;

use protocol::NodeId;

use crate::loss::Loss;
use crate::time::Time;

/// A new round trip counts for this part of the smoothed one, as in TCP (RFC 6298).
const RTT_WEIGHT: f64 = 1.0 / 8.0;

/// The direct probes that foca sends: round trips by peer, and the loss they show.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    latest: Option<Probe>,
    rtt: BTreeMap<NodeId, Duration>,
    pub(crate) loss: Loss,
}

#[derive(Debug)]
struct Probe {
    node: NodeId,
    number: u8,
    sent_at: Time,
    answered: bool,
}

impl Probes {
    /// A ping goes out. Ends the probe before it, which counts for the loss if `is_alive` of its node.
    pub(crate) fn sent(&mut self, node: NodeId, number: u8, now: Time, is_alive: impl Fn(NodeId) -> bool) {
        if let Some(ended) = &self.latest
            && (ended.answered || is_alive(ended.node))
        {
            self.loss.probe_ended(ended.answered);
        }
        self.latest = Some(Probe { node, number, sent_at: now, answered: false });
    }

    /// An answer came in.
    pub(crate) fn answered(&mut self, node: NodeId, number: u8, now: Time) {
        let Some(probe) = &mut self.latest else { return };
        if (probe.node, probe.number) != (node, number) || probe.answered {
            return;
        }
        probe.answered = true;
        let sample = now.since(probe.sent_at);
        let smoothed = self.rtt.entry(node).or_insert(sample);
        *smoothed = smoothed.mul_f64(1.0 - RTT_WEIGHT) + sample.mul_f64(RTT_WEIGHT);
    }

    pub(crate) fn rtt(&self, node: NodeId) -> Option<Duration> {
        self.rtt.get(&node).copied()
    }

    pub(crate) fn forget(&mut self, node: NodeId) {
        self.rtt.remove(&node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::after_epoch(Duration::from_millis(ms))
    }

    #[test]
    fn smooths_the_round_trips_of_each_peer() {
        let (one, other) = (NodeId::new(1), NodeId::new(2));
        let mut probes = Probes::default();
        probes.sent(one, 1, at(0), |_| true);
        probes.answered(one, 1, at(80));
        probes.answered(one, 1, at(500));
        assert_eq!(probes.rtt(one), Some(Duration::from_millis(80)));
        probes.sent(one, 2, at(1000), |_| true);
        probes.answered(other, 2, at(1001));
        probes.answered(one, 1, at(1002));
        probes.answered(one, 2, at(1160));
        assert_eq!(probes.rtt(one), Some(Duration::from_millis(90)));
        assert_eq!(probes.rtt(other), None);
    }

    #[test]
    fn a_dead_members_silence_is_no_loss() {
        let mut probes = Probes::default();
        for number in 0..100 {
            probes.sent(NodeId::new(1), number, at(u64::from(number) * 1000), |_| false);
        }
        assert!(probes.loss.estimate() < 0.01);
    }
}
