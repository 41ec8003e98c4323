//! Rounds of one row, reduced to the figures of a table.

use serde::Serialize;

use super::{case::Case, memory::Memory};
use crate::load::Report;

/// Two measurements of one case, one right after the other.
#[derive(Debug, Clone, Serialize)]
pub struct Round {
    /// The function called directly.
    pub direct: Report,
    /// The function called through the scheduler.
    pub through: Report,
}

/// All rounds of one case.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What was measured.
    pub case: Case,
    /// Its figures.
    pub summary: Summary,
    /// Memory of the scheduler after the last round, and its peak since the first began.
    pub memory: Memory,
    /// The rounds themselves.
    pub rounds: Vec<Round>,
}

/// Medians over the rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The function called directly.
    pub direct: Figures,
    /// The function called through the scheduler.
    pub through: Figures,
    /// Median of each round's requests/s through the scheduler over those direct: neighbours in time are
    /// compared, because a shared machine drifts. None when no call was answered directly.
    pub ratio: Option<f64>,
    /// Median of each round's median latency through the scheduler less that direct.
    pub added_p50_ms: f64,
}

/// Medians over the rounds of one path; errors are the sum.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Answers a second.
    pub requests_per_s: f64,
    /// Median latency.
    pub p50_ms: f64,
    /// 90th percentile of latency.
    pub p90_ms: f64,
    /// 99th percentile of latency.
    pub p99_ms: f64,
    /// Failures and answers other than 2xx.
    pub errors: u64,
}

impl Round {
    fn ratio(&self) -> Option<f64> {
        let direct = self.direct.requests_per_s;
        (direct > 0.0).then(|| self.through.requests_per_s / direct)
    }
}

impl Summary {
    /// The figures of `rounds`; none without any round.
    pub(super) fn of(rounds: &[Round]) -> Option<Self> {
        let over_rounds = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
        Some(Self {
            direct: Figures::of(rounds, |round| &round.direct)?,
            through: Figures::of(rounds, |round| &round.through)?,
            ratio: median(rounds.iter().filter_map(Round::ratio).collect()),
            added_p50_ms: over_rounds(|round| round.through.latency_ms.p50 - round.direct.latency_ms.p50)?,
        })
    }
}

impl Figures {
    fn of(rounds: &[Round], path: fn(&Round) -> &Report) -> Option<Self> {
        let reports = || rounds.iter().map(path);
        let over_rounds = |figure: fn(&Report) -> f64| median(reports().map(figure).collect());
        Some(Self {
            requests_per_s: over_rounds(|report| report.requests_per_s)?,
            p50_ms: over_rounds(|report| report.latency_ms.p50)?,
            p90_ms: over_rounds(|report| report.latency_ms.p90)?,
            p99_ms: over_rounds(|report| report.latency_ms.p99)?,
            errors: reports().map(Report::failed).sum(),
        })
    }
}

/// The middle of `values`, or the mean of the middle two; none when there is none.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(values[middle - 1], upper)) }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::load::Latency;

    pub(in crate::compare) fn report(requests_per_s: f64, p50: f64) -> Report {
        Report {
            call: String::new(),
            body_bytes: 0,
            connections: 1,
            new_connections: false,
            offered_per_s: None,
            elapsed_s: 1.0,
            answers: 1,
            requests_per_s,
            received_bytes: 0,
            sent_bytes: 0,
            latency_ms: Latency { p50, p90: 2.0 * p50, p99: 3.0 * p50, max: 4.0 * p50 },
            statuses_not_2xx: BTreeMap::from([(503, 1)]),
            errors: BTreeMap::new(),
            unfinished: 0,
        }
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        // The machine gets ten times slower in the last round; the ratio of its medians would be 0.05.
        let round = |direct, through| Round { direct: report(direct, 1.0), through: report(through, 1.5) };
        let rounds = [round(1000.0, 500.0), round(1000.0, 50.0), round(100.0, 50.0)];
        let summary = Summary::of(&rounds).unwrap();
        assert_eq!(summary.ratio, Some(0.5));
        assert_eq!(summary.added_p50_ms, 0.5);
        assert_eq!(summary.direct.requests_per_s, 1000.0);
        assert_eq!((summary.through.p99_ms, summary.through.errors), (4.5, 3));
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn a_round_without_a_direct_answer_has_no_ratio() {
        let silent = Round { direct: report(0.0, 0.0), through: report(10.0, 1.0) };
        assert_eq!(Summary::of(&[silent]).unwrap().ratio, None);
    }
}
