//! `p2pfaas-bench`: the command line of the measurements and of the demo.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line answers on its terminal")]

use std::process::ExitCode;

use bench::{compare, decide, demo, experiment, forward, gossip, learner, load, simulate};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Measures P2PFaaS, and runs a cluster to try it with.
#[derive(Parser)]
#[command(name = "p2pfaas-bench", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Put load on one URL and measure throughput and latency
    Load(load::Options),
    /// Compare a function called directly with the same function called through a scheduler
    Compare(compare::Options),
    /// Run a cluster on this machine, without Docker, and print what to try with it
    Demo(demo::Options),
    /// Compare policies on a real cluster, under the traffic of an experiment file
    Experiment(experiment::Options),
    /// Start two nodes and measure what it costs to hand a job to a peer, and to ask the learner
    Forward(forward::Options),
    /// Simulate clusters that gossip, or start them, and show goals and measurements side by side
    Gossip(gossip::Options),
    /// Start a learner and show goals and measurements side by side
    Learner(learner::Options),
    /// Simulate the nodes and jobs of a scenario file under several policies
    Simulate(simulate::Options),
    /// Measure what a decision of each policy costs
    Decide(decide::Options),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Load(options) => {
            let report = load::command(&options, &stop_on_signal()?).await?;
            println!("{}", if options.json { report.json()? } else { report.to_string() });
            report.check_answered()
        }
        Command::Compare(options) => {
            let comparison = compare::command(&options, &stop_on_signal()?).await?;
            println!("{comparison}");
            options.save(&comparison)
        }
        Command::Demo(options) => {
            demo::command(&options, &stop_on_signal()?, |text| println!("{text}")).await
        }
        Command::Experiment(options) => {
            println!("{}", experiment::command(&options, &stop_on_signal()?).await?);
            Ok(())
        }
        Command::Forward(options) => {
            forward::command(&options, &stop_on_signal()?, |line| println!("{line}")).await
        }
        Command::Gossip(options) => gossip::command(&options, |line| println!("{line}")).await,
        Command::Learner(options) => learner::command(&options, |line| println!("{line}")).await,
        Command::Simulate(options) => {
            println!("{}", simulate::command(&options)?);
            Ok(())
        }
        Command::Decide(options) => {
            println!("{}", decide::command(&options)?);
            Ok(())
        }
    }
}

/// Both signals end a measurement early and still print it; every wait below is bounded, so a second
/// signal is never needed.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut received = signal(kind)?;
        let stop = stop.clone();
        tokio::spawn(async move {
            received.recv().await;
            stop.cancel();
        });
    }
    Ok(stop)
}
