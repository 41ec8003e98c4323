//! Questions and samples over HTTP, the agent and its parameters, the model in and out.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Node, lesson, sample};

const AGENTS: [&str; 6] =
    ["LinearThompson", "LinUcb", "TileSarsa", "DifferentialSarsa", "QLearning", "ExpectedSarsa"];

#[tokio::test]
async fn bad_samples_are_refused_one_by_one_and_good_ones_kept() {
    let node = Node::start(&[]).await;
    let answer = node
        .post(
            "/train",
            json!([
                sample(1, &[0.0, 1.0], 1, 1.0),
                sample(1, &[0.0, 1.0], 1, 1.0),
                sample(2, &[0.0], 1, 1.0),
                sample(3, &[0.0, 1.0], 9, 1.0),
                {"eid": 4, "state": "x", "action": 1, "reward": 1},
                "no sample",
                sample(5, &[0.0, 1.0], 2, 0.0),
            ]),
        )
        .await;
    assert_eq!(answer["accepted"], 2, "{answer}");
    let refused = answer["refused"].as_array().unwrap();
    let eids: Vec<_> = refused.iter().map(|refused| refused["eid"].as_u64()).collect();
    assert_eq!(eids, [Some(1), Some(2), Some(3), Some(4), None]);
    assert!(refused.iter().all(|refused| refused["why"].as_str().unwrap().len() > 10), "{answer}");
    let text = node.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    for line in [
        "p2pfaas_samples_accepted_total 2",
        "p2pfaas_samples_refused_total{reason=\"duplicate\"} 1",
        "p2pfaas_samples_refused_total{reason=\"length\"} 1",
        "p2pfaas_samples_refused_total{reason=\"action\"} 1",
        "p2pfaas_samples_refused_total{reason=\"malformed\"} 2",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[tokio::test]
async fn one_bad_sample_is_answered_with_422_and_no_json_with_400() {
    let node = Node::start(&[]).await;
    assert_eq!(node.post("/train", sample(1, &[0.0, 1.0], 1, 1.0)).await["accepted"], 1);
    let too_many = (0..10_001).map(|eid| sample(eid, &[0.0], 1, 1.0)).collect();
    for (body, status) in [
        (json!({"eid": 2, "state": [0], "action": 1}), 422),
        (sample(2, &[0.0], 1, 1.0), 422),
        (sample(2, &[0.0, 1.0], 99, 1.0), 422),
        (sample(1, &[0.0, 1.0], 1, 1.0), 422),
        (json!(7), 400),
        (too_many, 413),
    ] {
        let (seen, answer) = node.send(Method::POST, "/train", body.clone()).await;
        assert_eq!(seen, status, "{answer}");
        assert!(answer["message"].is_string() && answer["code"].is_u64(), "{answer}");
    }
    for body in ["{", "", "\u{0}", "[1,"] {
        let answer = node.request(Method::POST, "/train").body(body).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{body:?}");
    }
    let large = " ".repeat(5 * 1024 * 1024);
    let answer = node.request(Method::POST, "/train").body(large).send().await.unwrap();
    assert_eq!(answer.status(), 413);
}

#[tokio::test]
async fn every_agent_answers_both_forms_and_never_what_was_not_offered() {
    let node = Node::start(&[]).await;
    for (count, agent) in AGENTS.into_iter().enumerate() {
        let changed =
            node.post("/learner/parameters", json!({"name": agent, "parameters": {"actions_n": 5}})).await;
        assert_eq!((&changed["name"], &changed["parameters"]["actions_n"]), (&json!(agent), &json!(5)));
        let version = changed["version"].as_u64().unwrap();
        let offered = [7, 3, 0];
        for round in 0..20 {
            let candidates: Value = offered
                .iter()
                .map(|action| json!({"action": action, "features": [1, f64::from(*action) / 7.0]}))
                .collect();
            let choice = node.post("/act", json!({"state": [0, 1], "candidates": candidates})).await;
            let action = choice["action"].as_u64().unwrap();
            assert!([7, 3].contains(&action), "{agent} chose {choice}");
            assert_eq!((&choice["agent"], choice["version"].as_u64()), (&json!(agent), Some(version)));
            let mut told = sample(2 * round, &[0.0, 1.0], action as u32, 1.0);
            told["features"] = json!([1, action as f64 / 7.0]);
            node.post("/train", told).await;

            let choice = node.post("/act", json!({"state": [0, 1]})).await;
            let action = choice["action"].as_u64().unwrap();
            assert!((1..5).contains(&action), "{agent} chose {choice}");
            node.post("/train", sample(2 * round + 1, &[0.0, 1.0], action as u32, 1.0)).await;
        }
        let stats = node.stats().await;
        assert_eq!((&stats["inferences"], &stats["accepted"]), (&json!(40), &json!(40)), "{agent} {count}");
    }
}

#[tokio::test]
async fn what_is_no_question_is_said_to_be_none() {
    let node = Node::start(&[]).await;
    let candidate =
        |features: Value| json!({"state": [], "candidates": [{"action": 1, "features": features}]});
    for (body, status) in [
        (json!({"state": []}), 422),
        (json!({"state": [1e9]}), 422),
        (json!({"candidates": []}), 422),
        (json!({"state": [0], "candidates": [{"action": 1, "features": []}]}), 422),
        (json!({"state": [0], "candidates": [{"action": -1, "features": [1]}]}), 422),
        (candidate(json!(["x"])), 422),
        (candidate(json!([0.5])), 200),
    ] {
        let (seen, answer) = node.send(Method::POST, "/act", body.clone()).await;
        assert_eq!(seen, status, "{body}: {answer}");
    }
}

#[tokio::test]
async fn a_change_of_agent_or_actions_begins_a_new_model_and_says_so() {
    let node = Node::start(&[]).await;
    let changed = node.post("/learner/parameters", json!({"name": "QLearning"})).await;
    assert_eq!((&changed["new_model"], &changed["version"]), (&json!(true), &json!(2)));
    node.post("/train", lesson(0, 100)).await;
    let changed = node.post("/learner/parameters", json!({"parameters": {"alpha": 0.5}})).await;
    assert_eq!((&changed["new_model"], &changed["version"]), (&json!(false), &json!(2)));
    assert_eq!(node.stats().await["states"], 1);
    let changed = node.post("/learner/parameters", json!({"actions_n": 6})).await;
    assert_eq!((&changed["new_model"], &changed["version"]), (&json!(true), &json!(3)));
    assert_eq!((&changed["name"], &changed["parameters"]["alpha"]), (&json!("QLearning"), &json!(0.5)));
    assert_eq!(node.stats().await["states"], 0);

    let changed = node.post("/learner/parameters", json!({"name": "TileSarsa"})).await;
    let shown = node.get("/learner/parameters").await;
    assert_eq!(shown["parameters"], changed["parameters"]);
    assert_eq!(
        (&shown["parameters"]["alpha"], &shown["parameters"]["actions_n"]),
        (&json!(0.0125), &json!(6))
    );
    assert_eq!(
        node.get("/configuration").await["agent"],
        json!({"name": "TileSarsa", "parameters": {"actions_n": 6}})
    );
    let reset = node.post("/learner/parameters", json!({"parameters": {"actions_n": null}})).await;
    assert_eq!(reset["parameters"]["actions_n"], 3);
}

#[tokio::test]
async fn bad_parameters_change_nothing_and_are_named() {
    let node = Node::start(&[]).await;
    let before = node.get("/learner/parameters").await;
    for body in [
        json!({"name": "Nonesuch"}),
        json!({"alpha": 7, "gamma": 0.5}),
        json!({"parameters": {"actions_n": 1}}),
        json!({"parameters": {"nonesuch": 1}}),
        json!({"name": 7}),
        json!({"name": "QLearning", "more": 1}),
        json!([]),
    ] {
        let (status, answer) = node.send(Method::POST, "/learner/parameters", body.clone()).await;
        assert_eq!(status, 422, "{body}: {answer}");
    }
    let (_, answer) = node.send(Method::POST, "/learner/parameters", json!({"alpha": 7})).await;
    assert_eq!(answer["problems"][0]["key"], "alpha");
    assert!(answer["problems"][0]["why"].as_str().unwrap().contains("from 0 to 1"));
    assert_eq!(node.get("/learner/parameters").await, before);
    assert_eq!(node.stats().await["version"], 1);
}

#[tokio::test]
async fn a_model_moves_from_one_learner_to_another() {
    let agent = ("P2PFAAS_AGENT", r#"{"name": "QLearning", "parameters": {"epsilon_start": 0}}"#);
    let (one, other) = (Node::start(&[agent]).await, Node::start(&[agent]).await);
    one.post("/train", lesson(0, 200)).await;
    let model = one.get("/learner/weights").await;
    let (status, loaded) = other.send(Method::PUT, "/learner/weights", model.clone()).await;
    assert_eq!((status, &loaded["version"]), (200, &json!(2)));
    assert_eq!(other.get("/learner/weights").await["weights"], model["weights"]);
    assert_eq!(other.post("/act", json!({"state": [0, 1]})).await["action"], 2);

    let mut broken = model.clone();
    broken["weights"]["numbered"][0][1][1] = json!("x");
    for bad in [broken, json!({}), json!({"format": 1, "agent": "TileSarsa", "weights": {}})] {
        let (status, answer) = other.send(Method::PUT, "/learner/weights", bad).await;
        assert_eq!(status, 422, "{answer}");
    }
    assert_eq!(other.post("/act", json!({"state": [0, 1]})).await["action"], 2, "nothing changed");
    for (method, version) in [(Method::GET, 3), (Method::POST, 4)] {
        let (_, reset) = other.send(method, "/learner/reset", Value::Null).await;
        assert_eq!(reset["version"], version);
        assert_eq!(other.stats().await["states"], 0);
    }
}

#[tokio::test]
async fn a_lost_sample_is_given_up_without_another_one_coming() {
    let variables = [("P2PFAAS_AGENT", r#"{"name": "QLearning"}"#), ("P2PFAAS_SAMPLE_WAIT_MS", "50")];
    let node = Node::start(&variables).await;
    node.post("/train", json!([sample(0, &[0.0], 1, 1.0), sample(2, &[0.0], 1, 1.0)])).await;
    tests::wait::until("the sample is given up", async || node.stats().await["skipped"] == 1).await;
    assert_eq!(node.stats().await["pending_entries"], 0);
    let (_, late) = node.send(Method::POST, "/train", json!([sample(1, &[0.0], 1, 1.0)])).await;
    assert!(late["refused"][0]["why"].as_str().unwrap().contains("late"), "{late}");
}

#[tokio::test]
async fn every_route_answers_with_a_status_that_the_document_lists() {
    let node = Node::start(&[]).await;
    let document = node.get("/openapi.json").await;
    let mut seen = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (name, operation) in methods.as_object().unwrap() {
            let method: Method = name.to_uppercase().parse().unwrap();
            let statuses = operation["responses"].as_object().unwrap();
            let bodies =
                ["", "{", "{}", "[]", r#"{"state": [0]}"#, r#"{"seed": 2}"#, r#"{"sessions_max": 0}"#];
            for body in bodies {
                let answer = node.request(method.clone(), path).body(body).send().await.unwrap();
                let status = answer.status().as_u16().to_string();
                assert!(statuses.contains_key(&status), "{method} {path} with {body:?}: {status}");
                seen.insert(status);
            }
        }
    }
    for status in ["200", "400", "409", "422", "426"] {
        assert!(seen.contains(status), "{status} of {seen:?}");
    }
    for (path, method) in [
        ("/ws", "get"),
        ("/act", "post"),
        ("/act", "get"),
        ("/train", "post"),
        ("/train", "get"),
        ("/train_batch", "post"),
        ("/learner/parameters", "get"),
        ("/learner/parameters", "post"),
        ("/learner/stats", "get"),
        ("/learner/weights", "get"),
        ("/learner/weights", "put"),
        ("/learner/reset", "get"),
        ("/learner/reset", "post"),
    ] {
        assert!(document["paths"][path][method].is_object(), "{method} {path}");
    }
}
