use std::time::Duration;

use super::cluster::ClusterOptions;
use super::measure::{self, Times};

/// The original needed up to 40 minutes to see a death; these are ours.
const TRACE_SPAN: Duration = Duration::from_secs(30);
/// Idle traffic is measured over two push-pulls of a large cluster.
const IDLE_SPAN: Duration = Duration::from_secs(60);
const STEADY_SPAN: Duration = Duration::from_secs(300);
const STALLS_SPAN: Duration = Duration::from_secs(120);

/// What to measure.
#[derive(Debug, Clone)]
pub struct GoalsOptions {
    /// Sizes of the clusters.
    pub sizes: Vec<usize>,
    /// Parts of the datagrams that are lost, 0 to 1.
    pub losses: Vec<f64>,
    /// Everything that is random follows from it.
    pub seed: u64,
    /// Deaths and departures measured for each row.
    pub departures: usize,
    /// Updates of a record measured for each row.
    pub updates: u32,
    /// What is measured; all of [`Measure::ALL`] for the whole table.
    pub measures: Vec<Measure>,
    /// Whether the partition of ten minutes is measured beside that of one.
    pub long_partition: bool,
}

impl Default for GoalsOptions {
    fn default() -> Self {
        Self {
            sizes: vec![64, 256, 1024],
            losses: vec![0.0, 0.1, 0.3],
            seed: 1,
            departures: 10,
            updates: 20,
            measures: Measure::ALL.to_vec(),
            long_partition: true,
        }
    }
}

/// One line of the goals table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What is measured.
    pub goal: &'static str,
    /// Nodes of the cluster.
    pub nodes: usize,
    /// Part of the datagrams that are lost, 0 to 1.
    pub loss: f64,
    /// What is to be reached; "-" where nothing is stated for this size and loss.
    pub target: String,
    /// What was reached.
    pub measured: String,
    /// Whether it was; `None` where nothing is stated.
    pub met: Option<bool>,
}

/// Measures every goal at every size and loss, and hands each row to `progress` as it is done.
pub fn goals(options: &GoalsOptions, mut progress: impl FnMut(&Row)) -> Vec<Row> {
    let mut rows = Vec::new();
    for nodes in &options.sizes {
        for loss in &options.losses {
            let bench =
                Bench { options: options.clone(), cluster: ClusterOptions::new(*nodes, *loss, options.seed) };
            for measure in &options.measures {
                for row in bench.measure(*measure) {
                    progress(&row);
                    rows.push(row);
                }
            }
        }
    }
    rows
}

/// One scenario, which gives one row or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// From nothing until every node knows every other.
    ColdStart,
    /// Deaths without a good-bye.
    Kill,
    /// Departures with one.
    Leave,
    /// Nothing happens.
    Calm,
    /// Records change.
    RecordUpdate,
    /// The cluster is cut in two halves for a while.
    Partition,
    /// Nodes stop and go on.
    Stalls,
    /// The same run twice.
    Trace,
}

impl Measure {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 8] = [
        Self::ColdStart,
        Self::Kill,
        Self::Leave,
        Self::Calm,
        Self::RecordUpdate,
        Self::Partition,
        Self::Stalls,
        Self::Trace,
    ];

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::ColdStart => "cold-start",
            Self::Kill => "kill",
            Self::Leave => "leave",
            Self::Calm => "calm",
            Self::RecordUpdate => "record-update",
            Self::Partition => "partition",
            Self::Stalls => "stalls",
            Self::Trace => "trace",
        }
    }
}

struct Bench {
    options: GoalsOptions,
    cluster: ClusterOptions,
}

impl Bench {
    fn measure(&self, measure: Measure) -> Vec<Row> {
        match measure {
            Measure::ColdStart => self.cold_start(),
            Measure::Kill => self.kill(),
            Measure::Leave => self.leave(),
            Measure::Calm => self.calm(),
            Measure::RecordUpdate => self.record_update(),
            Measure::Partition => self.partition(),
            Measure::Stalls => self.stalls(),
            Measure::Trace => self.trace(),
        }
    }

    fn nodes(&self) -> usize {
        self.cluster.nodes
    }

    fn loss(&self) -> f64 {
        self.cluster.conditions.loss
    }

    fn row(&self, goal: &'static str, target: String, measured: String, met: Option<bool>) -> Row {
        Row { goal, nodes: self.nodes(), loss: self.loss(), target, measured, met }
    }

    /// A row about a time that should not be above `target`.
    fn time(&self, goal: &'static str, target: Option<f64>, measured: Option<Duration>) -> Row {
        let met = target.map(|target| measured.is_some_and(|time| time.as_secs_f64() <= target));
        let target = target.map_or("-".to_owned(), |target| format!("<= {target} s"));
        let measured = measured.map_or("never".to_owned(), |time| format!("{:.2} s", time.as_secs_f64()));
        self.row(goal, target, measured, met)
    }

    /// A row about something that should not happen.
    fn never(&self, goal: &'static str, count: u64) -> Row {
        self.row(goal, "0".to_owned(), count.to_string(), Some(count == 0))
    }

    fn cold_start(&self) -> Vec<Row> {
        let target = match (self.nodes(), self.loss()) {
            (..=64, 0.0) => Some(2.0),
            (..=256, 0.0) => Some(3.0),
            (..=256, _) => Some(15.0),
            _ => None,
        };
        vec![self.time("cold start from one seed", target, measure::cold_start(&self.cluster))]
    }

    fn kill(&self) -> Vec<Row> {
        let times = measure::kills(&self.cluster, self.options.departures.min(self.nodes() / 4));
        let is_small = self.nodes() <= 128;
        let (half, most) = match self.loss() {
            _ if !is_small => (None, None),
            0.0 => (Some(6.0), Some(9.0)),
            _ => (None, Some(13.0)),
        };
        vec![
            self.time("kill to all, p50", half, times.quantile(0.5)),
            self.time("kill to all, p99", most, times.quantile(0.99)),
        ]
    }

    fn leave(&self) -> Vec<Row> {
        let times = measure::leaves(&self.cluster, self.options.departures.min(self.nodes() / 4));
        vec![self.time("leave to all", Some(1.0), times.quantile(1.0))]
    }

    fn calm(&self) -> Vec<Row> {
        let span = if self.loss() > 0.0 { STEADY_SPAN } else { IDLE_SPAN };
        let steady = measure::steady(&self.cluster, span);
        let target = match (self.nodes(), self.loss()) {
            (_, 0.0) => Some(350.0),
            (1024.., _) => Some(1000.0),
            _ => None,
        };
        let completeness = format!("{:.3}%", steady.completeness_min * 100.0);
        vec![
            self.row(
                "traffic a node",
                target.map_or("-".to_owned(), |target| format!("<= {target} B/s")),
                format!("{:.0} B/s", steady.bytes_per_s),
                target.map(|target| steady.bytes_per_s <= target),
            ),
            self.row(
                "view complete",
                ">= 99.9%".to_owned(),
                completeness,
                Some(steady.completeness_min >= 0.999),
            ),
            self.never("false deaths while calm", steady.false_deaths),
            self.never("rejoins while calm", steady.rejoins),
        ]
    }

    fn record_update(&self) -> Vec<Row> {
        let times = measure::record_updates(&self.cluster, self.options.updates);
        let Times { missing, .. } = times;
        vec![
            self.time("record update, p50", Some(0.5), times.quantile(0.5)),
            self.time("record update, p99", Some(1.0), times.quantile(0.99)),
            self.time("record update, all", Some(10.0), times.quantile(1.0)),
            self.never("record updates lost", missing as u64),
        ]
    }

    fn partition(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let (short, long) = (Duration::from_secs(60), Duration::from_secs(600));
        let (most, all) = measure::partition(&self.cluster, short);
        rows.push(self.time("partition of 60 s heals, 99%", Some(3.0), most));
        rows.push(self.time("partition of 60 s heals, all", Some(15.0), all));
        if self.options.long_partition {
            let (most, all) = measure::partition(&self.cluster, long);
            rows.push(self.time("partition of 10 min heals, 99%", Some(3.0), most));
            rows.push(self.time("partition of 10 min heals, all", Some(15.0), all));
        }
        rows
    }

    fn stalls(&self) -> Vec<Row> {
        let (deaths, rejoins) = measure::stalls(&self.cluster, STALLS_SPAN);
        vec![
            self.never("10% stalled 4 s of 15: false deaths", deaths),
            self.never("10% stalled 4 s of 15: rejoins", rejoins),
        ]
    }

    fn trace(&self) -> Vec<Row> {
        let [one, other] = [(); 2].map(|()| measure::trace(&self.cluster, TRACE_SPAN));
        let measured = format!("{one:016x}, {other:016x}");
        vec![self.row("same seed, same trace", "equal".to_owned(), measured, Some(one == other))]
    }
}
