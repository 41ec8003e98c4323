//! What the demo prints: what there is, and calls that work as they stand.

use std::{env, fmt::Write, path::Path};

use super::{Demo, functions::Function};
use crate::cluster::{Node, Part};

/// How long the function of the load takes, so that what a node can do is known.
const DELAY_MS: u32 = 100;
/// What a node is offered of what it can do alone.
const HOT: f64 = 2.5;

pub(super) fn guide(demo: &mut Demo, folder: &Path) -> anyhow::Result<String> {
    let mut text = table(demo, folder)?;
    let slots = slots(&demo.nodes[0]);
    let node = demo.nodes.len() - 1;
    let pids = pids(&mut demo.nodes[node], &mut demo.functions)?;
    let (first, last) = (&demo.nodes[0], &demo.nodes[node]);
    let call = |path: &str| first.url(Part::Scheduler, path);
    let mut section = |title: String, lines: &[String]| {
        let _ = write!(text, "\n# {title}\n{}\n", lines.join("\n"));
    };
    section(
        "A call of node 1; its headers tell who decided, who ran it, and how long it took".to_owned(),
        &[format!("curl -i -d hello {}", call("/function/echo"))],
    );
    section(
        "The same, handed to another node whatever the policy says".to_owned(),
        &[format!("curl -i -d hello -H 'X-P2pfaas-Scheduler-Forward: 1' {}", call("/function/echo"))],
    );
    let only_there = demo.functions.iter().find(|function| function.name() == "exponential-loop");
    if let Some(function) = only_there {
        let line = format!("curl -i '{}'", call(&format!("/function/{}?mean_ms=5", function.name())));
        section(format!("A function that only node {} has, called at node 1", last.plan().name), &[line]);
    }
    section(
        format!("{HOT} times what node 1 can do alone, and what each node then has done"),
        &[load(&call(&format!("/function/echo?delay_ms={DELAY_MS}")), slots), counts(&demo.nodes)],
    );
    section(
        "Another policy for node 1, and back to one that asks".to_owned(),
        &[
            policy(&call("/configuration/scheduler"), "NoScheduler", "\"true\""),
            policy(&call("/configuration/scheduler"), "PowerOfTwoScheduler", ""),
        ],
    );
    section(
        "Who is there, as node 1 sees it: a list, and a picture for Graphviz".to_owned(),
        &[
            format!("curl {}", call("/nodes")),
            format!("curl '{}'", first.url(Part::Discovery, "/nodes?format=dot")),
        ],
    );
    if node > 0 {
        section(format!("The end of node {}", last.plan().name), &[format!("kill -9 {pids}")]);
    }
    text.push_str("\nCtrl-C ends the cluster.");
    Ok(text)
}

fn table(demo: &Demo, folder: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let count = demo.nodes.len();
    writeln!(text, "\n{count} nodes stand and see each other. Data and logs: {}\n", folder.display())?;
    writeln!(text, "{:>5}  {:<23} {:<23} {:<23} functions", "node", "scheduler", "discovery", "learner")?;
    for node in &demo.nodes {
        let plan = node.plan();
        let functions: Vec<_> = plan.functions.keys().map(String::as_str).collect();
        let url = |part| node.url(part, "");
        writeln!(
            text,
            "{:>5}  {:<23} {:<23} {:<23} {}",
            plan.name,
            url(Part::Scheduler),
            url(Part::Discovery),
            url(Part::Learner),
            functions.join(", ")
        )?;
    }
    text.push_str("\nIn another terminal:\n");
    Ok(text)
}

fn slots(node: &Node) -> u32 {
    let variables = &node.plan().variables;
    let slots = variables.iter().find(|(_, name, _)| *name == "P2PFAAS_PARALLEL_RUNNING_FUNCTIONS_MAX");
    slots.and_then(|(.., value)| value.parse().ok()).unwrap_or(super::SLOTS_DEFAULT)
}

fn load(url: &str, slots: u32) -> String {
    let program = env::current_exe().unwrap_or_else(|_| "p2pfaas-bench".into());
    let capacity = f64::from(slots) * 1_000.0 / f64::from(DELAY_MS);
    let connections = (16 * slots).max(32);
    format!("{} load '{url}' -c {connections} -r {} -d 5s", program.display(), HOT * capacity)
}

fn counts(nodes: &[Node]) -> String {
    let urls: Vec<_> = nodes.iter().map(|node| node.url(Part::Scheduler, "/metrics")).collect();
    format!("curl -s {} | grep ^p2pfaas_jobs_total", urls.join(" "))
}

fn policy(url: &str, name: &str, parameters: &str) -> String {
    format!("curl -d '{{\"name\": \"{name}\", \"parameters\": [{parameters}]}}' {url}")
}

fn pids(node: &mut Node, functions: &mut [Function]) -> anyhow::Result<String> {
    let name = node.plan().name.clone();
    let mut pids = Vec::new();
    for part in Part::ALL {
        pids.push(node.pid(part)?.to_string());
    }
    for function in functions.iter_mut().filter(|function| function.node() == name) {
        pids.push(function.pid()?.to_string());
    }
    Ok(pids.join(" "))
}
