//! `p2pfaas-bench experiment`: policies compared on a real cluster under the same open-loop traffic.
//!
//! The file says where, what is sent, and what is compared. Under each seed every policy gets the same calls, so
//! that they are compared call by call; the policies take turns in who comes first. What was measured is written
//! as it comes, and stays also where the experiment is stopped.

mod call;
mod cluster;
mod conduct;
mod containers;
mod docker;
mod drive;
mod figures;
mod file;
mod folder;
mod plots;
mod progress;
mod report;
mod results;
mod statistics;
mod traffic;

use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use anyhow::{Context, anyhow};
use reqwest::Client;
use tokio_util::sync::CancellationToken;

use self::cluster::Cluster;
use self::file::Experiment;
use self::folder::Folder;
use self::progress::Progress;
use self::report::Circumstances;
use self::results::Run;
use crate::machine::Machine;
use crate::open_files;

/// Arguments of `experiment`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The experiment, as JSON; see docs/experiments.md
    file: PathBuf,
    /// Where to write tables, plots and calls; a folder that is empty or not there yet
    /// [default: results/NAME-OF-THE-FILE-TIME]
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

/// Measures, writes everything into a folder, and gives the page with the tables and the name of the folder.
///
/// Where `stop` is cancelled the runs that are complete are evaluated, and what was started is removed as ever.
///
/// # Errors
/// What is wrong with the file, by its key and value; a cluster that does not come to stand; a folder that cannot
/// be written; or that it was stopped before a run was complete.
pub async fn command(options: &Options, stop: &CancellationToken) -> anyhow::Result<String> {
    let (experiment, text) = Experiment::read(&options.file)?;
    open_files::allow(experiment.outstanding_max)?;
    let (began, clock) = (SystemTime::now(), Instant::now());
    let machine = Machine::here();
    let path = options.output.clone().unwrap_or_else(|| folder_of(&options.file, began));
    let mut folder = Folder::create(&path, &text)?;
    let runs_planned = experiment.contestants.len() * experiment.seeds.len();
    let mut progress = Progress::new(runs_planned, experiment.duration);
    let mut runs = Vec::new();
    let measured = measure(&experiment, &mut folder, &mut progress, stop, &mut runs).await;
    drop(progress);
    if runs.is_empty() {
        return Err(measured.err().unwrap_or_else(|| anyhow!("stopped before a run was complete")));
    }
    let around = Circumstances { machine, began, took: clock.elapsed(), runs_planned };
    let page = write(&experiment, &folder, &around, &runs)?;
    // What was measured is written before it is said what went wrong.
    measured?;
    Ok(format!("{page}\nWritten to {}", folder.path().display()))
}

/// Brings the cluster up, makes the runs, and clears it away, whatever happened.
async fn measure(
    experiment: &Experiment,
    folder: &mut Folder,
    progress: &mut Progress,
    stop: &CancellationToken,
    runs: &mut Vec<Run>,
) -> anyhow::Result<()> {
    // The proxies of the environment lead out of here, and the cluster is here.
    let client = Client::builder().no_proxy().build().context("cannot make a client")?;
    progress.say("waiting until the cluster stands ...");
    let cluster = Cluster::open(experiment, client, stop).await?;
    let conducted = conduct::all(experiment, &cluster, folder, progress, stop, runs).await;
    progress.say("clearing up ...");
    let closed = cluster.close().await;
    conducted.and(closed)
}

fn write(
    experiment: &Experiment,
    folder: &Folder,
    around: &Circumstances,
    runs: &[Run],
) -> anyhow::Result<String> {
    let rows = results::rows(runs, experiment.contestants.len(), experiment.baseline);
    let page = report::markdown(experiment, around, runs, &rows);
    folder.write("runs.csv", &folder::runs_csv(experiment, runs))?;
    folder.write("summary.csv", &folder::summary_csv(experiment, &rows))?;
    folder.write("comparison.svg", &plots::comparison(experiment, &rows))?;
    folder.write("latency.svg", &plots::latency(experiment, runs))?;
    folder.write("learning.svg", &plots::learning(experiment, runs))?;
    folder.write("report.md", &page)?;
    Ok(page)
}

/// A folder that names the file and the time, so that no result is ever written over.
fn folder_of(file: &Path, began: SystemTime) -> PathBuf {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let time = humantime::format_rfc3339_seconds(began).to_string().replace(':', "");
    Path::new("results").join(format!("{name}-{time}"))
}
