//! Every policy with every seed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use protocol::PolicySpec;
use simulator::scheduling::{Everywhere, Figures, simulate_everywhere};

use super::file::Study;
use super::progress::Progress;

/// What came of one policy.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) policy: PolicySpec,
    /// Seeds with their figures, in the order of the study.
    pub(super) runs: Vec<(u64, Figures)>,
}

/// Simulates all, so many at a time.
///
/// # Errors
/// A policy cannot be built.
pub(super) fn all(study: &Study, threads: usize) -> anyhow::Result<Vec<Row>> {
    let seeds = &study.seeds;
    let runs = study.policies.len() * seeds.len();
    let progress = Progress::new(runs);
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..threads.min(runs) {
            scope.spawn(|| {
                loop {
                    let run = next.fetch_add(1, Ordering::Relaxed);
                    if run >= runs {
                        break;
                    }
                    let (policy, seed) = (&study.policies[run / seeds.len()], seeds[run % seeds.len()]);
                    let mut watch = |part| progress.set(run, part);
                    let everywhere = Everywhere { policy, learner: study.learner.as_ref() };
                    let figures = simulate_everywhere(&study.scenario, everywhere, seed, &mut watch);
                    progress.set(run, 1.0);
                    results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((run, figures));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_unstable_by_key(|(run, _)| *run);
    let mut rows: Vec<Row> =
        study.policies.iter().map(|policy| Row { policy: policy.clone(), runs: Vec::new() }).collect();
    for (run, figures) in results {
        rows[run / seeds.len()].runs.push((seeds[run % seeds.len()], figures?));
    }
    Ok(rows)
}
