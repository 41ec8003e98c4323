//! The goals of the gossip beside what a cluster reaches: a simulated one, or one of real processes.

mod node;
mod processes;

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use simulator::gossip::{GoalsOptions, Measure, Row, goals};

/// Simulates clusters of these sizes at these losses, or starts so many processes.
#[derive(Debug, Args)]
pub struct Options {
    /// Nodes of the clusters; a row of 1,024 takes minutes
    #[arg(long, value_delimiter = ',', default_value = "64")]
    sizes: Vec<usize>,
    /// Parts of the datagrams that are lost, 0 to 0.9
    #[arg(long, value_delimiter = ',', default_value = "0,0.1,0.3", value_parser = parse_loss)]
    losses: Vec<f64>,
    /// What is measured, instead of everything
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(Measure::ALL.map(Measure::name)))]
    measures: Vec<String>,
    /// Everything that is random follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Start so many discoveries on this machine instead, and measure them
    #[arg(long, value_name = "NODES", value_parser = clap::value_parser!(u16).range(3..=512), conflicts_with_all = ["sizes", "losses", "measures", "seed"])]
    processes: Option<u16>,
    /// Of these, how many die one after the other
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(0..=100), requires = "processes")]
    kills: u16,
    /// The folder of the binaries, instead of this program's own
    #[arg(long, value_name = "FOLDER")]
    bin_dir: Option<PathBuf>,
}

/// Above it hardly a datagram arrives, and nothing of what is measured would ever happen.
const LOSS_MAX: f64 = 0.9;

fn parse_loss(text: &str) -> Result<f64, String> {
    let loss: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if (0.0..=LOSS_MAX).contains(&loss) { Ok(loss) } else { Err(format!("a loss is from 0 to {LOSS_MAX}")) }
}

/// Measures goal by goal, and hands each line of a Markdown table to `print` as it is known.
///
/// # Errors
/// Real processes cannot be started, or do not come together.
pub async fn command(options: &Options, print: impl Fn(&str)) -> anyhow::Result<()> {
    let Some(count) = options.processes else {
        simulate(options, print);
        return Ok(());
    };
    let binary = crate::process::binary("p2pfaas-discovery", options.bin_dir.as_deref())?;
    // Two at least are left to see the last one die.
    let kills = options.kills.min(count - 2);
    processes::measure(&binary, count.into(), kills.into(), print).await
}

fn simulate(options: &Options, print: impl Fn(&str)) {
    print("| nodes | loss | goal | target | measured |         |");
    print("|------:|-----:|------|-------:|---------:|---------|");
    let is_wanted = |measure: &Measure| {
        options.measures.is_empty() || options.measures.iter().any(|name| name == measure.name())
    };
    let options = GoalsOptions {
        measures: Measure::ALL.into_iter().filter(is_wanted).collect(),
        sizes: options.sizes.clone(),
        losses: options.losses.clone(),
        seed: options.seed,
        ..GoalsOptions::default()
    };
    goals(&options, |row| print(&line(row)));
}

fn line(row: &Row) -> String {
    let verdict = match row.met {
        Some(true) => "met",
        Some(false) => "missed",
        None => "",
    };
    format!("| {} | {} | {} | {} | {} | {verdict} |", row.nodes, row.loss, row.goal, row.target, row.measured)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_a_part() {
        assert_eq!(parse_loss("0.3"), Ok(0.3));
        for text in ["1", "-0.1", "NaN", "a third"] {
            assert!(parse_loss(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_row_shows_target_and_measured_side_by_side() {
        let row = Row {
            goal: "cold start",
            nodes: 64,
            loss: 0.1,
            target: "2 s".into(),
            measured: "1 s".into(),
            met: Some(true),
        };
        assert_eq!(line(&row), "| 64 | 0.1 | cold start | 2 s | 1 s | met |");
    }
}
