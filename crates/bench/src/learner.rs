//! What the learner reaches on this machine, beside what it should.

mod fill;
mod session;
mod train;

use std::{fmt, net::Ipv4Addr, path::PathBuf, time::Duration};

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    arguments::PositiveDuration,
    goal::{self, Goal},
    load::Target,
    machine::Machine,
    process::{Service, binary, free_ports},
};

/// Starts a learner and measures it over loopback.
#[derive(Debug, Args)]
pub struct Options {
    /// How long each measurement lasts
    #[arg(long, default_value = "3s")]
    duration: PositiveDuration,
    /// Folder of the binary p2pfaas-learner; by default that of this program
    #[arg(long, value_name = "DIR")]
    bin_dir: Option<PathBuf>,
}

const BINARY: &str = "p2pfaas-learner";

/// Questions in flight on one connection, as many as a busy scheduler has jobs that wait for an answer.
const IN_FLIGHT: usize = 256;
/// Samples of a request.
const BATCH: usize = 100;
/// States that the model is filled with.
const STATES: usize = 100_000;
/// Actions of the model that is filled: those of the original's experiments, which had eleven peers.
const ACTIONS: u32 = 14;

/// How often the model is saved: far more often than in earnest, so that it shows.
const SNAPSHOT_PERIOD: Duration = Duration::from_secs(1);

const ALONE_P50_MS_MAX: f64 = 0.08;
const ALONE_P99_MS_MAX: f64 = 0.2;
const ANSWERS_PER_S_MIN: f64 = 100_000.0;
const SAMPLES_PER_S_MIN: f64 = 100_000.0;
const RESIDENT_MB_MAX: f64 = 20.0;

/// The form of what is asked.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// A state, for a numbered action, as the original asks.
    Numbered,
    /// Three candidates of nine features.
    Candidates,
}

/// A learner with a data folder of its own.
struct Stage {
    service: Service,
    port: u16,
    _folder: TempDir,
}

/// Measures everything, and hands each line of a Markdown table to `print` as it is known.
///
/// # Errors
/// When the learner cannot be started, or answers wrongly.
pub async fn command(options: &Options, print: impl Fn(&str)) -> anyhow::Result<()> {
    print(&format!("{}\n", Machine::here()));
    goal::HEAD.iter().for_each(|line| print(line));
    let duration = options.duration.get();
    for form in [Form::Numbered, Form::Candidates] {
        let stage = Stage::start(options, "LinearThompson").await?;
        train::teach(stage.port, form).await?;
        show(&print, session::alone(stage.port, form, duration).await?);
        show(&print, session::crowded(stage.port, form, duration).await?);
        stage.service.end().await?;
    }
    for agent in ["DifferentialSarsa", "TileSarsa", "LinearThompson"] {
        let stage = Stage::start(options, agent).await?;
        show(&print, train::batches(stage.port, agent, duration).await?);
        show(&print, session::crowded_agent(stage.port, agent, duration).await?);
        stage.service.end().await?;
    }
    let stage = Stage::start(options, "DifferentialSarsa").await?;
    show(&print, fill::resident(stage.port).await?);
    show(&print, session::alone_beside_snapshots(stage.port, duration.max(SNAPSHOT_PERIOD * 3)).await?);
    stage.service.end().await
}

fn show(print: &impl Fn(&str), rows: Vec<Goal>) {
    rows.iter().for_each(|row| print(&row.to_string()));
}

impl Stage {
    async fn start(options: &Options, agent: &str) -> anyhow::Result<Self> {
        let [port, _] = free_ports().context("no port is free")?;
        let folder = tempfile::tempdir().context("cannot make a folder for data and logs")?;
        let agent = json!({"name": agent, "parameters": {"actions_n": ACTIONS}});
        let mut command = Command::new(binary(BINARY, options.bin_dir.as_deref())?);
        command
            .env("P2PFAAS_LISTENING_HOST", Ipv4Addr::LOCALHOST.to_string())
            .env("P2PFAAS_LISTENING_PORT", port.to_string())
            .env("P2PFAAS_DATA_PATH", folder.path())
            .env("P2PFAAS_SNAPSHOT_PERIOD_MS", SNAPSHOT_PERIOD.as_millis().to_string())
            .env("P2PFAAS_AGENT", agent.to_string());
        let mut service = Service::start(BINARY, command, folder.path())?;
        let url = format!("http://{}:{port}/health", Ipv4Addr::LOCALHOST);
        service.answers(&url.parse::<Target>().map_err(anyhow::Error::msg)?).await?;
        Ok(Self { service, port, _folder: folder })
    }
}

impl Form {
    /// What a message of this form asks, but its id; it changes with `count`.
    fn question(self, count: u64) -> Value {
        let small = |by: u64| count / by % 5;
        let state = json!([count % 2, small(1), small(3), small(7), small(11)]);
        match self {
            Self::Numbered => json!({ "state": state }),
            Self::Candidates => {
                let feature = |place: u64, of: u64| (count * 7 + place * 31 + of * 13) % 100;
                let features = |place| (0..9).map(move |of| feature(place, of) as f64 / 40.0);
                let candidates: Vec<_> = (0..3)
                    .map(
                        |place| json!({"action": place + 1, "features": features(place).collect::<Vec<_>>()}),
                    )
                    .collect();
                json!({ "state": state, "candidates": candidates })
            }
        }
    }
}

impl Form {
    /// A sample that teaches a model of this form.
    fn sample(self, eid: u64) -> Value {
        let question = self.question(eid);
        let mut sample =
            json!({"eid": eid, "state": question["state"], "action": 1 + eid % 3, "reward": eid % 2});
        if let Self::Candidates = self {
            sample["features"] = question["candidates"][0]["features"].clone();
        }
        sample
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Numbered => "a state of 5",
            Self::Candidates => "3 candidates of 9 features",
        })
    }
}

fn per_second(count: u64, within: Duration) -> f64 {
    count as f64 / within.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_of_their_form_and_change() {
        let one = Form::Candidates.question(1);
        assert_eq!(one["candidates"].as_array().unwrap().len(), 3);
        assert_eq!(one["candidates"][0]["features"].as_array().unwrap().len(), 9);
        assert_ne!(Form::Numbered.question(1), Form::Numbered.question(2));
    }
}
