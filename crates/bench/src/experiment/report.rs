//! The page that tells what was measured, on what, how to repeat it, and what came of it.

mod tables;

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use super::file::{Experiment, Site};
use super::results::{Row, Run};
use crate::machine::Machine;

/// What is told beside the experiment and its results.
pub(super) struct Circumstances {
    pub(super) machine: Machine,
    pub(super) began: SystemTime,
    pub(super) took: Duration,
    /// Runs that were planned; fewer are there if it was stopped.
    pub(super) runs_planned: usize,
}

/// The page, in Markdown.
pub(super) fn markdown(
    experiment: &Experiment,
    around: &Circumstances,
    runs: &[Run],
    rows: &[Row],
) -> String {
    let mut page = format!("# {}\n\n", experiment.title);
    // Here and below: writing to a string cannot fail.
    let _ = writeln!(page, "{}\n", circumstances(around, runs));
    let _ = writeln!(page, "## Set-up\n\n{}\n{}", tables::nodes(experiment), traffic(experiment));
    let _ = writeln!(page, "{}", tables::policies(experiment));
    let calls = runs.iter().map(|run| run.figures.calls).min().unwrap_or_default();
    let _ = writeln!(
        page,
        "## Results\n\nThe mean of {} each, with the half of its 95 % confidence interval (Student's t); at \
         least {calls} calls a run after the warm-up. Latency is that of the answers with success.\n\n{}",
        runs_each(runs),
        tables::results(experiment, rows)
    );
    if rows.iter().any(|row| row.ratios.iter().any(Option::is_some)) {
        let baseline = &experiment.contestants[experiment.baseline].name;
        let _ = writeln!(
            page,
            "## Against {baseline}\n\nEach figure divided by that of {baseline} in the run with the same seed, and \
             so with the same calls.\n\n{}",
            tables::ratios(experiment, rows)
        );
    }
    let _ = writeln!(
        page,
        "## Where calls ran\n\nPer cent of the answers with success.\n\n{}",
        tables::ran(experiment, rows)
    );
    page.push_str(PICTURES);
    page.push_str(AGAIN);
    page
}

const PICTURES: &str = "## Pictures\n\n![Comparison](comparison.svg)\n\n![Latency](latency.svg)\n\n\
                        ![Learning curve](learning.svg)\n\n";

const AGAIN: &str = "## Again\n\n`p2pfaas-bench experiment experiment.json` with the file beside this page. `calls.csv` \
                     holds each call, `runs.csv` the figures of each run, and `summary.csv` those of each policy.\n";

fn circumstances(around: &Circumstances, runs: &[Run]) -> String {
    let began = humantime::format_rfc3339_seconds(around.began);
    let took = humantime::format_duration(Duration::from_secs(around.took.as_secs()));
    let mut text = format!("Measured at {began}, in {took}, on {}.", around.machine);
    let averages = || runs.iter().filter_map(|run| run.load_average);
    if let (Some(low), Some(high)) = (averages().reduce(f64::min), averages().reduce(f64::max)) {
        let _ = write!(
            text,
            " Before each run the machine's load average of the last minute was {low:.1} to {high:.1}, that of the \
             runs before included."
        );
    }
    if runs.len() < around.runs_planned {
        let _ = write!(text, " It was stopped after {} of {} runs.", runs.len(), around.runs_planned);
    }
    text
}

fn traffic(experiment: &Experiment) -> String {
    let profile = experiment.arrivals.iter().any(|arrivals| arrivals.profile.is_some());
    let mut text = format!(
        "- Open loop, {}, {:.1} calls a second in all",
        if profile { "Poisson with rates that follow a trace" } else { "Poisson" },
        experiment.rate()
    );
    if let Some(load) = experiment.load() {
        let _ = write!(text, ": {:.0} % of what the functions can do", 100.0 * load);
    }
    let _ = writeln!(
        text,
        ". {} s a run, of which the first {} s do not count; seeds {}.",
        experiment.duration.as_secs_f64(),
        experiment.warm_up.as_secs_f64(),
        experiment.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
    );
    for (kind, task) in experiment.tasks.iter().enumerate() {
        let deadline = match task.deadline {
            None => "no deadline".to_owned(),
            Some(deadline) if task.tells_deadline => {
                format!("a deadline of {} ms that the nodes are told", deadline.as_millis())
            }
            Some(deadline) => {
                format!(
                    "a deadline of {} ms that is measured and the nodes are not told",
                    deadline.as_millis()
                )
            }
        };
        let what = if task.query.is_empty() { String::new() } else { format!("?{}", task.query) };
        let _ = write!(text, "- Task {kind}: `{}{what}`, {deadline}", experiment.function);
        if let Some(cpu) = task.cpu {
            let _ = write!(text, ", {} ms of the processor in the mean", cpu.as_secs_f64() * 1e3);
        }
        let _ = writeln!(text, ".");
    }
    if let Site::Containers(containers) = &experiment.site {
        let _ = writeln!(
            text,
            "- The functions may use {:.2} cores together, dealt out each {} ms.",
            containers.cpus(),
            containers.cpu_period.as_millis()
        );
    }
    text
}

fn runs_each(runs: &[Run]) -> String {
    let mut counts: Vec<usize> = Vec::new();
    for run in runs {
        counts.resize(counts.len().max(run.contestant + 1), 0);
        counts[run.contestant] += 1;
    }
    let counts: Vec<usize> = counts.into_iter().filter(|count| *count > 0).collect();
    match (counts.iter().min(), counts.iter().max()) {
        (Some(1), Some(1)) => "1 run".to_owned(),
        (Some(min), Some(max)) if min == max => format!("{min} runs"),
        (Some(min), Some(max)) => format!("{min} to {max} runs"),
        _ => "no runs".to_owned(),
    }
}
