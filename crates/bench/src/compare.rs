//! `p2pfaas-bench compare`: what the scheduler costs.
//!
//! The echo function and a scheduler run on loopback, and the function is called directly and through the
//! scheduler in turn, so that both meet the same machine. Each figure is held against its target.

mod case;
mod comparison;
mod memory;
mod progress;
mod stage;
mod summary;
mod table;
mod targets;

use std::{
    fs,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use tokio_util::sync::CancellationToken;

pub(crate) use self::summary::median;
pub use self::{
    case::{Arrivals, Case},
    comparison::Comparison,
    memory::Memory,
    summary::{Figures, Round, Row, Summary},
    targets::Verdict,
};
use self::{
    case::{BUSY, CASES, CROWD, SMALL_BODY_BYTES, SOME, closed},
    progress::Progress,
    stage::Stage,
};
use crate::{
    arguments::PositiveDuration,
    load::{self, Plan, Target, Template},
    machine::Machine,
    open_files,
};

/// Three rounds of nine rows, each direct and through, take about two minutes.
const ROUNDS_DEFAULT: NonZeroU32 = NonZeroU32::new(3).expect("three is not zero");
const DURATION_DEFAULT: PositiveDuration = PositiveDuration::from_millis(2_000);
/// One round takes about twenty seconds; more rounds would be so short that the crowd is hardly answered.
const ROUNDS_QUICK: NonZeroU32 = NonZeroU32::MIN;
const DURATION_QUICK: PositiveDuration = PositiveDuration::from_millis(900);
/// Above the connections of every row but the crowd's, which is to meet the queue.
const SLOTS_DEFAULT: u32 = 128;
/// Above the crowd, so that nobody is refused.
const QUEUE_DEFAULT: u32 = 10_000;
/// Share of what the scheduler does in a closed loop that the paced rows offer: enough to be work, and far
/// from where a queue builds up by itself.
const PACED_SHARE: f64 = 0.25;
/// Before the first row both paths are called this long, so that no row pays for caches that are cold.
const WARM_UP: Duration = Duration::from_millis(300);

/// Arguments of `compare`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Rounds of each row
    #[arg(long, default_value_t = ROUNDS_DEFAULT)]
    rounds: NonZeroU32,
    /// Length of each measurement
    #[arg(short, long, default_value_t = DURATION_DEFAULT)]
    duration: PositiveDuration,
    /// A look that takes about 20 s instead of two minutes
    #[arg(long, conflicts_with_all = ["rounds", "duration"])]
    quick: bool,
    /// Calls the scheduler runs at once
    #[arg(long, default_value_t = SLOTS_DEFAULT)]
    slots: u32,
    /// Calls that may wait for a slot
    #[arg(long, default_value_t = QUEUE_DEFAULT)]
    queue: u32,
    /// Folder of the binaries [default: that of this program]
    #[arg(long, value_name = "DIR")]
    bin_dir: Option<PathBuf>,
    /// Also write the whole result as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Options {
    fn rounds(&self) -> NonZeroU32 {
        if self.quick { ROUNDS_QUICK } else { self.rounds }
    }

    fn duration(&self) -> Duration {
        if self.quick { DURATION_QUICK.get() } else { self.duration.get() }
    }

    /// Writes `comparison` to the file that was asked for, if one was.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, comparison: &Comparison) -> anyhow::Result<()> {
        let Some(file) = &self.json else { return Ok(()) };
        let json = serde_json::to_string_pretty(comparison).context("cannot write the result as JSON")?;
        fs::write(file, json).with_context(|| format!("cannot write {}", file.display()))
    }
}

/// Starts what is measured, measures until done or `stop` is cancelled, and ends what was started.
///
/// # Errors
/// When a binary is missing or does not come up, or the machine lacks open files.
pub async fn command(options: &Options, stop: &CancellationToken) -> anyhow::Result<Comparison> {
    open_files::allow(CROWD.get())?;
    let binaries = stage::Binaries::find(options.bin_dir.as_deref())?;
    let mut stage = Stage::new()?;
    let measured = tokio::select! {
        set = stage.set(&binaries, options.slots, options.queue) => match set {
            Ok(start) => measure(options, &mut stage, &binaries.scheduler, start, stop).await,
            Err(error) => Err(error),
        },
        () = stop.cancelled() => Err(anyhow::anyhow!("stopped before anything was measured")),
    };
    let cleared = stage.clear().await;
    let comparison = measured?;
    cleared?;
    Ok(comparison)
}

async fn measure(
    options: &Options,
    stage: &mut Stage,
    scheduler_binary: &Path,
    start: Duration,
    stop: &CancellationToken,
) -> anyhow::Result<Comparison> {
    let size_bytes = fs::metadata(scheduler_binary).context("cannot look at the scheduler's binary")?.len();
    let mut comparison = Comparison {
        machine: Machine::here(),
        rounds: options.rounds().get(),
        duration_s: options.duration().as_secs_f64(),
        slots: options.slots,
        queue: options.queue,
        start_ms: start.as_secs_f64() * 1e3,
        binary_mb: size_bytes as f64 / 1e6,
        idle: Memory::of(stage.scheduler_pid()?)?,
        rows: Vec::new(),
    };
    for target in [&stage.direct, &stage.through] {
        load::run(plan(target, closed(SMALL_BODY_BYTES, SOME), None, WARM_UP)?, stop).await?;
    }
    let steps = CASES.len() as u32 * 2 * options.rounds().get();
    let mut progress = Progress::new(steps, options.duration());
    for case in CASES {
        let rate = (case.arrivals == Arrivals::Paced).then(|| paced_rate(&comparison.rows)).flatten();
        memory::forget_peak(stage.scheduler_pid()?);
        let measured = measure_rounds(options, stage, case, rate, &mut progress, stop).await;
        // A scheduler that died says more than the connection that was refused for it.
        stage.scheduler_pid()?;
        let rounds = measured?;
        if let Some(summary) = Summary::of(&rounds) {
            let memory = Memory::of(stage.scheduler_pid()?)?;
            comparison.rows.push(Row { case, summary, memory, rounds });
        }
        if stop.is_cancelled() {
            break;
        }
    }
    Ok(comparison)
}

/// The complete rounds of one case: direct, through, direct, through.
async fn measure_rounds(
    options: &Options,
    stage: &Stage,
    case: Case,
    rate: Option<f64>,
    progress: &mut Progress,
    stop: &CancellationToken,
) -> anyhow::Result<Vec<Round>> {
    let mut rounds = Vec::new();
    for _ in 0..options.rounds().get() {
        progress.begin(&format_args!("{case}, direct"));
        let direct = load::run(plan(&stage.direct, case, rate, options.duration())?, stop).await?;
        progress.begin(&format_args!("{case}, through the scheduler"));
        let through = load::run(plan(&stage.through, case, rate, options.duration())?, stop).await?;
        if stop.is_cancelled() {
            break;
        }
        rounds.push(Round { direct, through });
    }
    Ok(rounds)
}

fn plan(target: &Target, case: Case, rate: Option<f64>, duration: Duration) -> anyhow::Result<Plan> {
    let plan = Plan::with_body(target.clone(), Template::filler(case.body_bytes))?;
    Ok(Plan { connections: case.connections, duration, rate, ..plan })
}

/// What the paced rows offer, once the busy row is known.
fn paced_rate(rows: &[Row]) -> Option<f64> {
    let busy = rows.iter().find(|row| row.case == closed(SMALL_BODY_BYTES, BUSY))?;
    Some(PACED_SHARE * busy.summary.through.requests_per_s)
}
