//! The services as processes: exit codes, signals, settings over a restart.

use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tests::function::Gate;
use tests::process::{Process, binary, run, service};

const SERVICES: [&str; 3] = ["scheduler", "learner", "discovery"];

async fn get(address: std::net::SocketAddr, path: &str) -> reqwest::Response {
    reqwest::get(format!("http://{address}{path}")).await.unwrap()
}

#[tokio::test]
async fn every_service_stands_with_health_settings_metrics_and_document() {
    let data = tempfile::tempdir().unwrap();
    for name in SERVICES {
        let (mut process, address) = Process::start(service(name, data.path(), &[]));
        let health: Value = get(address, "/health").await.json().await.unwrap();
        assert_eq!((&health["status"], &health["service"]), (&json!("ok"), &json!(name)));
        assert!(get(address, "/metrics").await.text().await.unwrap().contains("p2pfaas_build_info"));
        let settings: Value = get(address, "/configuration").await.json().await.unwrap();
        assert_eq!(settings["log_level"], "info");
        let document: Value = get(address, "/openapi.json").await.json().await.unwrap();
        assert!(document["paths"]["/health"].is_object());
        let port = address.port().to_string();
        let mut check = service(name, data.path(), &[("P2PFAAS_LISTENING_PORT", &port)]);
        assert!(check.arg("healthcheck").status().unwrap().success());
        process.signal("TERM");
        assert_eq!(process.wait().code(), Some(0));
        assert!(!check.stderr(Stdio::null()).status().unwrap().success());
    }
}

#[test]
fn bad_settings_exit_with_78_and_name_source_and_key() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("bad.json");
    for (text, named) in [
        ("{", "bad.json"),
        (r#"{"scheduler": {"queue_lenght_max": 1}}"#, "queue_lenght_max"),
        (r#"{"scheduler": {"queue_length_max": -1}}"#, "queue_length_max"),
        (r#"{"scheduler": {"parallel_running_functions_max": 0}}"#, "parallel_running_functions_max"),
        (r#"{"scheduler": {"scheduler": {"name": "Nonesuch"}}}"#, "Nonesuch"),
        (r#"{"nonesuch": {}}"#, "nonesuch"),
    ] {
        std::fs::write(&file, text).unwrap();
        let mut command = service("scheduler", data.path(), &[]);
        command.arg("--config").arg(&file);
        let ended = run(command);
        assert_eq!(ended.code, Some(78), "{text}: {}", ended.complaint);
        assert!(
            ended.complaint.contains(named) && ended.complaint.contains("bad.json"),
            "{}",
            ended.complaint
        );
    }
    let mut missing = service("scheduler", data.path(), &[]);
    missing.args(["--config", "nowhere.json"]);
    let ended = run(missing);
    assert_eq!(ended.code, Some(78));
    assert!(ended.complaint.contains("nowhere.json"), "{}", ended.complaint);
    for name in SERVICES {
        let ended = run(service(name, data.path(), &[("P2PFAAS_CONNECTIONS_MAX", "none")]));
        assert_eq!(ended.code, Some(78));
        assert!(ended.complaint.contains("P2PFAAS_CONNECTIONS_MAX"), "{}", ended.complaint);
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error_that_says_so() {
    let data = tempfile::tempdir().unwrap();
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = service("scheduler", data.path(), &[("P2PFAAS_LISTENING_PORT", &port)]);
    command.stdout(Stdio::null());
    let ended = run(command);
    assert_eq!(ended.code, Some(1));
    assert!(ended.complaint.contains(&port), "{}", ended.complaint);
}

#[tokio::test]
async fn what_was_patched_survives_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let client = reqwest::Client::new();
    let (mut process, address) = Process::start(service("scheduler", data.path(), &[]));
    let patch = client.patch(format!("http://{address}/configuration"));
    let answer = patch.body(r#"{"queue_length_max": 77}"#).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    process.signal("KILL");
    process.wait();
    let (_process, address) = Process::start(service("scheduler", data.path(), &[]));
    let settings: Value = get(address, "/configuration").await.json().await.unwrap();
    assert_eq!(settings["queue_length_max"], 77);
}

#[tokio::test]
async fn a_signal_drains_and_a_second_one_ends_at_once() {
    let data = tempfile::tempdir().unwrap();
    let (gate, url) = Gate::start().await;
    let endpoints = json!({"gate": [url]}).to_string();
    let start = || Process::start(service("scheduler", data.path(), &[("P2PFAAS_ENDPOINTS", &endpoints)]));
    let call = |address| tokio::spawn(reqwest::get(format!("http://{address}/function/gate")));

    let (mut process, address) = start();
    let accepted = call(address);
    gate.started(1).await;
    process.signal("TERM");
    process.line_with("draining");
    assert_eq!(get(address, "/function/gate").await.status(), 503);
    gate.let_through(1);
    assert_eq!(accepted.await.unwrap().unwrap().status(), 200);
    assert_eq!(process.wait().code(), Some(0));

    let (mut process, address) = start();
    let cut_off = call(address);
    gate.started(2).await;
    process.signal("TERM");
    process.line_with("draining");
    process.signal("INT");
    assert_eq!(process.wait().code(), Some(130));
    assert!(cut_off.await.unwrap().is_err());
}

#[tokio::test]
async fn a_drain_that_takes_too_long_is_cut_off() {
    let data = tempfile::tempdir().unwrap();
    let (gate, url) = Gate::start().await;
    let endpoints = json!({"gate": [url]}).to_string();
    let settings = [("P2PFAAS_ENDPOINTS", endpoints.as_str()), ("P2PFAAS_DRAIN_TIMEOUT_MS", "50")];
    let (mut process, address) = Process::start(service("scheduler", data.path(), &settings));
    let cut_off = tokio::spawn(reqwest::get(format!("http://{address}/function/gate")));
    gate.started(1).await;
    process.signal("TERM");
    assert_eq!(process.wait().code(), Some(0));
    assert!(cut_off.await.unwrap().is_err());
}

#[tokio::test]
async fn without_docker_the_node_is_degraded_and_known_endpoints_go_on() {
    let data = tempfile::tempdir().unwrap();
    let (gate, url) = Gate::start().await;
    gate.let_through(1);
    let endpoints = json!({"gate": [url]}).to_string();
    let settings = [
        ("P2PFAAS_DOCKER_ENABLED", "true"),
        ("P2PFAAS_DOCKER_HOST", "unix:///nonexistent/docker.sock"),
        ("P2PFAAS_ENDPOINTS", &endpoints),
    ];
    let (_process, address) = Process::start(service("scheduler", data.path(), &settings));
    assert_eq!(get(address, "/function/gate").await.status(), 200);
    tests::wait::until("the report names the socket", async || {
        let health: Value = get(address, "/health").await.json().await.unwrap();
        health["degraded"]["docker"].as_str().is_some_and(|why| why.contains("/nonexistent/docker.sock"))
    })
    .await;
    let unknown: Value = get(address, "/function/nonesuch").await.json().await.unwrap();
    assert!(unknown["message"].as_str().unwrap().contains("Docker is away"), "{unknown}");
}

#[test]
fn the_settings_command_shows_each_key_with_its_source() {
    let data = tempfile::tempdir().unwrap();
    let mut command = service("scheduler", data.path(), &[("P2PFAAS_QUEUE_LENGTH_MAX", "3")]);
    let output = command.arg("settings").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("queue_length_max = 3  # environment"), "{text}");
    assert!(text.contains("body_bytes_max = 67108864  # default"), "{text}");
}

#[test]
fn every_binary_tells_its_version() {
    for name in SERVICES {
        let output = Command::new(binary(&format!("p2pfaas-{name}"))).arg("--version").output().unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).contains(service::VERSION));
    }
}
