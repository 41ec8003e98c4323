//! The goals of the gossip held against real processes on loopback.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use protocol::nodes::{NodeList, NodeState};
use tokio::time::sleep;

use super::node::Node;

/// A cluster that has not done by then what is waited for will not do it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two rounds of questions, which cost the machine as much as the gossip does.
const ROUND_PAUSE: Duration = Duration::from_millis(250);
/// After the start there is news to spread; idle is what comes then.
const CALM: Duration = Duration::from_secs(15);
/// Idle traffic is measured over some comparisons of each node with another, one every 10 s.
const IDLE_SPAN: Duration = Duration::from_secs(40);

const COLD_START_MAX: Duration = Duration::from_secs(2);
const KILL_MAX: Duration = Duration::from_secs(9);
const IDLE_BYTES_PER_S_MAX: f64 = 350.0;

/// Measures a cluster of `count` processes, of which `kills` die one after the other, and hands each line of a
/// Markdown table to `print` as it is known.
///
/// # Errors
/// A process cannot be started or does not answer, or the cluster does not come together at all.
pub(super) async fn measure(
    binary: &Path,
    count: usize,
    kills: usize,
    print: impl Fn(&str),
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("cannot make a folder")?;
    print("| nodes | goal | target | measured |         |");
    print("|------:|------|-------:|---------:|---------|");
    let mut nodes = start(binary, folder.path(), count).await?;
    let met = cold_start(&nodes).await?;
    print(&line(count, "cold start, from the start of the last node", COLD_START_MAX, met));

    sleep(CALM).await;
    let bytes = idle(&nodes).await?;
    let verdict = verdict(bytes <= IDLE_BYTES_PER_S_MAX);
    print(&format!(
        "| {count} | idle traffic a node | <= {IDLE_BYTES_PER_S_MAX} B/s | {bytes:.0} B/s | {verdict} |"
    ));

    let mut times = Vec::new();
    for _ in 0..kills {
        times.extend(kill(&mut nodes).await?);
    }
    times.sort_unstable();
    if let (Some(median), Some(last)) = (times.get(times.len() / 2), times.last()) {
        print(&format!("| {count} | kill to all, p50 | - | {:.1} s |  |", median.as_secs_f64()));
        print(&line(count, "kill to all, the last to see it", KILL_MAX, *last));
    }
    Ok(())
}

fn line(count: usize, goal: &str, target: Duration, measured: Duration) -> String {
    let (target_s, measured_s) = (target.as_secs(), measured.as_secs_f64());
    let verdict = verdict(measured <= target);
    format!("| {count} | {goal} | <= {target_s} s | {measured_s:.1} s | {verdict} |")
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}

/// The first one is the seed of all others, which are started at once.
async fn start(binary: &Path, folder: &Path, count: usize) -> anyhow::Result<Vec<Node>> {
    let mut seed = Node::start(binary, &folder.join("0"), None)?;
    seed.listens().await?;
    let own = seed.nodes().await?.own;
    let gossip = SocketAddr::new(own.address, own.ports.gossip);
    let mut nodes = vec![seed];
    for number in 1..count {
        nodes.push(Node::start(binary, &folder.join(number.to_string()), Some(gossip))?);
    }
    for node in nodes.iter_mut().skip(1) {
        node.listens().await?;
    }
    Ok(nodes)
}

/// Time from the start of the last node until each knew every other, by the nodes' own clock, which is one.
async fn cold_start(nodes: &[Node]) -> anyhow::Result<Duration> {
    let lists = until_all(nodes, |list| {
        list.nodes.iter().filter(|node| node.state == NodeState::Alive).count() == nodes.len() - 1
    })
    .await?;
    let started = lists.iter().map(|list| list.own.since).max().unwrap_or_default();
    let met = lists.iter().flat_map(|list| &list.nodes).map(|node| node.since).max().unwrap_or_default();
    Ok(Duration::from_millis(met.saturating_sub(started)))
}

/// Bytes a second that a node sends while nothing happens, in the mean.
async fn idle(nodes: &[Node]) -> anyhow::Result<f64> {
    let start = Instant::now();
    let before = bytes_sent(nodes).await?;
    sleep(IDLE_SPAN).await;
    let after = bytes_sent(nodes).await?;
    Ok((after - before) / start.elapsed().as_secs_f64() / nodes.len() as f64)
}

async fn bytes_sent(nodes: &[Node]) -> anyhow::Result<f64> {
    let mut sum = 0.0;
    for node in nodes {
        sum += node.bytes_sent().await?;
    }
    Ok(sum)
}

/// Kills the last node, and tells how long each of the others took to see that it is dead.
async fn kill(nodes: &mut Vec<Node>) -> anyhow::Result<Vec<Duration>> {
    let victim = nodes.pop().context("there is nobody to kill")?;
    let id = victim.nodes().await?.own.id;
    let killed_at = SystemTime::now().duration_since(UNIX_EPOCH)?;
    victim.kill().await?;
    let death_seen_at = |list: &NodeList| {
        let victim = list.nodes.iter().find(|node| node.id == id)?;
        (victim.state == NodeState::Dead).then(|| Duration::from_millis(victim.since))
    };
    let lists = until_all(nodes, |list| death_seen_at(list).is_some()).await?;
    Ok(lists.iter().filter_map(death_seen_at).map(|at| at.saturating_sub(killed_at)).collect())
}

/// Asks the nodes until each of them sees what it should, and tells what each saw then.
async fn until_all(nodes: &[Node], holds: impl Fn(&NodeList) -> bool) -> anyhow::Result<Vec<NodeList>> {
    let start = Instant::now();
    let mut lists: Vec<Option<NodeList>> = nodes.iter().map(|_| None).collect();
    while start.elapsed() < PATIENCE {
        for (node, list) in nodes.iter().zip(&mut lists).filter(|(_, list)| list.is_none()) {
            *list = Some(node.nodes().await?).filter(&holds);
        }
        if lists.iter().all(Option::is_some) {
            return Ok(lists.into_iter().flatten().collect());
        }
        sleep(ROUND_PAUSE).await;
    }
    let missing = lists.iter().filter(|list| list.is_none()).count();
    bail!("{missing} of {} nodes did not see what was waited for within {PATIENCE:?}", nodes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_target_and_measured_side_by_side() {
        let two = Duration::from_secs(2);
        let met = "| 64 | goal | <= 2 s | 1.5 s | met |";
        assert_eq!(line(64, "goal", two, Duration::from_millis(1_500)), met);
        assert!(line(64, "goal", two, Duration::from_millis(2_500)).contains("missed"));
    }
}
