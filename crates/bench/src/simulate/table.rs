//! Results as text for people and as CSV for programs.

use std::fmt::Write;

use simulator::scheduling::Figures;

use super::file::Study;
use super::runs::Row;

/// A figure of a run: its name, its unit, and how many decimals say something.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) decimals: usize,
    pub(super) of: fn(&Figures) -> f64,
}

impl Column {
    const fn new(name: &'static str, unit: &'static str, decimals: usize, of: fn(&Figures) -> f64) -> Self {
        Self { name, unit, decimals, of }
    }
}

pub(super) const HIT: Column = Column::new("hit", "%", 1, |figures| 100.0 * figures.hit_part());
pub(super) const MEAN: Column = Column::new("mean", "ms", 1, |figures| 1e3 * figures.mean.as_secs_f64());
pub(super) const P99: Column = Column::new("p99", "ms", 1, |figures| 1e3 * figures.p99.as_secs_f64());
pub(super) const MESSAGES: Column = Column::new("messages", "a job", 2, Figures::messages_a_job);

/// The columns in order.
const COLUMNS: &[Column] = &[
    HIT,
    Column::new("drop", "%", 1, |figures| 100.0 * figures.drop_part()),
    MEAN,
    Column::new("p50", "ms", 1, |figures| 1e3 * figures.p50.as_secs_f64()),
    Column::new("p95", "ms", 1, |figures| 1e3 * figures.p95.as_secs_f64()),
    P99,
    Column::new("probes", "a job", 2, Figures::probes_a_job),
    Column::new("forwards", "a job", 2, Figures::forwards_a_job),
    MESSAGES,
    Column::new("fairness", "of hits", 3, |figures| figures.fairness),
    Column::new("balance", "of use", 3, |figures| figures.balance),
];

/// Mean over the seeds, and their standard deviation; none where there is one seed.
pub(super) fn spread(row: &Row, column: &Column) -> (f64, Option<f64>) {
    let values: Vec<f64> = row.runs.iter().map(|(_, figures)| (column.of)(figures)).collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()))
}

/// A Markdown table with a line on the scenario above it.
pub(super) fn text(study: &Study, rows: &[Row]) -> String {
    let heads = COLUMNS.iter().map(|column| format!("{} {}", column.name, column.unit));
    let mut lines = vec![std::iter::once("policy".to_owned()).chain(heads).collect::<Vec<_>>()];
    for row in rows {
        let cells = COLUMNS.iter().map(|column| cell(row, column));
        lines.push(std::iter::once(row.policy.to_string()).chain(cells).collect());
    }
    let scenario = &study.scenario;
    let jobs: usize = rows.iter().flat_map(|row| &row.runs).map(|(_, figures)| figures.jobs).sum();
    let runs: usize = rows.iter().map(|row| row.runs.len()).sum();
    format!(
        "{}\n{} nodes at {:.0} % of what they can do; {} jobs a run counted; {} +- standard deviation\n\n{}",
        study.title,
        scenario.hosts.len(),
        100.0 * scenario.utilisation(),
        jobs / runs.max(1),
        if study.seeds.len() == 1 {
            "1 seed".to_owned()
        } else {
            format!("mean of {} seeds", study.seeds.len())
        },
        aligned(&lines),
    )
}

fn cell(row: &Row, column: &Column) -> String {
    let (mean, deviation) = spread(row, column);
    let decimals = column.decimals;
    deviation.map_or_else(
        || format!("{mean:.decimals$}"),
        |deviation| format!("{mean:.decimals$} +-{deviation:.decimals$}"),
    )
}

fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        text.push_str(&format!("| {} |\n", cells.collect::<Vec<_>>().join(" | ")));
        if number == 0 {
            let rules = widths.iter().enumerate().map(|(column, &width)| match column {
                0 => "-".repeat(width + 2),
                _ => format!("{}:", "-".repeat(width + 1)),
            });
            text.push_str(&format!("|{}|\n", rules.collect::<Vec<_>>().join("|")));
        }
    }
    text.trim_end().to_owned()
}

/// One line a run, with all figures in full.
pub(super) fn csv(rows: &[Row]) -> String {
    let mut text = String::from("policy,seed,jobs");
    for column in COLUMNS {
        let unit = match column.unit {
            "%" => "percent",
            unit => unit,
        };
        // Writing to a string cannot fail.
        let _ = write!(text, ",{}_{}", column.name, unit.replace(' ', "_"));
    }
    text.push('\n');
    for row in rows {
        for (seed, figures) in &row.runs {
            let policy = row.policy.to_string().replace('"', "\"\"");
            let _ = write!(text, "\"{policy}\",{seed},{}", figures.jobs);
            for column in COLUMNS {
                let _ = write!(text, ",{}", (column.of)(figures));
            }
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use protocol::PolicySpec;

    use super::*;

    fn row(hits: &[usize]) -> Row {
        let policy = PolicySpec { name: "NoScheduler".to_owned(), parameters: vec!["true".to_owned()] };
        let figures = |&hits| (1, Figures { jobs: 100, hits, ..Figures::default() });
        Row { policy, runs: hits.iter().map(figures).collect() }
    }

    #[test]
    fn a_cell_shows_the_mean_and_its_spread_over_the_seeds() {
        assert_eq!(cell(&row(&[90]), &HIT), "90.0");
        assert_eq!(cell(&row(&[90, 92]), &HIT), "91.0 +-1.4");
    }

    #[test]
    fn a_table_lines_up() {
        let lines = [vec!["policy".to_owned(), "hit %".to_owned()], vec!["A".to_owned(), "9.0".to_owned()]];
        assert_eq!(aligned(&lines), "| policy | hit % |\n|--------|------:|\n| A      |   9.0 |");
    }

    #[test]
    fn csv_has_a_line_a_run_and_quotes_the_commas_of_a_policy() {
        let text = csv(&[row(&[90, 92])]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("policy,seed,jobs,hit_percent,drop_percent,mean_ms"), "{}", lines[0]);
        assert!(lines[2].starts_with("\"NoScheduler(true)\",1,100,92,"), "{}", lines[2]);
    }
}
