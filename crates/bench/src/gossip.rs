//! The goals of the gossip beside what a simulated cluster reaches.

use clap::Args;
use simulator::gossip::{GoalsOptions, Row, goals};

/// Simulates clusters of these sizes at these losses.
#[derive(Debug, Args)]
pub struct Options {
    /// Nodes of the clusters; a row of 1,024 takes minutes
    #[arg(long, value_delimiter = ',', default_value = "64")]
    sizes: Vec<usize>,
    /// Parts of the datagrams that are lost, 0 to 0.9
    #[arg(long, value_delimiter = ',', default_value = "0,0.1,0.3", value_parser = parse_loss)]
    losses: Vec<f64>,
    /// Everything that is random follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Above it hardly a datagram arrives, and nothing of what is measured would ever happen.
const LOSS_MAX: f64 = 0.9;

fn parse_loss(text: &str) -> Result<f64, String> {
    let loss: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if (0.0..=LOSS_MAX).contains(&loss) { Ok(loss) } else { Err(format!("a loss is from 0 to {LOSS_MAX}")) }
}

/// Measures goal by goal, and hands each line of a Markdown table to `print` as it is known.
pub fn command(options: &Options, print: impl Fn(&str)) {
    print("| nodes | loss | goal | target | measured |         |");
    print("|------:|-----:|------|-------:|---------:|---------|");
    let options = GoalsOptions {
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
