//! The pictures: how the policies compare, how latency is distributed, and how it went over time.

use std::time::Duration;

use super::call::Call;
use super::figures::{GOODPUT, HIT_PERCENT, MEAN_MS, THROUGHPUT};
use super::file::Experiment;
use super::results::{Row, Run};
use crate::plot::{Bars, Guide, Line, Lines, Panel, Series, Spacing, page};

/// Points of a line: more than one can see.
const POINTS: usize = 200;

/// The means of the policies side by side.
pub(super) fn comparison(experiment: &Experiment, rows: &[Row]) -> String {
    let names = || rows.iter().map(|row| experiment.contestants[row.contestant].name.clone()).collect();
    let panel = |title: &str, measures: &[(&str, usize)]| {
        let series = measures.iter().map(|(name, measure)| Series {
            name: (*name).to_owned(),
            points: rows
                .iter()
                .map(|row| {
                    row.estimates[*measure]
                        .map_or((0.0, 0.0), |it| (it.mean, it.half_width.unwrap_or_default()))
                })
                .collect(),
        });
        Panel::Bars(Bars { title: title.to_owned(), categories: names(), series: series.collect() })
    };
    page(
        &experiment.title,
        &[
            panel("Mean latency of the answers, ms", &[("mean", MEAN_MS)]),
            panel("Calls answered in time, % of those sent", &[("in time", HIT_PERCENT)]),
            panel("Throughput, calls/s", &[("answered", THROUGHPUT), ("answered in time", GOODPUT)]),
        ],
    )
}

/// Which part of the calls had their answer within which time.
pub(super) fn latency(experiment: &Experiment, runs: &[Run]) -> String {
    let mut lines = lines(experiment, runs, |own| distribution(experiment, own));
    level(&mut lines);
    let title = "Part of the calls answered within a time, %; the rest up to 100 was rejected or lost";
    page(
        &experiment.title,
        &[Panel::Lines(Lines {
            title: title.to_owned(),
            over: "time from the call to its answer, ms".to_owned(),
            spacing: Spacing::Logarithmic,
            guides: deadlines(experiment),
            lines,
            ..Lines::default()
        })],
    )
}

/// Which part of the calls was answered in time, in the course of a run: how a policy learns.
pub(super) fn learning(experiment: &Experiment, runs: &[Run]) -> String {
    let window = experiment.window;
    let lines = lines(experiment, runs, |own| course(experiment, own));
    let lowest = lines.iter().flat_map(|line| &line.points).map(|(_, y)| *y).fold(100.0, f64::min);
    let runs = match experiment.seeds.len() {
        1 => "1 run".to_owned(),
        some => format!("{some} runs"),
    };
    let window = window.as_secs_f64();
    let title = format!("Calls answered in time, % of those sent in the {window} s before, {runs} together");
    let warm_up = experiment.warm_up.as_secs_f64();
    let guide = Guide { at: warm_up, name: "end of the warm-up".to_owned() };
    page(
        &experiment.title,
        &[Panel::Lines(Lines {
            title,
            over: "time since the policy was installed and its learner began anew, s".to_owned(),
            lowest: if lowest > 50.0 { 50.0 } else { 0.0 },
            guides: if warm_up > 0.0 { vec![guide] } else { Vec::new() },
            lines,
            ..Lines::default()
        })],
    )
}

/// A line for each policy that has a run.
fn lines(experiment: &Experiment, runs: &[Run], points: impl Fn(&[&Run]) -> Vec<(f64, f64)>) -> Vec<Line> {
    let contestants = experiment.contestants.iter().enumerate();
    let line = |(place, contestant): (usize, &super::file::Contestant)| {
        let own: Vec<&Run> = runs.iter().filter(|run| run.contestant == place).collect();
        (!own.is_empty()).then(|| Line { name: contestant.name.clone(), points: points(&own) })
    };
    contestants.filter_map(line).collect()
}

fn deadlines(experiment: &Experiment) -> Vec<Guide> {
    let mut deadlines: Vec<Duration> = experiment.tasks.iter().filter_map(|task| task.deadline).collect();
    deadlines.sort_unstable();
    deadlines.dedup();
    let guide = |deadline: Duration| {
        let at = deadline.as_secs_f64() * 1e3;
        Guide { at, name: format!("deadline {at:.0} ms") }
    };
    deadlines.into_iter().map(guide).collect()
}

fn distribution(experiment: &Experiment, runs: &[&Run]) -> Vec<(f64, f64)> {
    let counted =
        || runs.iter().flat_map(|run| &run.calls).filter(|call| call.planned.at >= experiment.warm_up);
    let mut latencies: Vec<f64> = counted().filter(|call| call.succeeded()).map(Call::latency_ms).collect();
    latencies.sort_by(f64::total_cmp);
    let all = counted().count().max(1) as f64;
    let step = latencies.len().div_ceil(POINTS).max(1);
    let last = latencies.len().saturating_sub(1);
    let places = (0..latencies.len()).filter(|place| place % step == 0 || *place == last);
    places.map(|place| (latencies[place].max(0.1), 100.0 * (place + 1) as f64 / all)).collect()
}

/// Goes on with each line to where the longest one ends: what had no answer by then never had one.
fn level(lines: &mut [Line]) {
    let end = lines.iter().filter_map(|line| line.points.last()).map(|(x, _)| *x).fold(0.0, f64::max);
    for line in lines {
        let last = line.points.last().copied();
        line.points.extend(last.filter(|(x, _)| *x < end).map(|(_, y)| (end, y)));
    }
}

/// The part of hits among the calls of a moving window, at the window's end.
fn course(experiment: &Experiment, runs: &[&Run]) -> Vec<(f64, f64)> {
    let mut calls: Vec<(f64, bool)> = runs
        .iter()
        .flat_map(|run| &run.calls)
        .map(|call| {
            let deadline = experiment.tasks[call.planned.task].deadline;
            (call.planned.at.as_secs_f64(), call.is_hit(deadline))
        })
        .collect();
    calls.sort_by(|one, other| one.0.total_cmp(&other.0));
    moving(&calls, experiment.window.as_secs_f64(), experiment.duration.as_secs_f64())
}

/// `calls` are in the order of their times. The first windows are shorter, down to a quarter: the beginning is
/// what one wants to see.
fn moving(calls: &[(f64, bool)], window: f64, duration: f64) -> Vec<(f64, f64)> {
    let first = (window / 4.0).min(duration);
    let at = |place: usize| first + (duration - first) * place as f64 / POINTS as f64;
    let part = |end: f64| {
        let from = calls.partition_point(|(at, _)| *at < end - window);
        let to = calls.partition_point(|(at, _)| *at < end);
        let hits = calls[from..to].iter().filter(|(_, is_hit)| *is_hit).count();
        (to > from).then(|| (end, 100.0 * hits as f64 / (to - from) as f64))
    };
    (0..=POINTS).filter_map(|place| part(at(place))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_moves_over_the_calls() {
        let calls: Vec<(f64, bool)> = (0..100).map(|at| (f64::from(at), at >= 50)).collect();
        let points = moving(&calls, 10.0, 100.0);
        assert_eq!(points[0], (2.5, 0.0), "the first windows are short");
        let near =
            |x: f64| points.iter().min_by(|a, b| (a.0 - x).abs().total_cmp(&(b.0 - x).abs())).unwrap().1;
        assert_eq!(near(45.0), 0.0);
        assert!((near(55.0) - 50.0).abs() <= 10.0, "{}", near(55.0));
        assert_eq!(points.last().unwrap(), &(100.0, 100.0));
        assert!(moving(&[], 10.0, 100.0).is_empty());
    }
}
