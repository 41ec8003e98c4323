//! `p2pfaas-bench forward`: what it costs to hand a job to a peer, and to ask the learner.
//!
//! Two whole nodes and the echo function of each run on loopback, and all of them share the cores with the
//! load generator. What is compared is measured in turn, so that both meet the same machine.

mod stage;

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use anyhow::Context;
use hyper::header::{HeaderName, HeaderValue};
use tokio_util::sync::CancellationToken;

use self::stage::{Stage, Way};
use crate::{
    arguments::PositiveDuration,
    compare::median,
    goal::{self, Bound, Goal},
    load::{self, Plan, Report, Template},
    machine::Machine,
};

/// A body that costs almost nothing, so that what is measured is the call.
const SMALL_BYTES: usize = 128;
/// A photograph of a small camera.
const LARGE_BYTES: usize = 100 * 1024;
/// As large as a body that comes beside small ones can be expected to be.
const HUGE_BYTES: usize = 50_000_000;

const FORWARDED_RATIO_MIN: f64 = 0.5;
const FORWARDED_ADDED_P50_MS_MAX: f64 = 0.25;
const LEARNING_RATIO_MIN: f64 = 0.6;
const BESIDE_HUGE_P99_MS_MAX: f64 = 5.0;

/// Callers of small jobs beside a huge one: few, so that their latency is that of the link.
const BESIDE_HUGE: usize = 4;

const FORWARD: HeaderName = HeaderName::from_static("x-p2pfaas-scheduler-forward");
const BYPASS: HeaderName = HeaderName::from_static("x-p2pfaas-scheduler-bypass");

/// Arguments of `forward`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Rounds of each comparison
    #[arg(long, default_value = "3")]
    rounds: std::num::NonZeroU32,
    /// Length of each measurement
    #[arg(short, long, default_value = "2s")]
    duration: PositiveDuration,
    /// Folder of the binaries [default: that of this program]
    #[arg(long, value_name = "DIR")]
    bin_dir: Option<PathBuf>,
}

/// Starts two nodes, measures, hands each line to `print` as it is known, and ends what was started.
///
/// # Errors
/// When a binary is missing or does not come up, or a call is not answered as it should.
pub async fn command(
    options: &Options,
    stop: &CancellationToken,
    print: impl Fn(&str),
) -> anyhow::Result<()> {
    print(&format!("{}\n", Machine::here()));
    let stage = Stage::set(options.bin_dir.as_deref()).await?;
    goal::HEAD.iter().for_each(|line| print(line));
    let measured = tokio::select! {
        measured = measure(options, &stage, stop, &print) => measured,
        () = stop.cancelled() => Ok(()),
    };
    let cleared = stage.clear().await;
    measured?;
    cleared
}

async fn measure(
    options: &Options,
    stage: &Stage,
    stop: &CancellationToken,
    print: &impl Fn(&str),
) -> anyhow::Result<()> {
    let measuring = Measuring { options, stage, stop };
    for (bytes, name) in [(SMALL_BYTES, "128 B"), (LARGE_BYTES, "100 KB")] {
        for connections in [16, 64] {
            let ratio = measuring.ratio(Way::Local, Way::Forwarded, bytes, connections).await?;
            let target = Some(Bound::AtLeast(FORWARDED_RATIO_MIN)).filter(|_| bytes == SMALL_BYTES);
            let what = format!("forwarded over local, {name}, {connections} connections");
            print(&Goal::new(what, target, ratio, "").to_string());
        }
    }
    let latencies = measuring.one_at_a_time().await?;
    let added = Some(Bound::AtMost(FORWARDED_ADDED_P50_MS_MAX));
    for (what, target, p50) in [
        ("p50 of a direct call", None, latencies.direct),
        ("added p50 of a local call", None, latencies.local_added),
        ("added p50 of a forwarded call", added, latencies.forwarded_added),
    ] {
        print(&Goal::new(format!("{what}, 128 B, 1 connection"), target, p50, " ms").to_string());
    }
    let (alone, beside) = measuring.beside_huge().await?;
    let rise = Some(Bound::AtMost(BESIDE_HUGE_P99_MS_MAX));
    print(&Goal::new("p99 of small forwarded jobs", None, alone, " ms").to_string());
    print(&Goal::new("its rise beside bodies of 50 MB", rise, beside - alone, " ms").to_string());
    stage.learn().await?;
    let ratio = measuring.ratio(Way::Alone, Way::Learning, SMALL_BYTES, 16).await?;
    let what = "LearningScheduler over NoScheduler, local, 16 connections";
    print(&Goal::new(what, Some(Bound::AtLeast(LEARNING_RATIO_MIN)), ratio, "").to_string());
    Ok(())
}

/// Median latencies in milliseconds, each the median over the rounds. Calls one at a time find every process asleep: a
/// direct call wakes two, a local one four, a forwarded one seven, and what that costs is up to the machine.
struct OneAtATime {
    direct: f64,
    /// Beyond the direct call of the same round, as the next.
    local_added: f64,
    forwarded_added: f64,
}

struct Measuring<'a> {
    options: &'a Options,
    stage: &'a Stage,
    stop: &'a CancellationToken,
}

impl Measuring<'_> {
    /// Throughput of `way` over that of `base`: the median over the rounds.
    async fn ratio(&self, base: Way, way: Way, bytes: usize, connections: usize) -> anyhow::Result<f64> {
        let mut ratios = Vec::new();
        for _ in 0..self.options.rounds.get() {
            let base = self.load(base, bytes, connections).await?.requests_per_s;
            ratios.push(self.load(way, bytes, connections).await?.requests_per_s / base);
        }
        median(ratios).context("there is at least one round")
    }

    /// The latencies of calls on one connection.
    async fn one_at_a_time(&self) -> anyhow::Result<OneAtATime> {
        let p50 = async |way| anyhow::Ok(self.load(way, SMALL_BYTES, 1).await?.latency_ms.p50);
        let (mut directs, mut locals, mut forwardeds) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.options.rounds.get() {
            let direct = p50(Way::Direct).await?;
            locals.push(p50(Way::Local).await? - direct);
            forwardeds.push(p50(Way::Forwarded).await? - direct);
            directs.push(direct);
        }
        let median = |values| median(values).context("there is at least one round");
        Ok(OneAtATime {
            direct: median(directs)?,
            local_added: median(locals)?,
            forwarded_added: median(forwardeds)?,
        })
    }

    /// The p99 of small forwarded jobs, alone and beside bodies of 50 MB on the same link.
    async fn beside_huge(&self) -> anyhow::Result<(f64, f64)> {
        let (mut alone, mut beside) = (Vec::new(), Vec::new());
        for _ in 0..self.options.rounds.get() {
            alone.push(self.load(Way::Forwarded, SMALL_BYTES, BESIDE_HUGE).await?.latency_ms.p99);
            let huge = self.load(Way::Swallowed, HUGE_BYTES, 1);
            let small = self.load(Way::Forwarded, SMALL_BYTES, BESIDE_HUGE);
            let (_, small) = tokio::try_join!(huge, small)?;
            beside.push(small.latency_ms.p99);
        }
        let median = |values| median(values).context("there is at least one round");
        Ok((median(alone)?, median(beside)?))
    }

    async fn load(&self, way: Way, bytes: usize, connections: usize) -> anyhow::Result<Report> {
        let target = self.stage.target(way)?;
        let steered = |name: HeaderName| vec![(name, HeaderValue::from_static("1"))];
        let headers = match way {
            Way::Local | Way::Alone => steered(BYPASS),
            Way::Forwarded | Way::Swallowed => steered(FORWARD),
            Way::Direct | Way::Learning => Vec::new(),
        };
        let plan = Plan {
            template: Template::new(&target, None, &headers, Template::filler(bytes))?,
            connections: NonZeroUsize::new(connections).context("there are connections")?,
            duration: self.options.duration.get(),
            threads: NonZeroUsize::MIN,
            ..Plan::get(target)?
        };
        let report = load::run(plan, self.stop).await?;
        if report.failed() > 0 {
            anyhow::bail!("calls failed that should not: {report}");
        }
        Ok(report)
    }
}

/// How long the nodes get to tell each other what changed.
const PATIENCE: Duration = Duration::from_secs(20);
