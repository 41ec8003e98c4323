//! The whole result, for people and for machines.

use std::fmt;

use serde::Serialize;

use super::{
    case::{Arrivals, body_name},
    memory::Memory,
    summary::{Figures, Row},
    table::markdown,
    targets::{Verdict, verdicts},
};
use crate::machine::Machine;

/// The result of `compare`.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// What it was measured on.
    pub machine: Machine,
    /// Rounds asked for; a row of a run that was stopped may have fewer.
    pub rounds: u32,
    /// Length of each measurement.
    pub duration_s: f64,
    /// Calls the scheduler runs at once, and how many may wait.
    pub slots: u32,
    /// Calls that may wait for a slot.
    pub queue: u32,
    /// From the scheduler's process start to its first 200.
    pub start_ms: f64,
    /// Size of the scheduler's binary, in 10^6 bytes.
    pub binary_mb: f64,
    /// Memory of the scheduler before the first call.
    pub idle: Memory,
    /// The rows measured.
    pub rows: Vec<Row>,
}

impl Comparison {
    /// A verdict on every target whose rows were measured.
    #[must_use]
    pub fn verdicts(&self) -> Vec<Verdict> {
        verdicts(self)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, rounds, duration_s, slots, queue, idle, .. } = self;
        writeln!(f, "# The function called directly, and through the scheduler\n")?;
        writeln!(f, "{machine}.")?;
        writeln!(
            f,
            "Rounds: {rounds}, each {duration_s} s direct and then {duration_s} s through; medians over them."
        )?;
        writeln!(f, "The scheduler has {slots} slots and a queue of {queue}.")?;
        writeln!(f, "Idle it holds {:.1} MB, at its highest {:.1} MB.\n", idle.resident_mb, idle.peak_mb)?;
        let header = [
            "body",
            "connections",
            "arrivals",
            "direct req/s",
            "through req/s",
            "ratio",
            "direct p50/p90/p99 ms",
            "through p50/p90/p99 ms",
            "added p50 ms",
            "errors direct/through",
            "RSS MB",
            "peak MB",
        ];
        let rows: Vec<_> = self.rows.iter().map(row_cells).collect();
        writeln!(f, "{}", markdown(1, header, &rows))?;
        let verdicts: Vec<_> = self.verdicts().into_iter().map(verdict_cells).collect();
        write!(f, "{}", markdown(1, ["target", "wanted", "measured", ""], &verdicts))
    }
}

fn row_cells(row: &Row) -> [String; 12] {
    let Row { case, summary, memory, .. } = row;
    let latencies =
        |figures: &Figures| format!("{:.2} / {:.2} / {:.2}", figures.p50_ms, figures.p90_ms, figures.p99_ms);
    [
        body_name(case.body_bytes),
        case.connections.to_string(),
        if case.arrivals == Arrivals::Paced { "paced" } else { "closed" }.to_owned(),
        format!("{:.0}", summary.direct.requests_per_s),
        format!("{:.0}", summary.through.requests_per_s),
        summary.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}")),
        latencies(&summary.direct),
        latencies(&summary.through),
        format!("{:.3}", summary.added_p50_ms),
        format!("{} / {}", summary.direct.errors, summary.through.errors),
        format!("{:.1}", memory.resident_mb),
        format!("{:.1}", memory.peak_mb),
    ]
}

fn verdict_cells(verdict: Verdict) -> [String; 4] {
    let Verdict { what, target, measured, met } = verdict;
    [what, target, measured, if met { "met" } else { "missed" }.to_owned()]
}

#[cfg(test)]
pub(super) mod tests {
    use super::{
        super::{
            case::{BUSY, SMALL_BODY_BYTES, SOME, closed},
            summary::{Round, Summary, tests::report},
        },
        *,
    };

    /// Half of direct at 16 connections, and a quarter at 64.
    pub(in crate::compare) fn comparison() -> Comparison {
        let memory = Memory { resident_mb: 10.0, peak_mb: 12.0 };
        let row = |connections, through| {
            let rounds = vec![Round { direct: report(1000.0, 1.0), through: report(through, 2.0) }];
            let summary = Summary::of(&rounds).unwrap();
            Row { case: closed(SMALL_BODY_BYTES, connections), summary, memory, rounds }
        };
        Comparison {
            machine: Machine {
                cores: 2,
                cpu_model: "CPU".to_owned(),
                kernel: "6.1".to_owned(),
                commit: None,
            },
            rounds: 1,
            duration_s: 2.0,
            slots: 128,
            queue: 10_000,
            start_ms: 250.0,
            binary_mb: 9.0,
            idle: memory,
            rows: vec![row(SOME, 500.0), row(BUSY, 250.0)],
        }
    }

    #[test]
    fn the_text_holds_machine_rows_and_verdicts() {
        let text = comparison().to_string();
        for part in [
            "2 cores, CPU, Linux 6.1, commit unknown.",
            "| 0.500 |",
            "1.00 / 2.00 / 3.00",
            "| start to first 200",
            "250.000 ms | missed |",
        ] {
            assert!(text.contains(part), "{part} in:\n{text}");
        }
    }
}
