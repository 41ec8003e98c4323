//! What a learner is told of a node that a job could go to. The same numbers describe this node and any peer,
//! so that what is learned holds for nodes that come and go.

use std::time::Duration;

use protocol::Load;

use crate::{Peer, Report};

/// A node that a job could go to, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) load: Load,
    /// Running and waiting jobs, those sent since the last report included.
    pub(super) jobs: usize,
    pub(super) service_time: Option<Duration>,
    /// Round trip; none for this node, and for a peer whose round trip is not known yet.
    pub(super) network: Option<Duration>,
}

impl Place {
    /// A peer by what it just said.
    pub(super) fn reported(report: &Report, network: Option<Duration>) -> Self {
        Self {
            load: report.load,
            jobs: report.load.jobs(),
            service_time: report.service_time,
            network: Some(network.unwrap_or_default()),
        }
    }

    /// A peer by what it last said.
    pub(super) fn known(peer: &Peer) -> Self {
        Self { jobs: peer.jobs(), ..Self::reported(&peer.report, peer.rtt) }
    }
}

/// Loads and times beyond these are all alike: hopeless.
const LOAD_MAX: f64 = 2.5;
const WAIT_MAX: f64 = 2.0;
const TIME_MAX: f64 = 2.0;

/// The spread of a service time and of a wait, as parts of their means.
const SERVICE_SPREAD: f64 = 0.3;
const WAIT_SPREAD: f64 = 0.6;

/// A prediction within this part of the deadline counts as safe.
const SAFE: f64 = 0.9;

/// A job as its features tell of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task {
    /// The type of the task, 0 to 1.
    pub(super) kind: f64,
    /// The time that a job of this type takes over the time that one of any type takes, on whatever node.
    pub(super) length: f64,
    pub(super) deadline: Duration,
}

/// Nine numbers of about 0 to 2.5, with n jobs on K slots, service time s, that of the task's type t, deadline D
/// and the prediction `max(0, (n + 1 - K) / K) * s + t + network`: 1; whether it is a peer; the type of the task,
/// 0 to 1; n / K; the wait in service times; s / D; prediction / D; whether that is safely below 1; and the
/// probability that the deadline is met, for a normal distribution around the prediction.
pub(super) fn features(place: &Place, own_time: Option<Duration>, task: Task) -> Vec<f64> {
    let slots = place.load.slots.max(1) as f64;
    let jobs = place.jobs as f64;
    let turns = (jobs + 1.0 - slots) / slots;
    // A peer that has not run a job yet is taken to be as fast as this node.
    let service = place.service_time.or(own_time).unwrap_or_default().as_secs_f64();
    let wait = turns.max(0.0) * service;
    let takes = service * task.length;
    let predicted = wait + takes + place.network.unwrap_or_default().as_secs_f64();
    let deadline = task.deadline.as_secs_f64().max(f64::MIN_POSITIVE);
    let spread = (SERVICE_SPREAD * takes).hypot(WAIT_SPREAD * wait);
    let is_met = if spread > 0.0 {
        normal_distribution((deadline - predicted) / spread)
    } else {
        f64::from(u8::from(predicted <= deadline))
    };
    vec![
        1.0,
        f64::from(u8::from(place.network.is_some())),
        task.kind,
        (jobs / slots).min(LOAD_MAX),
        turns.clamp(0.0, WAIT_MAX),
        (service / deadline).min(TIME_MAX),
        (predicted / deadline).min(TIME_MAX),
        f64::from(u8::from(predicted < SAFE * deadline)),
        is_met,
    ]
}

/// The distribution function of the standard normal distribution, to within 0.0004 (Page, 1977).
fn normal_distribution(x: f64) -> f64 {
    let y = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
    0.5 * (1.0 + y.tanh())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(jobs: usize, network: Option<Duration>) -> Place {
        let load = Load { slots: 4, ..Load::default() };
        Place { load, jobs, service_time: Some(Duration::from_millis(100)), network }
    }

    fn task(deadline_ms: u64, kind: f64) -> Task {
        Task { kind, length: 1.0, deadline: Duration::from_millis(deadline_ms) }
    }

    #[test]
    fn an_idle_node_is_sure_to_be_in_time_and_a_crowded_one_is_not() {
        let of = |jobs| features(&place(jobs, None), None, task(200, 0.0));
        let idle = of(0);
        assert_eq!(idle[..8], [1.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.5, 1.0]);
        assert!(idle[8] > 0.99);
        let crowded = of(12);
        assert_eq!((crowded[3], crowded[4], crowded[6], crowded[7]), (2.5, 2.0, 1.625, 0.0));
        assert!(crowded[8] < 0.3, "{crowded:?}");
    }

    #[test]
    fn a_peer_is_marked_and_its_network_counts() {
        let far = Some(Duration::from_millis(100));
        let features = features(&place(0, far), None, task(400, 1.0));
        assert_eq!((features[1], features[2], features[6]), (1.0, 1.0, 0.5));
    }

    #[test]
    fn a_task_that_takes_longer_than_others_is_less_likely_to_be_in_time() {
        let of = |length| features(&place(6, None), None, Task { length, ..task(200, 0.0) });
        let (short, usual, long) = (of(0.5), of(1.0), of(1.5));
        assert_eq!([short[4], short[5]], [usual[4], usual[5]], "the wait is that for others");
        assert_eq!([short[6], usual[6], long[6]], [0.625, 0.875, 1.125]);
        assert!(short[8] > usual[8] && usual[8] > long[8]);
    }

    #[test]
    fn nothing_is_ever_infinite() {
        let unknown = Place { load: Load::default(), jobs: usize::MAX, service_time: None, network: None };
        for deadline in [Duration::ZERO, Duration::MAX] {
            for own in [None, Some(Duration::ZERO), Some(Duration::MAX)] {
                let features = features(&unknown, own, Task { deadline, ..task(0, 0.0) });
                assert!(features.iter().all(|feature| feature.is_finite()), "{features:?}");
            }
        }
    }

    #[test]
    fn the_normal_distribution_has_its_known_values() {
        for (x, wanted) in [(0.0, 0.5), (1.0, 0.841_345), (-1.96, 0.024_998), (3.0, 0.998_650)] {
            assert!((normal_distribution(x) - wanted).abs() < 4e-4, "{x}");
        }
    }
}
