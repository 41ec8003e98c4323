//! The figures held against what the project wants to reach.

use serde::Serialize;

use super::{
    Comparison,
    case::{BUSY, CROWD, Case, LARGE_BODY_BYTES, ONE, SMALL_BODY_BYTES, SOME, body_name, closed, paced},
    summary::Row,
};

/// Load generator, function and scheduler share the cores: a third of direct is two connections' work.
const SMALL_RATIO_MIN: f64 = 0.35;
/// Bodies are passed on, not copied.
const LARGE_RATIO_MIN: f64 = 0.4;
/// Two wake-ups.
const ADDED_P50_MS_MAX: f64 = 0.1;
/// Throughput from 16 to 64 connections must not fall; less than this share is noise between rows.
const FALL_NOISE: f64 = 0.05;
const IDLE_MB_MAX: f64 = 15.0;
const BUSY_MB_MAX: f64 = 60.0;
const CROWD_P99_FACTOR_MAX: f64 = 10.0;
const START_MS_MAX: f64 = 200.0;
const BINARY_MB_MAX: f64 = 12.0;

/// One target and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// What is held against the target.
    pub what: String,
    /// The target, such as `<= 15 MB`.
    pub target: String,
    /// What was measured.
    pub measured: String,
    /// Whether the target is met.
    pub met: bool,
}

/// A verdict on every target whose rows were measured.
pub(super) fn verdicts(comparison: &Comparison) -> Vec<Verdict> {
    let row = |case| comparison.rows.iter().find(|row| row.case == case);
    let mut verdicts = Vec::new();
    for (body_bytes, ratio_min) in [(SMALL_BODY_BYTES, SMALL_RATIO_MIN), (LARGE_BODY_BYTES, LARGE_RATIO_MIN)]
    {
        let cases = [SOME, BUSY].map(|connections| closed(body_bytes, connections));
        verdicts.extend(
            cases
                .into_iter()
                .filter_map(row)
                .filter_map(|row| Some((row.case, row.summary.ratio?)))
                .map(|(case, ratio)| at_least(format!("of direct, {case}"), ratio, ratio_min)),
        );
        verdicts.extend(fall(body_bytes, row));
    }
    verdicts.extend(row(closed(SMALL_BODY_BYTES, ONE)).map(|row| {
        at_most(format!("added p50, {}", row.case), row.summary.added_p50_ms, ADDED_P50_MS_MAX, " ms")
    }));
    verdicts.extend(crowd(row));
    verdicts.push(at_most("resident, idle".to_owned(), comparison.idle.resident_mb, IDLE_MB_MAX, " MB"));
    verdicts.extend(row(closed(LARGE_BODY_BYTES, BUSY)).map(|row| {
        at_most(format!("resident at its highest, {}", row.case), row.memory.peak_mb, BUSY_MB_MAX, " MB")
    }));
    verdicts.push(at_most("start to first 200".to_owned(), comparison.start_ms, START_MS_MAX, " ms"));
    verdicts.push(at_most("binary".to_owned(), comparison.binary_mb, BINARY_MB_MAX, " MB"));
    verdicts
}

fn fall<'a>(body_bytes: usize, row: impl Fn(Case) -> Option<&'a Row>) -> Option<Verdict> {
    let some = &row(closed(body_bytes, SOME))?.summary;
    let busy = &row(closed(body_bytes, BUSY))?.summary;
    let kept = busy.through.requests_per_s / some.through.requests_per_s;
    let kept_direct = busy.direct.requests_per_s / some.direct.requests_per_s;
    Some(Verdict {
        what: format!("requests/s at {BUSY} over those at {SOME}, {}", body_name(body_bytes)),
        target: format!(">= {:.2}", 1.0 - FALL_NOISE),
        measured: format!("{kept:.2} (direct {kept_direct:.2})"),
        met: kept >= 1.0 - FALL_NOISE,
    })
}

fn crowd<'a>(row: impl Fn(Case) -> Option<&'a Row>) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let pairs =
        [(closed(SMALL_BODY_BYTES, BUSY), closed(SMALL_BODY_BYTES, CROWD)), (paced(BUSY), paced(CROWD))];
    for (busy, crowd) in pairs {
        let (Some(busy), Some(crowd)) = (row(busy), row(crowd)) else { continue };
        let is_answered = crowd.summary.through.requests_per_s > 0.0;
        let errors = crowd.summary.through.errors;
        verdicts.push(Verdict {
            what: format!("errors, {}", crowd.case),
            target: "none".to_owned(),
            measured: errors.to_string(),
            met: is_answered && errors == 0,
        });
        let factor = crowd.summary.through.p99_ms / busy.summary.through.p99_ms;
        // Without an answer there is no latency either, which would look like the best of all.
        let factor = if is_answered { factor } else { f64::INFINITY };
        let what = format!("p99 over that of {BUSY}, {}", crowd.case);
        verdicts.push(at_most(what, factor, CROWD_P99_FACTOR_MAX, ""));
    }
    verdicts
}

fn at_least(what: String, measured: f64, min: f64) -> Verdict {
    let met = measured >= min;
    Verdict { what, target: format!(">= {min}"), measured: format!("{measured:.3}"), met }
}

fn at_most(what: String, measured: f64, max: f64, unit: &str) -> Verdict {
    let met = measured <= max;
    Verdict { what, target: format!("<= {max}{unit}"), measured: format!("{measured:.3}{unit}"), met }
}

#[cfg(test)]
mod tests {
    use super::{super::comparison::tests::comparison, *};

    fn verdict<'a>(verdicts: &'a [Verdict], what: &str) -> &'a Verdict {
        verdicts.iter().find(|verdict| verdict.what == what).unwrap()
    }

    #[test]
    fn each_target_is_held_against_its_row() {
        let verdicts = verdicts(&comparison());
        assert!(verdict(&verdicts, "of direct, 128 B, 16 connections").met);
        assert!(!verdict(&verdicts, "of direct, 128 B, 64 connections").met);
        let fall = verdict(&verdicts, "requests/s at 64 over those at 16, 128 B");
        assert_eq!((fall.measured.as_str(), fall.met), ("0.50 (direct 1.00)", false));
        assert!(verdict(&verdicts, "resident, idle").met);
        assert!(!verdict(&verdicts, "start to first 200").met);
    }

    #[test]
    fn what_was_not_measured_has_no_verdict() {
        let mut comparison = comparison();
        comparison.rows.clear();
        let judged: Vec<_> = verdicts(&comparison).into_iter().map(|verdict| verdict.what).collect();
        assert_eq!(judged, ["resident, idle", "start to first 200", "binary"]);
    }
}
