//! The goals on a small cluster; the whole table comes from the ignored test, in the release profile.

use simulator::gossip::{GoalsOptions, Measure, Row, goals};

/// Reads `SIZES`, `LOSSES` and `MEASURES`, each a list with commas.
#[test]
#[ignore = "takes minutes to hours"]
fn table() {
    let list = |name: &str, default: &str| -> Vec<f64> {
        let text = std::env::var(name).unwrap_or_else(|_| default.to_owned());
        text.split(',').map(|part| part.parse().unwrap()).collect()
    };
    let wanted = std::env::var("MEASURES").unwrap_or_default();
    let is_wanted = |measure: &Measure| wanted.is_empty() || wanted.contains(&format!("{measure:?}"));
    let options = GoalsOptions {
        sizes: list("SIZES", "64").into_iter().map(|size| size as usize).collect(),
        losses: list("LOSSES", "0"),
        measures: Measure::ALL.into_iter().filter(is_wanted).collect(),
        departures: list("DEPARTURES", "10")[0] as usize,
        ..GoalsOptions::default()
    };
    goals(&options, |row| {
        let verdict = row.met.map_or("", |met| if met { "met" } else { "MISSED" });
        let Row { goal, nodes, loss, target, measured, .. } = row;
        println!("| {nodes} | {loss} | {goal} | {target} | {measured} | {verdict} |");
    });
}
