use super::*;

const SMALLEST: &str = r#"{
    "title": "small", "duration_s": 10, "seeds": [1], "policies": ["NoScheduler(true)"],
    "nodes": [{"slots": 4, "load": 0.5}], "tasks": [{"mean_ms": 100}]
}"#;

fn study(text: &str) -> anyhow::Result<Study> {
    parse(text, Path::new("."))
}

/// The smallest scenario with one part replaced, and what is said of it.
fn wrong(part: &str, by: &str) -> String {
    assert!(SMALLEST.contains(part), "{part}");
    format!("{:#}", study(&SMALLEST.replace(part, by)).unwrap_err())
}

#[test]
fn a_load_is_of_what_the_node_can_do() {
    let study = study(SMALLEST).unwrap();
    assert_eq!(study.scenario.hosts[0].arrivals, Arrivals::poisson(20.0));
    assert!((study.scenario.utilisation() - 0.5).abs() < 1e-9);
    assert_eq!(study.scenario.warm_up, Duration::from_secs(1));
}

#[test]
fn everything_that_there_is_can_be_said() {
    let everything = r#"{
        "title": "all", "duration_s": 10, "warm_up_s": 0, "seeds": [1, 2],
        "policies": [{"name": "PowerOfNScheduler", "parameters": ["1", "2", "true", "1"]}, "RejectScheduler"],
        "nodes": [
            {"count": 3, "slots": 2, "queue": 4, "speed": 0.5, "rate": 7, "burst": {"every_s": 2, "jobs": 9}},
            {"slots": 1}
        ],
        "tasks": [
            {"share": 2, "mean_ms": 10, "distribution": "deterministic", "deadline_ms": 20, "body_bytes": 1000},
            {"mean_ms": 40, "distribution": {"log_normal": {"variation": 0.3}}},
            {"mean_ms": 40, "distribution": {"uniform": {"spread": 0.3}}}
        ],
        "network": {"delay_ms": [1, 2], "loss": 0.1, "mbit_per_second": 8, "probe_timeout_ms": 50},
        "gossip": {"period_ms": 1000, "delay_ms": 500},
        "learner": {"name": "QLearning", "parameters": {"alpha": 0.2}},
        "neighbours": 2, "deadlines": "measured", "shed_late": false, "tries_elsewhere": false
    }"#;
    let study = study(everything).unwrap();
    let scenario = study.scenario;
    assert_eq!((scenario.hosts.len(), scenario.neighbours_max), (4, 2));
    assert_eq!(scenario.hosts[2].arrivals.burst, Some(Burst { every: Duration::from_secs(2), jobs: 9 }));
    assert_eq!(scenario.wire.bytes_a_second, 1e6);
    assert_eq!((scenario.deadlines, scenario.tries_elsewhere), (Deadlines::Measured, false));
    assert_eq!(scenario.tasks[1].service, Service::LogNormal { variation: 0.3 });
    assert_eq!(study.policies[0].to_string(), "PowerOfNScheduler(1, 2, true, 1)");
    assert!(study.learner.is_some());
}

#[test]
fn what_is_wrong_is_told_with_its_key_and_value() {
    for (part, by, told) in [
        ("\"slots\": 4", "\"slots\": 0", &["nodes[0].slots", "0 where a whole number from 1"][..]),
        (", \"load\": 0.5", "", &["nodes", "no jobs are sent"]),
        ("\"slots\": 4", "\"slots\": \"many\"", &["nodes[0].slots", "many"]),
        ("\"slots\": 4", "\"slot\": 4", &["nodes[0]", "slot"]),
        ("\"mean_ms\": 100", "\"mean_ms\": 0", &["tasks[0].mean_ms", "0 where a number above 0"]),
        ("\"load\": 0.5", "\"load\": 1, \"rate\": 1", &["nodes[0]", "load and rate"]),
        ("\"load\": 0.5", "\"load\": 1, \"trace\": {\"file\": \"none.csv\", \"step_s\": 1}", &["none.csv"]),
        ("NoScheduler(true)", "NoScheduler(perhaps)", &["policies[0]", "perhaps"]),
        ("NoScheduler(true)", "NoScheduler(true", &["policies[0]", "Name(parameter"]),
        ("\"seeds\": [1]", "\"seeds\": [1], \"learner\": {\"name\": \"Nonesuch\"}", &["learner", "Nonesuch"]),
        ("\"NoScheduler(true)\"", "{\"title\": 1}", &["policies[0]", "title"]),
        ("NoScheduler(true)", "Nonesuch", &["policies[0]", "Nonesuch", "PowerOfNScheduler"]),
        ("\"seeds\": [1]", "\"seeds\": []", &["seeds"]),
        ("\"seeds\": [1]", "\"seeds\": [-1]", &["seeds[0]", "-1"]),
        ("\"duration_s\": 10", "\"duration_s\": 10, \"warm_up_s\": 10", &["warm_up_s", "10"]),
        ("\"duration_s\": 10", "\"duration_s\": 1e99", &["duration_s"]),
        (
            "\"duration_s\": 10",
            "\"duration_s\": 10, \"network\": {\"delay_ms\": [2, 1]}",
            &["network.delay_ms"],
        ),
        (
            "\"duration_s\": 10",
            "\"duration_s\": 10, \"network\": {\"loss\": 2}",
            &["network.loss", "2 where"],
        ),
    ] {
        let error = wrong(part, by);
        assert!(told.iter().all(|told| error.contains(told)), "{error:?} does not tell {told:?}");
    }
}
