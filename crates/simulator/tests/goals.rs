//! The goals on a small cluster; the whole table is printed by the ignored test, in the release profile.

use simulator::gossip::{GoalsOptions, goals};

#[test]
#[ignore = "minutes to hours, by SIZES, LOSSES"]
fn table() {
    let list = |name: &str, default: &str| -> Vec<f64> {
        let text = std::env::var(name).unwrap_or_else(|_| default.to_owned());
        text.split(',').map(|part| part.parse().unwrap()).collect()
    };
    let options = GoalsOptions {
        sizes: list("SIZES", "64").into_iter().map(|size| size as usize).collect(),
        losses: list("LOSSES", "0"),
        ..GoalsOptions::default()
    };
    goals(&options, |row| println!("{row:?}"));
}
