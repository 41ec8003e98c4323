//! The folder that everything is written to.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::call::Call;
use super::figures::{MEASURES, ran_on};
use super::file::Experiment;
use super::results::{RATIOS, Row, Run};
use super::statistics::Estimate;

/// A folder with the calls in it; the rest follows at the end.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    calls: BufWriter<File>,
}

impl Folder {
    /// Makes the folder, in which nothing may be, and puts the experiment file there.
    ///
    /// # Errors
    /// When it cannot be made, or there is something in it.
    pub(super) fn create(path: &Path, experiment: &str) -> anyhow::Result<Self> {
        let make = || -> anyhow::Result<BufWriter<File>> {
            fs::create_dir_all(path)?;
            anyhow::ensure!(fs::read_dir(path)?.next().is_none(), "there is something in it");
            fs::write(path.join("experiment.json"), experiment)?;
            let mut calls = BufWriter::new(File::create(path.join("calls.csv"))?);
            writeln!(calls, "policy,seed,at_s,client_of,task,end,latency_ms,in_time,hops,ran_on,fallback")?;
            Ok(calls)
        };
        let calls = make().with_context(|| format!("cannot use the folder {}", path.display()))?;
        Ok(Self { path: path.to_owned(), calls })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends the calls of a run.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn append(
        &mut self,
        experiment: &Experiment,
        ids: &[Option<String>],
        (contestant, seed): (usize, u64),
        calls: &[Call],
    ) -> anyhow::Result<()> {
        let policy = quoted(&experiment.contestants[contestant].name);
        for call in calls {
            let deadline = experiment.tasks[call.planned.task].deadline;
            let ran_on = ran_on(call, ids).filter(|_| call.succeeded());
            writeln!(
                self.calls,
                "{policy},{seed},{:.6},{},{},{},{:.3},{},{},{},{}",
                call.planned.at.as_secs_f64(),
                quoted(&experiment.names[call.planned.node]),
                call.planned.task,
                call.end.text(),
                call.latency_ms(),
                u8::from(call.is_hit(deadline)),
                call.route.hops,
                quoted(ran_on.map_or("", |node| &experiment.names[node])),
                quoted(call.route.fallback.as_deref().unwrap_or_default()),
            )
            .context("cannot write calls.csv")?;
        }
        self.calls.flush().context("cannot write calls.csv")
    }

    /// Writes a file of this name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// One line a run.
pub(super) fn runs_csv(experiment: &Experiment, runs: &[Run]) -> String {
    let keys: Vec<&str> = MEASURES.iter().map(|measure| measure.key).collect();
    let mut text = format!("policy,seed,load_average,calls,{}\n", keys.join(","));
    for run in runs {
        let values: Vec<String> = run.figures.values.iter().map(|value| number(*value)).collect();
        let _ = writeln!(
            text,
            "{},{},{},{},{}",
            quoted(&experiment.contestants[run.contestant].name),
            run.seed,
            run.load_average.map(number).unwrap_or_default(),
            run.figures.calls,
            values.join(",")
        );
    }
    text
}

/// One line a policy: each figure with the half of its confidence interval.
pub(super) fn summary_csv(experiment: &Experiment, rows: &[Row]) -> String {
    let keys = MEASURES.iter().map(|measure| measure.key).chain(RATIOS.iter().map(|ratio| ratio.key));
    let columns: Vec<String> = keys.map(|key| format!("{key},{key}_half_width")).collect();
    let mut text = format!("policy,{}\n", columns.join(","));
    for row in rows {
        let estimates = row.estimates.iter().chain(&row.ratios);
        let cells: Vec<String> = estimates.map(|estimate| pair(*estimate)).collect();
        let name = quoted(&experiment.contestants[row.contestant].name);
        let _ = writeln!(text, "{name},{}", cells.join(","));
    }
    text
}

fn pair(estimate: Option<Estimate>) -> String {
    let Some(Estimate { mean, half_width }) = estimate else {
        return ",".to_owned();
    };
    format!("{},{}", number(mean), half_width.map(number).unwrap_or_default())
}

/// Empty for what is not known.
fn number(value: f64) -> String {
    if value.is_finite() { format!("{value:.4}") } else { String::new() }
}

/// A text as RFC 4180 has it.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_commas_and_quotes_are_quoted() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("A(1, 2)"), "\"A(1, 2)\"");
        assert_eq!(quoted("say \"no\""), "\"say \"\"no\"\"\"");
    }

    #[test]
    fn what_is_not_known_is_empty() {
        assert_eq!(pair(None), ",");
        assert_eq!(pair(Some(Estimate { mean: 0.5, half_width: None })), "0.5000,");
        assert_eq!(number(f64::NAN), "");
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        Folder::create(&path, "{}").unwrap();
        let error = Folder::create(&path, "{}").unwrap_err();
        assert!(format!("{error:#}").contains("there is something in it"), "{error:#}");
    }
}
