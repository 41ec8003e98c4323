//! What a decision of each policy costs, beside what it may cost.

use std::fmt::Write;
use std::time::{Duration, Instant};

use clap::Args;
use protocol::{FunctionName, PolicySpec};
use simulator::scheduling::{Decider, policies_with_examples};

/// Measures what a decision of each policy costs a node.
#[derive(Debug, Args)]
pub struct Options {
    /// How long each policy decides
    #[arg(long, default_value = "500ms", value_parser = humantime::parse_duration)]
    duration: Duration,
}

/// Peers of the node, with the microseconds that a decision may then take.
const TARGETS: [(u64, f64); 2] = [(100, 2.0), (10_000, 20.0)];

/// Decisions between two looks at the clock, which then cost nothing beside them.
const DECISIONS_A_LOOK: u32 = 100;

/// Measures all policies, and gives the table.
///
/// # Errors
/// A policy cannot be built from its own example.
pub fn command(options: &Options) -> anyhow::Result<String> {
    let function: FunctionName = "echo".parse().map_err(|_| anyhow::anyhow!("echo is no name"))?;
    let mut text = String::from("Microseconds for a job, from its arrival over all answers to its end.\n\n");
    let heads = TARGETS.map(|(peers, target)| format!(" {peers} peers, <= {target} us | |"));
    let _ = writeln!(text, "| policy |{}", heads.concat());
    let _ = write!(text, "|---|---:|---|---:|---|");
    for policy in policies_with_examples() {
        let _ = write!(text, "\n| {policy} |");
        for (peers, target) in TARGETS {
            let taken = measure(&policy, &function, peers, options.duration)?;
            let verdict = if taken <= target { "met" } else { "missed" };
            let _ = write!(text, " {taken:.2} | {verdict} |");
        }
    }
    Ok(text)
}

/// Microseconds for one decision, the best of several stretches: what disturbs only ever adds.
fn measure(
    policy: &PolicySpec,
    function: &FunctionName,
    peers: u64,
    during: Duration,
) -> anyhow::Result<f64> {
    let mut decider = Decider::new(policy, function.clone(), peers)?;
    let begin = Instant::now();
    let mut best = f64::INFINITY;
    while begin.elapsed() < during {
        let stretch = Instant::now();
        (0..DECISIONS_A_LOOK).for_each(|_| decider.decide());
        best = best.min(1e6 * stretch.elapsed().as_secs_f64() / f64::from(DECISIONS_A_LOOK));
    }
    Ok(best)
}
