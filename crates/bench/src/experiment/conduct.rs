//! One run after the other.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::call::Call;
use super::cluster::Cluster;
use super::drive::Driver;
use super::figures::{self, Figures, HIT_PERCENT, MEAN_MS};
use super::file::Experiment;
use super::folder::Folder;
use super::progress::Progress;
use super::results::Run;
use super::traffic;

/// Makes all runs, seed by seed, or as many as there are until `stop` is cancelled. Each is appended to `runs`
/// and to the folder; of one that is broken off, its calls are in the folder only.
///
/// # Errors
/// When a node refuses a policy, does not become idle, or the folder cannot be written.
pub(super) async fn all(
    experiment: &Experiment,
    cluster: &Cluster,
    folder: &mut Folder,
    progress: &mut Progress,
    stop: &CancellationToken,
    runs: &mut Vec<Run>,
) -> anyhow::Result<()> {
    let driver = Driver::new(
        cluster.client().clone(),
        cluster.functions(experiment.function.as_str()),
        Arc::clone(&experiment.tasks),
        experiment.outstanding_max,
        experiment.timeout,
    );
    for (contestant, seed) in turns(experiment.contestants.len(), &experiment.seeds) {
        if stop.is_cancelled() {
            return Ok(());
        }
        progress.begin();
        let (run, calls) = one(experiment, cluster, &driver, progress, stop, (contestant, seed)).await?;
        folder.append(experiment, cluster.ids(), (contestant, seed), &calls)?;
        let Some(mut run) = run else { return Ok(()) };
        let figures = &run.figures.values;
        let how = format!("{:.1} % in time, mean {:.0} ms", figures[HIT_PERCENT], figures[MEAN_MS]);
        progress.end(&name(experiment, contestant, seed), &how);
        run.calls = calls;
        runs.push(run);
    }
    Ok(())
}

/// The policies under each seed, another one first each time: what changes on the machine in the course of time
/// does not always hit the same one.
fn turns(contestants: usize, seeds: &[u64]) -> impl Iterator<Item = (usize, u64)> {
    seeds.iter().enumerate().flat_map(move |(round, seed)| {
        (0..contestants).map(move |place| ((place + round) % contestants, *seed))
    })
}

/// A run and its calls; only those that ended, and no run, where it is broken off.
async fn one(
    experiment: &Experiment,
    cluster: &Cluster,
    driver: &Driver,
    progress: &Progress,
    stop: &CancellationToken,
    (contestant, seed): (usize, u64),
) -> anyhow::Result<(Option<Run>, Vec<Call>)> {
    let load_average = load_average();
    cluster.install(&experiment.contestants[contestant]).await?;
    let shares: Vec<f64> = experiment.tasks.iter().map(|task| task.share).collect();
    let plan = traffic::plan(&experiment.arrivals, &shares, experiment.duration, seed);
    let before = cluster.frames().await;
    let name = name(experiment, contestant, seed);
    let calls = driver
        .drive(&plan, stop, |elapsed, calls| {
            let hits =
                calls.iter().filter(|call| call.is_hit(experiment.tasks[call.planned.task].deadline)).count();
            let percent = 100.0 * hits as f64 / calls.len().max(1) as f64;
            progress.show(&name, &format!("{} s, {percent:.0} % in time", elapsed.as_secs()));
        })
        .await;
    if stop.is_cancelled() {
        return Ok((None, calls));
    }
    cluster.until_idle().await?;
    let after = cluster.frames().await;
    let figures = Figures::of(
        &calls,
        &figures::Run {
            tasks: &experiment.tasks,
            ids: cluster.ids(),
            warm_up: experiment.warm_up,
            duration: experiment.duration,
            frames: after.zip(before).map(|(after, before)| after.saturating_sub(before)),
        },
    );
    Ok((Some(Run { contestant, seed, load_average, figures, calls: Vec::new() }), calls))
}

fn name(experiment: &Experiment, contestant: usize, seed: u64) -> String {
    format!("{} with seed {seed}", experiment.contestants[contestant].name)
}

/// Tasks that ran or wanted to, in the mean of about the last minute.
fn load_average() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_meets_every_seed_and_another_one_is_first_each_time() {
        let turns: Vec<_> = turns(3, &[7, 8]).collect();
        assert_eq!(turns, [(0, 7), (1, 7), (2, 7), (1, 8), (2, 8), (0, 8)]);
    }
}
