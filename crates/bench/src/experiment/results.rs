//! All runs, and what they tell of each policy.

use super::call::Call;
use super::figures::{Figures, GOODPUT, MEAN_MS, MEASURES, THROUGHPUT};
use super::statistics::Estimate;

/// A run that came to its end.
#[derive(Debug)]
pub(super) struct Run {
    /// The place of its policy.
    pub(super) contestant: usize,
    pub(super) seed: u64,
    /// How busy the machine was before it, as `uptime` has it for the last minute; none where it does not tell.
    pub(super) load_average: Option<f64>,
    pub(super) figures: Figures,
    pub(super) calls: Vec<Call>,
}

/// What the runs of a policy come to.
#[derive(Debug)]
pub(super) struct Row {
    /// The place of the policy.
    pub(super) contestant: usize,
    /// An estimate of each of [`MEASURES`]; none where no run tells.
    pub(super) estimates: Vec<Option<Estimate>>,
    /// An estimate of each of [`RATIOS`]; none for the baseline itself.
    pub(super) ratios: Vec<Option<Estimate>>,
    /// The part of the calls answered that each node ran, 0 to 1.
    pub(super) ran: Vec<f64>,
}

/// A figure that is held against that of the baseline.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ratio {
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    /// The place of the figure.
    measure: usize,
}

/// What is held against the baseline, seed by seed: under one seed, all policies had the same calls.
pub(super) const RATIOS: [Ratio; 3] = [
    Ratio { key: "mean_ratio", name: "mean latency", measure: MEAN_MS },
    Ratio { key: "throughput_ratio", name: "answers/s", measure: THROUGHPUT },
    Ratio { key: "goodput_ratio", name: "in time/s", measure: GOODPUT },
];

/// A row for each policy that has a run, in their order.
pub(super) fn rows(runs: &[Run], contestants: usize, baseline: usize) -> Vec<Row> {
    let of = |contestant| runs.iter().filter(move |run| run.contestant == contestant);
    let row = |contestant: usize| {
        let own: Vec<&Run> = of(contestant).collect();
        let estimate = |measure: usize| estimate(own.iter().map(|run| run.figures.values[measure]));
        let paired = |ratio: &Ratio| {
            let pairs = own.iter().filter_map(|run| {
                let other = of(baseline).find(|other| other.seed == run.seed)?;
                Some(run.figures.values[ratio.measure] / other.figures.values[ratio.measure])
            });
            if contestant == baseline { None } else { self::estimate(pairs) }
        };
        (!own.is_empty()).then(|| Row {
            contestant,
            estimates: (0..MEASURES.len()).map(estimate).collect(),
            ratios: RATIOS.iter().map(paired).collect(),
            ran: ran(&own),
        })
    };
    (0..contestants).filter_map(row).collect()
}

fn estimate(values: impl Iterator<Item = f64>) -> Option<Estimate> {
    let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    (!values.is_empty()).then(|| Estimate::of(&values))
}

fn ran(runs: &[&Run]) -> Vec<f64> {
    let nodes = runs.first().map_or(0, |run| run.figures.ran.len());
    let of_node = |node: usize| runs.iter().map(|run| run.figures.ran[node]).sum::<usize>() as f64;
    let counts: Vec<f64> = (0..nodes).map(of_node).collect();
    let all = counts.iter().sum::<f64>().max(1.0);
    counts.iter().map(|count| count / all).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(contestant: usize, seed: u64, mean_ms: f64) -> Run {
        let mut values = vec![f64::NAN; MEASURES.len()];
        values[MEAN_MS] = mean_ms;
        let figures = Figures { calls: 4, values, ran: vec![1, 3] };
        Run { contestant, seed, load_average: None, figures, calls: Vec::new() }
    }

    #[test]
    fn ratios_are_taken_seed_by_seed() {
        let runs = [run(0, 1, 100.0), run(1, 1, 60.0), run(1, 2, 80.0), run(0, 2, 200.0), run(1, 3, 1.0)];
        let rows = rows(&runs, 3, 0);
        assert_eq!(rows.iter().map(|row| row.contestant).collect::<Vec<_>>(), [0, 1], "the third has no run");
        assert_eq!(rows[0].estimates[MEAN_MS].unwrap().mean, 150.0);
        assert_eq!(rows[0].ratios[0], None);
        let ratio = rows[1].ratios[0].unwrap();
        assert!((ratio.mean - 0.5).abs() < 1e-12, "{ratio:?}");
        // 12.706 times the standard error of 0.6 and 0.4.
        assert!((ratio.half_width.unwrap() - 1.2706).abs() < 1e-9, "{ratio:?}");
        assert_eq!(rows[1].estimates[THROUGHPUT], None, "what no run tells is not known");
        assert_eq!(rows[1].ran, [0.25, 0.75]);
    }
}
