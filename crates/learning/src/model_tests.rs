use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::agent::REGISTRY;

const WAIT: Duration = Duration::from_secs(10);

fn spec(name: &str, values: Value) -> Spec {
    Spec::new(name, values.as_object().unwrap()).unwrap()
}

fn model(name: &str) -> Model {
    Model::new(spec(name, json!({})), 1, 1)
}

fn numbered(eid: u64, state: &[f64], action: u32, reward: f64) -> Sample {
    Sample { eid, state: state.to_vec(), action, reward, ..Sample::default() }
}

fn offered(eid: u64, features: &[f64], reward: f64) -> Sample {
    Sample { eid, action: 7, reward, features: Some(features.to_vec()), ..Sample::default() }
}

fn candidates(features: &[&[f64]]) -> Vec<Candidate> {
    let candidate = |(place, features): (usize, &&[f64])| Candidate {
        action: 10 + place as u32,
        features: features.to_vec(),
    };
    features.iter().enumerate().map(candidate).collect()
}

fn document(model: &Model) -> String {
    let (mut cursor, mut out) = (Cursor::default(), Vec::new());
    while !model.write(&mut cursor, &mut out) {}
    String::from_utf8(out).unwrap()
}

/// A few hundred questions and samples of both forms, and what was answered.
fn life(model: &mut Model, from: u64) -> String {
    let mut trace = String::new();
    for eid in from..from + 300 {
        let state = [(eid % 3) as f64, (eid % 5) as f64];
        let reward = f64::from(eid % 4 == 0);
        if eid / 50 % 2 == 0 {
            let choice = model.act(&state, &[]).unwrap();
            model.train(numbered(eid, &state, choice.action, reward), WAIT, WAIT).unwrap();
            trace += &format!("{choice:?}\n");
        } else {
            let x = (eid % 7) as f64 / 7.0;
            let choice = model.act(&state, &candidates(&[&[1.0, x], &[1.0, 1.0 - x], &[1.0, 0.3]])).unwrap();
            let features = [1.0, f64::from(choice.action) / 12.0];
            model.train(offered(eid, &features, reward), WAIT, WAIT).unwrap();
            trace += &format!("{choice:?}\n");
        }
    }
    trace
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for entry in REGISTRY {
        let [mut one, mut other] = [model(entry.name), model(entry.name)];
        assert_eq!(life(&mut one, 0), life(&mut other, 0), "{}", entry.name);
        assert_eq!(document(&one), document(&other), "{}", entry.name);
        let mut others = (2..9).map(|seed| life(&mut Model::new(one.spec().clone(), seed, 1), 0));
        let trace = life(&mut model(entry.name), 0);
        assert!(others.any(|other| other != trace), "{}", entry.name);
    }
}

#[test]
fn a_model_that_was_written_and_read_goes_on_alike() {
    for entry in REGISTRY {
        let mut model = model(entry.name);
        life(&mut model, 0);
        let written = document(&model);
        let mut read = Model::read(written.as_bytes(), model.spec().clone(), 1).unwrap();
        assert_eq!(document(&read), written, "{}", entry.name);
        let mut again = Model::read(written.as_bytes(), model.spec().clone(), 1).unwrap();
        assert_eq!(life(&mut read, 300), life(&mut again, 300), "{}", entry.name);
        assert!(read.stats().counters.trained_items > model.stats().counters.trained_items);
    }
}

#[test]
fn a_large_table_is_written_in_parts_while_it_grows() {
    let mut model = model("QLearning");
    let mut eid = 0;
    let mut learn = |model: &mut Model, count: u64| {
        for _ in 0..count {
            model.train(numbered(eid, &[eid as f64, 1.0], 1, 0.5), WAIT, WAIT).unwrap();
            eid += 1;
        }
    };
    learn(&mut model, 3_000);
    let (mut cursor, mut out, mut parts) = (Cursor::default(), Vec::new(), 0);
    while !model.write(&mut cursor, &mut out) {
        learn(&mut model, 10);
        parts += 1;
    }
    assert!(parts > 3);
    let read = Model::read(&out, model.spec().clone(), 1).unwrap();
    assert_eq!(read.stats().states, 2_999, "those that there were at the start");
}

#[test]
fn documents_that_are_no_models_are_refused() {
    let mut model = model("QLearning");
    life(&mut model, 0);
    let good = document(&model);
    let refusal = |document: &str| {
        Model::read(document.as_bytes(), model.spec().clone(), 1).err().map(|error| error.to_string())
    };
    assert_eq!(refusal(&good), None);
    for (bad, named) in [
        (good[..good.len() - 1].to_owned(), "not a model"),
        (good.replace("\"format\":1", "\"format\":2"), "format 2"),
        (good.replace("QLearning", "ExpectedSarsa"), "model of ExpectedSarsa"),
        (good.replace("\"actions_n\":3", "\"actions_n\":4"), "\"actions_n\":4"),
        (good.replacen("]],", "],9],", 1), "no good"),
        (good.replace("\"weights\":", "\"height\":"), "height"),
    ] {
        assert_ne!(bad, good, "{named}");
        let refused = refusal(&bad).unwrap_or_else(|| panic!("{named} was taken"));
        assert!(refused.contains(named), "{refused}");
    }
    let elsewhere = r#"{"format": 1, "agent": "QLearning", "weights":
        {"numbered": [[[0, 1], [0.0, 0.25, 0.75], false]], "offered": []}}"#;
    let mut loaded = Model::read(elsewhere.as_bytes(), spec("QLearning", json!({"epsilon": 0})), 1).unwrap();
    assert_eq!(loaded.act(&[0.0, 1.0], &[]).unwrap().action, 2);
}

#[test]
fn what_is_no_question_or_sample_is_refused_with_the_reason() {
    let mut model = model("DifferentialSarsa");
    model.train(numbered(0, &[0.0, 1.0], 1, 1.0), WAIT, WAIT).unwrap();
    model.train(offered(1, &[1.0], 1.0), WAIT, WAIT).unwrap();
    let with_next = Sample { next_state: Some(vec![1.0]), ..numbered(2, &[0.0, 1.0], 1, 1.0) };
    for (sample, label) in [
        (numbered(2, &[0.0, f64::NAN], 1, 1.0), "number"),
        (numbered(2, &[0.0, 1.0], 1, f64::INFINITY), "number"),
        (numbered(2, &[0.0, 1e7], 1, 1.0), "number"),
        (numbered(2, &[0.0], 1, 1.0), "length"),
        (numbered(2, &[], 1, 1.0), "size"),
        (numbered(2, &[0.0, 1.0], 3, 1.0), "action"),
        (with_next, "length"),
        (offered(2, &[1.0, 2.0], 1.0), "length"),
        (offered(2, &[0.0; 65], 1.0), "size"),
        (numbered(0, &[0.0, 1.0], 1, 1.0), "duplicate"),
        (numbered(0, &[0.0, 1.0], 2, 1.0), "eid_taken"),
    ] {
        let refused = model.train(sample, WAIT, WAIT).unwrap_err();
        assert_eq!(refused.label(), label, "{refused}");
        assert!(Refusal::LABELS.contains(&label));
    }
    assert_eq!(model.stats().counters.accepted, 2);
    assert_eq!(model.stats().counters.refused, 11);
    for (state, candidates, label) in [
        (vec![0.0], vec![], "length"),
        (vec![], vec![], "size"),
        (vec![f64::NAN, 0.0], vec![], "number"),
        (vec![], candidates(&[&[1.0], &[1.0, 2.0]]), "length"),
        (vec![], candidates(&vec![&[1.0][..]; 1_025]), "candidates"),
    ] {
        assert_eq!(model.act(&state, &candidates).unwrap_err().label(), label);
    }
}

#[test]
fn every_transition_is_learned_from_once_whatever_the_order() {
    let mut model = model("DifferentialSarsa");
    for eid in [0, 2, 1, 4, 3, 6] {
        model.train(numbered(eid, &[0.0], 1, 1.0), WAIT, WAIT).unwrap();
    }
    let stats = model.stats();
    assert_eq!((stats.counters.trained_items, stats.pending_entries), (4, 1));
    model.advance(WAIT * 2, WAIT);
    let stats = model.stats();
    assert_eq!((stats.pending_entries, stats.counters.skipped, stats.counters.episodes), (0, 1, 2));
    assert_eq!(stats.counters.untrained_items, 1, "what followed the fourth is lost");
    // A sample that tells its next state needs no successor.
    let known = Sample { next_state: Some(vec![0.0]), ..numbered(7, &[0.0], 1, 1.0) };
    model.train(known, WAIT * 2, WAIT).unwrap();
    model.train(numbered(9, &[0.0], 1, 1.0), WAIT * 2, WAIT).unwrap();
    model.advance(WAIT * 3, WAIT);
    assert_eq!(model.stats().counters.untrained_items, 1);
}

#[test]
fn a_table_that_is_full_goes_on() {
    let mut model = Model::new(spec("QLearning", json!({"states_max": 5})), 1, 1);
    for eid in 0..20 {
        model.train(numbered(eid, &[(eid % 10) as f64], 1, 1.0), WAIT, WAIT).unwrap();
    }
    let stats = model.stats();
    assert_eq!((stats.states, stats.counters.untrained_items), (5, 9));
    model.act(&[9.0], &[]).unwrap();
}

#[test]
fn parameters_change_under_a_model_and_agents_do_not() {
    let mut model = model("QLearning");
    life(&mut model, 0);
    let sunk = model.stats().epsilon;
    assert!(model.configure(&spec("QLearning", json!({"alpha": 0.9}))));
    assert_eq!(model.stats().epsilon, sunk);
    assert!(model.configure(&spec("QLearning", json!({"epsilon": 0.7}))));
    assert_eq!(model.stats().epsilon, 0.7);
    assert!(!model.configure(&spec("QLearning", json!({"actions_n": 4}))));
    assert!(!model.configure(&spec("TileSarsa", json!({}))));
}

fn any_spec() -> impl Strategy<Value = Spec> {
    let values = (any::<bool>(), 0.0..=1.0f64);
    (0..REGISTRY.len(), values).prop_map(|(place, (explore_reject, epsilon))| {
        let mut values = Map::new();
        values.insert("explore_reject".to_owned(), explore_reject.into());
        values.insert("epsilon_start".to_owned(), epsilon.into());
        values.insert("prior".to_owned(), json!([0.5, -0.5]));
        Spec::new(REGISTRY[place].name, &values).unwrap()
    })
}

proptest! {
    /// For every agent: an action that was offered, finite weights, and a reject only where nothing else is
    /// offered, or it was tried.
    #[test]
    fn an_answer_is_one_of_the_candidates(
        spec in any_spec(),
        questions in prop::collection::vec(
            (prop::collection::vec((0..5u32, -1e6..1e6f64), 1..6), -1e6..1e6f64), 1..40)
    ) {
        let explores = spec.parameters.explore_reject;
        let mut model = Model::new(spec, 3, 1);
        for (eid, (offer, reward)) in questions.iter().enumerate() {
            let offered: Vec<_> = offer
                .iter()
                .map(|&(action, x)| Candidate { action, features: vec![1.0, x] })
                .collect();
            let choice = model.act(&[], &offered).unwrap();
            let chosen = offered.iter().find(|candidate| candidate.action == choice.action).unwrap();
            let only_reject = offered.iter().all(|candidate| candidate.action == 0);
            let features = Some(chosen.features.clone());
            if !explores && !only_reject {
                prop_assert_ne!(choice.action, 0);
            }
            // A reject is never taught, so that it stays untried.
            let action = choice.action.max(1);
            let sample = Sample { eid: eid as u64, action, reward: *reward, features, ..Sample::default() };
            model.train(sample, WAIT, WAIT).unwrap();
            let written = document(&model);
            prop_assert!(serde_json::from_str::<Value>(&written).is_ok());
            prop_assert!(Model::read(written.as_bytes(), model.spec().clone(), 1).is_ok());
        }
    }
}
