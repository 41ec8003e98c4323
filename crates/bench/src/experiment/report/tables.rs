//! The tables of the page.

use std::iter::once;

use super::super::figures::MEASURES;
use super::super::file::{Experiment, Site};
use super::super::results::{RATIOS, Row};
use super::super::statistics::Estimate;

/// The nodes and what their clients send.
pub(super) fn nodes(experiment: &Experiment) -> String {
    let head = ["node", "calls/s", "replicas", "cores each", "slots", "queue"].map(str::to_owned).to_vec();
    let row = |(place, name): (usize, &String)| {
        let rate = format!("{:.1}", experiment.arrivals[place].rate_mean());
        let built = match &experiment.site {
            Site::Containers(containers) => {
                let node = &containers.nodes[place];
                [
                    node.replicas.to_string(),
                    node.cpus.to_string(),
                    node.slots.to_string(),
                    node.queue.to_string(),
                ]
            }
            Site::Nodes(_) => ["", "", "", ""].map(str::to_owned),
        };
        [name.clone(), rate].into_iter().chain(built).collect()
    };
    aligned(1, once(head).chain(experiment.names.iter().enumerate().map(row)).collect())
}

/// What is compared.
pub(super) fn policies(experiment: &Experiment) -> String {
    let head = ["policy", "as the nodes are told", "agent"].map(str::to_owned).to_vec();
    let rows = experiment.contestants.iter().map(|contestant| {
        let agent = contestant.agent.as_ref().map_or_else(String::new, |agent| {
            if agent.parameters.is_empty() {
                return agent.name.clone();
            }
            let parameters: Vec<_> =
                agent.parameters.iter().map(|(key, value)| format!("{key} {value}")).collect();
            format!("{} ({})", agent.name, parameters.join(", "))
        });
        vec![contestant.name.clone(), format!("`{}`", contestant.policy), agent]
    });
    aligned(3, once(head).chain(rows).collect())
}

/// Each figure of each policy.
pub(super) fn results(experiment: &Experiment, rows: &[Row]) -> String {
    let known = |place: &usize| rows.iter().any(|row| row.estimates[*place].is_some());
    let places: Vec<usize> = (0..MEASURES.len()).filter(known).collect();
    let head = once("policy").chain(places.iter().map(|place| MEASURES[*place].name));
    let head = head.map(str::to_owned).collect();
    let body = rows.iter().map(|row| {
        let cells = places.iter().map(|place| cell(row.estimates[*place], MEASURES[*place].decimals));
        once(name(experiment, row)).chain(cells).collect()
    });
    aligned(1, once(head).chain(body).collect())
}

/// Each policy over the baseline.
pub(super) fn ratios(experiment: &Experiment, rows: &[Row]) -> String {
    let head = once("policy").chain(RATIOS.iter().map(|ratio| ratio.name)).map(str::to_owned).collect();
    let others = rows.iter().filter(|row| row.contestant != experiment.baseline);
    let body = others.map(|row| {
        let cells = row.ratios.iter().map(|ratio| cell(*ratio, 2));
        once(name(experiment, row)).chain(cells).collect()
    });
    aligned(1, once(head).chain(body).collect())
}

/// Which part of the calls each node ran.
pub(super) fn ran(experiment: &Experiment, rows: &[Row]) -> String {
    let head = once("policy".to_owned()).chain(experiment.names.iter().cloned()).collect();
    let body = rows.iter().map(|row| {
        let cells = row.ran.iter().map(|part| format!("{:.0}", 100.0 * part));
        once(name(experiment, row)).chain(cells).collect()
    });
    aligned(1, once(head).chain(body).collect())
}

fn name(experiment: &Experiment, row: &Row) -> String {
    experiment.contestants[row.contestant].name.clone()
}

fn cell(estimate: Option<Estimate>, decimals: usize) -> String {
    match estimate {
        None => "-".to_owned(),
        Some(Estimate { mean, half_width: None }) => format!("{mean:.decimals$}"),
        Some(Estimate { mean, half_width: Some(half) }) => format!("{mean:.decimals$} ± {half:.decimals$}"),
    }
}

/// A Markdown table of these lines, the first of them the head, which can be read as it is. The first `left`
/// columns are text, the others figures.
fn aligned(left: usize, lines: Vec<Vec<String>>) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let lengths = lines.iter().filter_map(|line| Some(line.get(column)?.chars().count()));
        lengths.max().unwrap_or_default().max(3)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let rule = widths.iter().enumerate().map(|(column, width)| {
        if column < left { "-".repeat(*width) } else { format!("{}:", "-".repeat(width - 1)) }
    });
    let rule: Vec<String> = rule.collect();
    let mut text = String::new();
    for line in lines.iter().take(1).chain(once(&rule)).chain(lines.iter().skip(1)) {
        text.push('|');
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let padded =
                if column < left { format!(" {cell:<width$} |") } else { format!(" {cell:>width$} |") };
            text.push_str(&padded);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let lines = [["policy", "mean"], ["A", "1.0 ± 0.5"]].map(|line| line.map(str::to_owned).to_vec());
        let expected = "\
| policy |      mean |
| ------ | --------: |
| A      | 1.0 ± 0.5 |
";
        assert_eq!(aligned(1, lines.to_vec()), expected);
    }

    #[test]
    fn what_one_run_tells_has_no_interval() {
        assert_eq!(cell(None, 1), "-");
        assert_eq!(cell(Some(Estimate { mean: 2.0, half_width: None }), 1), "2.0");
        assert_eq!(cell(Some(Estimate { mean: 2.0, half_width: Some(0.25) }), 2), "2.00 ± 0.25");
    }
}
