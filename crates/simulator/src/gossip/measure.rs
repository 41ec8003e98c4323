//! One measurement each: a cluster is made, disturbed, and watched.

use std::time::Duration;

use protocol::nodes::NodeLoad;

use super::cluster::{Cluster, ClusterOptions, Sight};

/// A cluster that is not complete after this time counts as one that never is.
const START_WITHIN: Duration = Duration::from_secs(120);
/// After its start a cluster runs for so long before it is disturbed: joins have been passed on.
const CALM: Duration = Duration::from_secs(20);
/// Under loss the estimate of the loss has to settle too.
const CALM_UNDER_LOSS: Duration = Duration::from_secs(60);

/// Times of one kind, sorted.
#[derive(Debug, Clone, Default)]
pub(super) struct Times {
    sorted: Vec<Duration>,
    /// Those that never came.
    pub(super) missing: usize,
}

impl Times {
    pub(super) fn new(mut times: Vec<Duration>, missing: usize) -> Self {
        times.sort_unstable();
        Self { sorted: times, missing }
    }

    /// The time within which this part of all came; `None` if fewer did.
    pub(super) fn quantile(&self, part: f64) -> Option<Duration> {
        let all = self.sorted.len() + self.missing;
        let rank = (part * all as f64).ceil().max(1.0) as usize;
        self.sorted.get(rank - 1).copied()
    }
}

/// From nothing until every node knows every other.
pub(super) fn cold_start(options: &ClusterOptions) -> Option<Duration> {
    Cluster::start(options.clone()).run_until(START_WITHIN, Cluster::is_complete)
}

/// A cluster in which nothing has happened for a while.
pub(super) fn calm(options: &ClusterOptions) -> Cluster {
    let mut cluster = Cluster::start(options.clone());
    cluster.run_until(START_WITHIN, Cluster::is_complete);
    cluster.run(if options.conditions.loss > 0.0 { CALM_UNDER_LOSS } else { CALM });
    cluster
}

/// How long it takes until the last node knows of a death, for each of so many deaths.
pub(super) fn kills(options: &ClusterOptions, count: usize) -> Times {
    disappearances(options, count, Duration::from_secs(40), Cluster::kill)
}

/// How long it takes until the last node knows that a node left, for each of so many.
pub(super) fn leaves(options: &ClusterOptions, count: usize) -> Times {
    disappearances(options, count, Duration::from_secs(10), Cluster::leave)
}

fn disappearances(
    options: &ClusterOptions,
    count: usize,
    within: Duration,
    disappear: impl Fn(&mut Cluster, usize),
) -> Times {
    let mut cluster = calm(options);
    let (mut times, mut missing) = (vec![], 0);
    for victim in 1..=count {
        cluster.watch(victim, Sight::Gone);
        disappear(&mut cluster, victim);
        let end = cluster.now() + within;
        cluster.run_until(end, |cluster| cluster.sightings_missing() == 0);
        match cluster.sightings().iter().max() {
            Some(last) if cluster.sightings_missing() == 0 => times.push(*last),
            _ => missing += 1,
        }
    }
    Times::new(times, missing)
}

/// What a calm cluster sends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steady {
    pub(super) bytes_per_s: f64,
    /// Part of the pairs that know each other, at the worst moment.
    pub(super) completeness_min: f64,
    pub(super) false_deaths: u64,
    pub(super) rejoins: u64,
}

/// Leaves a cluster alone for `span`, and looks at it every second.
pub(super) fn steady(options: &ClusterOptions, span: Duration) -> Steady {
    let mut cluster = calm(options);
    let sent = |cluster: &Cluster| {
        cluster.total(|counters| counters.datagram_bytes_sent + counters.stream_bytes_sent)
    };
    let (before, rejoins, deaths) =
        (sent(&cluster), cluster.total(|counters| counters.rejoins), cluster.false_deaths());
    let mut completeness_min: f64 = 1.0;
    for _ in 0..span.as_secs() {
        cluster.run(Duration::from_secs(1));
        completeness_min = completeness_min.min(cluster.completeness());
    }
    Steady {
        bytes_per_s: (sent(&cluster) - before) as f64 / span.as_secs_f64() / options.nodes as f64,
        completeness_min,
        false_deaths: cluster.false_deaths() - deaths,
        rejoins: cluster.total(|counters| counters.rejoins) - rejoins,
    }
}

/// How long an update of a record takes to each other node, over so many updates.
pub(super) fn record_updates(options: &ClusterOptions, count: u32) -> Times {
    let mut cluster = calm(options);
    let (mut times, mut missing) = (vec![], 0);
    for update in 1..=count {
        let owner = update as usize % options.nodes;
        let load = NodeLoad { running: update * 100, ..NodeLoad::default() };
        cluster.act(owner, |core, now| core.set_load(load, None, now));
        let id = cluster.id(owner);
        let stamp = cluster.core(owner).and_then(|core| core.record_stamp(id)).unwrap_or_default();
        cluster.watch(owner, Sight::Record((stamp.0, stamp.1 + 1)));
        let end = cluster.now() + Duration::from_secs(40);
        cluster.run_until(end, |cluster| cluster.sightings_missing() == 0);
        times.extend(cluster.sightings());
        missing += cluster.sightings_missing();
        cluster.run(Duration::from_secs(1));
    }
    Times::new(times, missing)
}

/// How long after a partition's end 99% and all of the pairs know each other again.
pub(super) fn partition(options: &ClusterOptions, span: Duration) -> (Option<Duration>, Option<Duration>) {
    let mut cluster = calm(options);
    cluster.set_cut(true);
    cluster.run(span);
    cluster.set_cut(false);
    let healed = cluster.now();
    let end = healed + Duration::from_secs(120);
    let most = cluster.run_until(end, |cluster| cluster.completeness() >= 0.99);
    let all = cluster.run_until(end, Cluster::is_complete);
    (most.map(|at| at - healed), all.map(|at| at - healed))
}

/// Stalls a tenth of the nodes for 4 s of every 15 s; what is wrong with that is false deaths and rejoins.
pub(super) fn stalls(options: &ClusterOptions, span: Duration) -> (u64, u64) {
    const EVERY: Duration = Duration::from_secs(15);
    const STALL: Duration = Duration::from_secs(4);
    let mut cluster = calm(options);
    let before = (cluster.false_deaths(), cluster.total(|counters| counters.rejoins));
    let stalled = options.nodes / 10;
    // Not all at one moment: each has its own within the period.
    let step = EVERY / stalled.max(1) as u32;
    let end = cluster.now() + span;
    let mut host = 0;
    while cluster.now() < end {
        cluster.stall(host % stalled.max(1), STALL);
        host += 1;
        cluster.run(step);
    }
    cluster.run(EVERY);
    (cluster.false_deaths() - before.0, cluster.total(|counters| counters.rejoins) - before.1)
}

/// The trace of a run with everything in it.
pub(super) fn trace(options: &ClusterOptions, span: Duration) -> u64 {
    let mut cluster = Cluster::start(options.clone());
    cluster.run(span / 2);
    cluster.kill(options.nodes - 1);
    cluster.run(span / 2);
    cluster.trace()
}
