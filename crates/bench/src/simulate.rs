//! A scenario file simulated under each of its policies, as a table, as CSV and as a plot.

mod chart;
mod file;
pub(crate) mod numbers;
mod progress;
mod runs;
mod table;
pub(crate) mod trace;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

use anyhow::Context;
use clap::Args;

/// Simulates the scenario of a file under each of its policies.
#[derive(Debug, Args)]
pub struct Options {
    /// The scenario, as JSON; see docs/writing-a-policy.md
    file: PathBuf,
    /// Simulates these policies instead of the file's, each as Name or Name(parameter, parameter)
    #[arg(long = "policy", value_name = "POLICY", value_parser = file::policy)]
    policies: Vec<protocol::PolicySpec>,
    /// Writes each run as a line of CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Writes a plot
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Runs at a time; as many as there are cores where it is not given
    #[arg(long)]
    threads: Option<NonZeroUsize>,
}

/// Simulates, saves what is to be saved, and gives the table.
///
/// # Errors
/// What is wrong with the scenario, by file, key and value; or a file that cannot be written.
pub fn command(options: &Options) -> anyhow::Result<String> {
    let mut study = file::read(&options.file)?;
    if !options.policies.is_empty() {
        study.policies.clone_from(&options.policies);
    }
    let threads = options.threads.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let results = runs::all(&study, threads)?;
    if let Some(path) = &options.csv {
        write(path, table::csv(&results))?;
    }
    if let Some(path) = &options.svg {
        write(path, chart::svg(&study.title, &results))?;
    }
    Ok(table::text(&study, &results))
}

fn write(path: &PathBuf, text: String) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
