use serde_json::json;

use super::*;

/// A file with these keys changed; null takes one away.
fn with(changes: Value) -> String {
    let mut file = json!({
        "title": "A title",
        "function": "echo",
        "cluster": {
            "nodes": [
                {"name": "a", "cpus": 0.1, "replicas": 2, "queue": 4, "rate": 3},
                {"name": "b", "cpus": 0.3, "slots": 5, "queue": 0, "rate": 1}
            ],
            "settings": {"shed_late": false, "log_level": "info"}
        },
        "tasks": [{"query": "mean_ms=20&seed={seed}", "deadline_ms": 100, "cpu_ms": 20}],
        "policies": [
            {"name": "random", "policy": {"name": "RandomScheduler"}},
            {
                "policy": {"name": "LearningScheduler", "parameters": ["1"]},
                "agent": {"name": "LinUcb", "parameters": {"ridge": 2.0}}
            }
        ],
        "seeds": [1, 2],
        "duration_s": 10
    });
    let object = file.as_object_mut().unwrap();
    for (key, value) in changes.as_object().unwrap() {
        object.insert(key.clone(), value.clone());
        object.retain(|_, value| !value.is_null());
    }
    file.to_string()
}

fn parse(changes: Value) -> anyhow::Result<Experiment> {
    Experiment::parse(&with(changes), Path::new("."))
}

fn complaint(changes: Value) -> String {
    format!("{:#}", parse(changes).unwrap_err())
}

#[test]
fn a_file_becomes_what_is_measured() {
    let experiment = parse(json!({})).unwrap();
    assert_eq!(experiment.names, ["a", "b"]);
    assert_eq!(experiment.arrivals, [3.0, 1.0].map(Arrivals::poisson));
    assert_eq!(experiment.warm_up, Duration::from_secs(2));
    assert_eq!(experiment.contestants[1].name, "LinUcb", "an agent gives its name to a policy without one");
    assert_eq!(experiment.contestants[1].agent.as_ref().unwrap().parameters["ridge"], 2.0);
    assert_eq!(experiment.tasks[0].deadline, Some(Duration::from_millis(100)));
    assert!(!experiment.tasks[0].tells_deadline);
    let Site::Containers(containers) = &experiment.site else { panic!("{:?}", experiment.site) };
    assert_eq!(containers.nodes.iter().map(|node| node.slots).collect::<Vec<_>>(), [2, 5]);
    assert_eq!(containers.settings[0], ("LOG_LEVEL".to_owned(), "info".to_owned()));
    assert_eq!(containers.settings[1].1, "false");
    // 4 calls a second of 20 ms on half a core.
    assert!((experiment.load().unwrap() - 0.16).abs() < 1e-12);
}

#[test]
fn nodes_that_are_there_are_named_by_their_urls() {
    let nodes = json!([
        {"scheduler": "http://10.0.0.1:18080/", "learner": "http://10.0.0.1:19020", "rate": 1},
        {"name": "mine", "scheduler": "http://10.0.0.2:18080", "learner": "http://[::1]:19020", "rate": 0}
    ]);
    let experiment =
        parse(json!({"cluster": null, "nodes": nodes, "deadlines": "sent", "baseline": "LinUcb"}));
    let experiment = experiment.unwrap();
    assert_eq!(experiment.names, ["node 1", "mine"]);
    assert_eq!((experiment.baseline, experiment.load()), (1, None));
    assert!(experiment.tasks[0].tells_deadline);
    let Site::Nodes(urls) = &experiment.site else { panic!("{:?}", experiment.site) };
    assert_eq!(urls[0].scheduler, "http://10.0.0.1:18080");
}

#[test]
fn what_is_wrong_is_named_with_its_key_and_value() {
    let node = |key: &str, value: Value| {
        let mut node = json!({"name": "a", "cpus": 0.1, "queue": 4, "rate": 3});
        node[key] = value;
        json!({"cluster": {"nodes": [node]}})
    };
    let url = |url: &str| json!({"cluster": null, "nodes": [{"scheduler": url, "rate": 1}]});
    let policy = |policy: Value| json!({"policies": [policy]});
    for (changes, wanted) in [
        (json!({"seed": [1]}), ["seed", "unknown field"]),
        (json!({"duration_s": 0}), ["duration_s", "0 where"]),
        (json!({"duration_s": "10"}), ["duration_s", "\"10\""]),
        (json!({"warm_up_s": 10}), ["warm_up_s", "10 where less than duration_s"]),
        (json!({"seeds": []}), ["seeds", "[]"]),
        (json!({"tasks": []}), ["tasks", "[]"]),
        (json!({"tasks": [{"share": -1}]}), ["tasks[0].share", "-1"]),
        (json!({"policies": []}), ["policies", "[]"]),
        (json!({"baseline": "best"}), ["baseline", "\"best\" where"]),
        (json!({"deadlines": "told"}), ["deadlines", "told"]),
        (json!({"function": "a/b"}), ["function", "letters"]),
        (json!({"cluster": null}), ["cluster", "nodes"]),
        (json!({"nodes": []}), ["cluster", "not both"]),
        (json!({"cluster": {"nodes": []}}), ["cluster.nodes", "0 nodes"]),
        (node("cpus", json!(0.01)), ["cluster.nodes[0].cpus", "0.01 where at least 0.05"]),
        (node("name", json!("A b")), ["cluster.nodes[0].name", "\"A b\""]),
        (node("replicas", json!(0)), ["cluster.nodes[0].replicas", "0 where"]),
        (node("rate", json!(0)), ["rate", "nothing"]),
        (node("rate", json!(1e6)), ["40000000 calls", "5000000"]),
        (node("colour", json!(1)), ["cluster.nodes[0].colour", "unknown field"]),
        (url("https://x"), ["nodes[0].scheduler", "\"https://x\" where"]),
        (url("10.0.0.1:80"), ["nodes[0].scheduler", "\"10.0.0.1:80\" where"]),
        (url("http://x"), ["nodes[0].learner", "LinUcb"]),
        (policy(json!({"policy": {"name": "LearningScheduler"}})), ["policies[0].agent", "missing"]),
        (policy(json!({"policy": {"name": "A"}, "agent": {"name": "B"}})), ["policies[0].agent", "is A"]),
        (policy(json!({"policy": {"nam": "A"}})), ["policies[0].policy", "nam"]),
    ] {
        let complaint = complaint(changes);
        assert!(wanted.iter().all(|part| complaint.contains(part)), "{complaint} lacks one of {wanted:?}");
    }
    let twice = json!({"policies": [{"policy": {"name": "A"}}, {"policy": {"name": "A"}}]});
    assert!(complaint(twice).contains("policies[1].name: \"A()\""));
    assert!(
        format!("{:#}", Experiment::read(Path::new("no/such.json")).unwrap_err()).contains("no/such.json")
    );
}

#[test]
fn traces_are_dealt_out_to_the_nodes_in_the_order_of_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let trace = json!({"trace": {"folder": "traffic", "step_s": 2}});
    let parse = || Experiment::parse(&with(trace.clone()), folder.path());
    assert!(format!("{:#}", parse().unwrap_err()).contains("trace.folder"));
    std::fs::create_dir(folder.path().join("traffic")).unwrap();
    for (name, text) in [("node_1.csv", "0,1\n1,3\n"), ("node_0.csv", "0,0.5\n"), ("notes.txt", "none")] {
        std::fs::write(folder.path().join("traffic").join(name), text).unwrap();
    }
    let rates = parse().unwrap().arrivals.iter().map(Arrivals::rate_mean).collect::<Vec<_>>();
    assert_eq!(rates, [1.5, 2.0]);
    std::fs::write(folder.path().join("traffic/node_0.csv"), "0,x\n").unwrap();
    let complaint = format!("{:#}", parse().unwrap_err());
    assert!(complaint.contains("node_0.csv") && complaint.contains("line 1"), "{complaint}");
}

#[test]
fn the_experiments_of_the_repository_can_be_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/experiments");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let (experiment, _) = Experiment::read(&path).unwrap();
        assert!(experiment.load().unwrap() < 1.0, "{}: more is asked for than can be done", path.display());
        let Site::Containers(containers) = &experiment.site else { panic!("{}", path.display()) };
        assert!(
            containers.cpus() < 1.7,
            "{}: two cores must have some left for the services",
            path.display()
        );
        files += 1;
    }
    assert!(files > 0);
}
