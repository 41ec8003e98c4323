//! What a run comes to.

use std::time::Duration;

use simulator::scheduling::jain;

use super::call::{Call, End};
use super::file::Task;
use super::statistics::percentile;

/// The figures of the calls of a run that were made after its warm-up.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figures {
    /// Calls that were to be made.
    pub(super) calls: usize,
    /// Each of [`MEASURES`].
    pub(super) values: Vec<f64>,
    /// Calls that each node ran, of those answered with success.
    pub(super) ran: Vec<usize>,
}

/// A figure of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measure {
    /// In CSV, with its unit.
    pub(super) key: &'static str,
    /// In tables, with its unit.
    pub(super) name: &'static str,
    pub(super) decimals: usize,
}

const fn measure(key: &'static str, name: &'static str, decimals: usize) -> Measure {
    Measure { key, name, decimals }
}

/// All figures of a run, in the order of tables.
pub(super) const MEASURES: [Measure; 13] = [
    measure("hit_percent", "in time, %", 1),
    measure("throughput", "answers/s", 1),
    measure("goodput", "in time/s", 1),
    measure("mean_ms", "mean, ms", 0),
    measure("p50_ms", "p50, ms", 0),
    measure("p95_ms", "p95, ms", 0),
    measure("p99_ms", "p99, ms", 0),
    measure("rejected_percent", "rejected, %", 1),
    measure("failed_percent", "failed, %", 1),
    measure("forwarded_percent", "forwarded, %", 1),
    measure("fallback_percent", "fallback, %", 1),
    measure("fairness", "fairness", 3),
    measure("frames_a_call", "frames/call", 1),
];

/// Places of the figures that are looked at one by one.
pub(super) const HIT_PERCENT: usize = 0;
pub(super) const THROUGHPUT: usize = 1;
pub(super) const GOODPUT: usize = 2;
pub(super) const MEAN_MS: usize = 3;

/// What is known of a run besides its calls.
pub(super) struct Run<'a> {
    pub(super) tasks: &'a [Task],
    /// The id of each node, where it is known.
    pub(super) ids: &'a [Option<String>],
    pub(super) warm_up: Duration,
    pub(super) duration: Duration,
    /// Frames between the nodes, where they tell: in the whole run, in which the nodes answered all calls.
    pub(super) frames: Option<u64>,
}

impl Figures {
    /// The figures of these calls.
    pub(super) fn of(all: &[Call], run: &Run<'_>) -> Self {
        let counted: Vec<&Call> = all.iter().filter(|call| call.planned.at >= run.warm_up).collect();
        let is_hit = |call: &&&Call| call.is_hit(run.tasks[call.planned.task].deadline);
        let hits = counted.iter().filter(is_hit).count();
        let answered: Vec<&Call> = counted.iter().copied().filter(|call| call.succeeded()).collect();
        let mut latencies: Vec<f64> = answered.iter().map(|call| call.latency_ms()).collect();
        latencies.sort_by(f64::total_cmp);
        let seconds = (run.duration - run.warm_up).as_secs_f64();
        let percent = |some: usize| 100.0 * some as f64 / counted.len().max(1) as f64;
        let count = |wanted: fn(&Call) -> bool| counted.iter().filter(|call| wanted(call)).count();
        let at = |part| percentile(&latencies, part).unwrap_or(f64::NAN);
        let rejected = count(|call| matches!(call.end, End::Answered(503 | 504)));
        let by_node = (0..run.ids.len()).filter_map(|node| {
            let own: Vec<&&Call> = counted.iter().filter(|call| call.planned.node == node).collect();
            let hits = own.iter().filter(|call| is_hit(call)).count();
            (!own.is_empty()).then(|| hits as f64 / own.len() as f64)
        });
        let values = vec![
            percent(hits),
            answered.len() as f64 / seconds,
            hits as f64 / seconds,
            latencies.iter().sum::<f64>() / latencies.len() as f64,
            at(0.5),
            at(0.95),
            at(0.99),
            percent(rejected),
            percent(counted.len() - answered.len() - rejected),
            percent(count(|call| call.route.hops > 0)),
            percent(count(|call| call.route.fallback.is_some())),
            jain(&by_node.collect::<Vec<_>>()),
            run.frames.map_or(f64::NAN, |frames| frames as f64 / all.len().max(1) as f64),
        ];
        Self { calls: counted.len(), values, ran: ran(&answered, run.ids) }
    }
}

/// The place of the node that ran a call; none where it says an id that is not known.
pub(super) fn ran_on(call: &Call, ids: &[Option<String>]) -> Option<usize> {
    match &call.route.last {
        None => Some(call.planned.node),
        Some(last) => ids.iter().position(|id| id.as_ref() == Some(last)),
    }
}

fn ran(answered: &[&Call], ids: &[Option<String>]) -> Vec<usize> {
    let mut ran = vec![0; ids.len()];
    for node in answered.iter().filter_map(|call| ran_on(call, ids)) {
        ran[node] += 1;
    }
    ran
}

#[cfg(test)]
mod tests {
    use super::super::call::{Planned, Route};
    use super::*;

    fn call(at: u64, node: usize, end: End, ms: u64, route: Route) -> Call {
        let planned = Planned { at: Duration::from_secs(at), node, task: 0, seed: 0 };
        Call { planned, end, latency: Duration::from_millis(ms), route }
    }

    #[test]
    fn figures_are_of_the_calls_after_the_warm_up() {
        let deadline = Some(Duration::from_millis(100));
        let task = Task {
            share: 1.0,
            deadline,
            tells_deadline: false,
            query: String::new(),
            body: String::new(),
            cpu: None,
        };
        let there = Route { hops: 1, last: Some("b".to_owned()), fallback: Some("shadow".to_owned()) };
        let calls = [
            call(0, 0, End::Answered(200), 9_000, Route::default()),
            call(1, 0, End::Answered(200), 50, Route::default()),
            call(2, 0, End::Answered(200), 150, there),
            call(3, 1, End::Answered(503), 1, Route::default()),
            call(4, 1, End::TimedOut, 30_000, Route::default()),
        ];
        let run = Run {
            tasks: &[task],
            ids: &[Some("a".to_owned()), Some("b".to_owned())],
            warm_up: Duration::from_secs(1),
            duration: Duration::from_secs(5),
            frames: Some(20),
        };
        let figures = Figures::of(&calls, &run);
        assert_eq!(figures.calls, 4);
        let expected = [25.0, 0.5, 0.25, 100.0, 50.0, 150.0, 150.0, 25.0, 25.0, 25.0, 25.0, 0.5, 4.0];
        assert_eq!(figures.values, expected);
        assert_eq!(figures.ran, [1, 1]);
        let keys = [HIT_PERCENT, THROUGHPUT, GOODPUT, MEAN_MS].map(|place| MEASURES[place].key);
        assert_eq!(keys, ["hit_percent", "throughput", "goodput", "mean_ms"]);
    }

    #[test]
    fn a_run_without_answers_has_no_latency() {
        let run = Run {
            tasks: &[],
            ids: &[],
            warm_up: Duration::ZERO,
            duration: Duration::from_secs(1),
            frames: None,
        };
        let figures = Figures::of(&[], &run);
        assert_eq!((figures.calls, figures.values[HIT_PERCENT]), (0, 0.0));
        assert!(figures.values[MEAN_MS].is_nan());
    }
}
