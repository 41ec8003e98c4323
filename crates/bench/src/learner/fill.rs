//! The memory of a learner with a large model.

use anyhow::{Context, ensure};
use serde_json::Value;

use super::train::{Client, samples};
use super::{ACTIONS, BATCH, RESIDENT_MB_MAX, STATES};
use crate::goal::{Bound, Goal};

/// Fills a table, and gives what the process then holds, before and after the model was written.
pub(super) async fn resident(port: u16) -> anyhow::Result<Vec<Goal>> {
    let mut client = Client::connect(port).await?;
    let idle = resident_mb(&mut client).await?;
    // One more, because the last sample waits for its successor.
    for from in (0..=STATES).step_by(BATCH) {
        let state =
            |eid: u64| format!("{},{},{},{},{}", eid % 2, eid / 2 % 50, eid / 100 % 50, eid / 5_000, eid % 3);
        client.train(samples(from as u64, BATCH, state)).await?;
    }
    let stats: Value = serde_json::from_slice(&client.send("GET", "/learner/stats", String::new()).await?)?;
    let states = stats["states"].as_u64().context("no states in the stats")?;
    ensure!(states as usize >= STATES, "only {states} states came to be");
    let full = resident_mb(&mut client).await?;
    let model = client.send("GET", "/learner/weights", String::new()).await?;
    let written = resident_mb(&mut client).await?;
    let most = Some(Bound::AtMost(RESIDENT_MB_MAX));
    let what = format!("resident with {STATES} states of 5 parts and {ACTIONS} actions");
    Ok(vec![
        Goal::new("resident, idle", None, idle, " MB"),
        Goal::new(&what, most, full, " MB"),
        Goal::new(format!("{what}, once the model was asked for"), None, written, " MB"),
        Goal::new("that model as JSON", None, model.len() as f64 / 1e6, " MB"),
    ])
}

/// As the process itself reads it from the kernel, in megabytes of 10^6 bytes.
async fn resident_mb(client: &mut Client) -> anyhow::Result<f64> {
    let text = client.send("GET", "/metrics", String::new()).await?;
    let text = std::str::from_utf8(&text)?;
    let bytes = text.lines().find_map(|line| line.strip_prefix("p2pfaas_process_resident_memory_bytes "));
    Ok(bytes.context("no memory in the metrics")?.trim().parse::<f64>()? / 1e6)
}
