//! Results as a picture.

use super::runs::Row;
use super::table::{Column, HIT, MEAN, MESSAGES, P99, spread};
use crate::plot::{Bars, Panel, Series, page};

/// Deadlines met, latency and messages of each policy, side by side.
pub(super) fn svg(title: &str, rows: &[Row]) -> String {
    let panel = |title: &str, columns: &[Column]| {
        Panel::Bars(Bars {
            title: title.to_owned(),
            categories: rows.iter().map(|row| short(row.policy.to_string())).collect(),
            series: columns.iter().map(|column| series(column, rows)).collect(),
        })
    };
    page(
        title,
        &[
            panel("Answered before the deadline, %", &[HIT]),
            panel("Time to the answer, ms", &[MEAN, P99]),
            panel("Messages between nodes a job", &[MESSAGES]),
        ],
    )
}

/// Longer names would leave no room for the bars.
const NAME_LENGTH_MAX: usize = 48;

fn short(name: String) -> String {
    if name.chars().count() <= NAME_LENGTH_MAX {
        return name;
    }
    name.chars().take(NAME_LENGTH_MAX - 1).chain(['\u{2026}']).collect()
}

fn series(column: &Column, rows: &[Row]) -> Series {
    let values = rows.iter().map(|row| spread(row, column));
    Series {
        name: column.name.to_owned(),
        points: values.map(|(mean, deviation)| (mean, deviation.unwrap_or(0.0))).collect(),
    }
}
