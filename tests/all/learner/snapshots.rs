//! The model survives the learner's end, and a broken snapshot is neither taken nor lost.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use tests::process::{Process, service};
use tests::wait;

use super::{Node, lesson};

const AGENT: (&str, &str) = ("P2PFAAS_AGENT", r#"{"name": "QLearning", "parameters": {"epsilon_start": 0}}"#);
const FILE: &str = "learner-model.json";

fn set_aside(data: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    let is_aside = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("learner-model-")
    };
    entries.filter(is_aside).collect()
}

#[tokio::test]
async fn the_model_and_the_parameters_survive_a_stop() {
    let node = Node::start(&[]).await;
    let wanted = json!({"name": "QLearning", "parameters": {"epsilon_start": 0, "actions_n": 4}});
    node.post("/learner/parameters", wanted).await;
    node.post("/train", lesson(0, 100)).await;
    let before = node.get("/learner/weights").await;
    let node = Node::start_in(node.stop().await, &[]).await;
    let after = node.get("/learner/weights").await;
    assert_eq!(after, before);
    assert_eq!((&after["agent"], &after["version"]), (&json!("QLearning"), &json!(2)));
    assert_eq!(node.post("/act", json!({"state": [0, 1]})).await["action"], 2);
}

#[tokio::test]
async fn the_model_of_the_last_snapshot_survives_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let variables = [AGENT, ("P2PFAAS_SNAPSHOT_PERIOD_MS", "1000")];
    let (mut process, address) = Process::start(service("learner", data.path(), &variables));
    let url = format!("http://{address}/train");
    let sent = reqwest::Client::new().post(url).body(lesson(0, 100).to_string()).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    wait::until("the model is saved", async || {
        fs::read_to_string(data.path().join(FILE)).is_ok_and(|text| text.contains("\"accepted\":100"))
    })
    .await;
    process.signal("KILL");
    process.wait();
    let node = Node::start_in(data, &[AGENT]).await;
    assert_eq!(node.stats().await["trained_items"], 99);
    assert_eq!(node.post("/act", json!({"state": [0, 1]})).await["action"], 2);
}

#[tokio::test]
async fn a_broken_snapshot_is_set_aside_and_a_new_model_begins() {
    let node = Node::start(&[AGENT]).await;
    node.post("/train", lesson(0, 100)).await;
    let mut data = node.stop().await;
    let good = fs::read(data.path().join(FILE)).unwrap();
    let mut flipped = good.clone();
    let digit = good.iter().position(|byte| *byte == b'9').unwrap();
    flipped[digit] = b'8';
    let broken = [good[..good.len() / 2].to_vec(), flipped, b"".to_vec(), b"{}".to_vec()];
    for (count, broken) in broken.iter().enumerate() {
        fs::write(data.path().join(FILE), broken).unwrap();
        let node = Node::start_in(data, &[AGENT]).await;
        let stats = node.stats().await;
        assert_eq!((&stats["accepted"], &stats["version"]), (&json!(0), &json!(1)));
        data = node.stop().await;
        let kept = set_aside(data.path());
        assert_eq!(kept.len(), count + 1, "{kept:?}");
        assert!(kept.iter().any(|path| fs::read(path).unwrap() == *broken), "{count} is lost");
    }
}

#[tokio::test]
async fn a_broken_snapshot_is_told_in_the_log() {
    let data = tempfile::tempdir().unwrap();
    fs::write(data.path().join(FILE), "broken").unwrap();
    let mut command = service("learner", data.path(), &[]);
    command.stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let output = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut lines = std::io::BufRead::lines(output).map_while(Result::ok);
    let said = lines.find(|line| line.contains("set aside")).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said.contains("\"ERROR\"") && said.contains("learner-model-broken-"), "{said}");
}

#[tokio::test]
async fn a_model_of_another_agent_is_kept_beside() {
    let node = Node::start(&[AGENT]).await;
    node.post("/train", lesson(0, 100)).await;
    let data = node.stop().await;
    let node = Node::start_in(data, &[("P2PFAAS_AGENT", r#"{"name": "TileSarsa"}"#)]).await;
    assert_eq!(node.stats().await["agent"], "TileSarsa");
    let kept = set_aside(node.data.path());
    assert!(kept.len() == 1 && kept[0].to_str().unwrap().contains("other"), "{kept:?}");
}

#[tokio::test]
async fn a_reset_is_saved_at_once() {
    let node = Node::start(&[AGENT, ("P2PFAAS_SNAPSHOT_PERIOD_MS", "86400000")]).await;
    node.post("/train", lesson(0, 100)).await;
    node.post("/learner/reset", json!(null)).await;
    wait::until("the new model is saved", async || {
        fs::read_to_string(node.data.path().join(FILE)).is_ok_and(|text| text.contains("\"version\":2"))
    })
    .await;
}

#[tokio::test]
async fn a_model_that_cannot_be_saved_is_said_to_be_so() {
    let node = Node::start(&[AGENT]).await;
    // Where a folder stands in its place, the file cannot be put there, whoever runs this test.
    fs::create_dir(node.data.path().join(FILE)).unwrap();
    fs::write(node.data.path().join(FILE).join("in the way"), "").unwrap();
    node.post("/learner/reset", json!(null)).await;
    let degraded = async || node.get("/health").await["degraded"]["snapshot"].is_string();
    wait::until("/health tells that the model is not saved", degraded).await;
    fs::remove_dir_all(node.data.path().join(FILE)).unwrap();
    node.post("/learner/reset", json!(null)).await;
    wait::until("it is saved again", async || !degraded().await).await;
}
