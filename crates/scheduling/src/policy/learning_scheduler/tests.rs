use std::time::Duration;

use protocol::FunctionName;

use super::*;
use crate::{
    Arrival, Decision, JobRequest, Limits, Node, PolicyChoice, Rejection, Setup, Sighting, TaskType, Time,
};

fn policy(texts: &[&str]) -> Result<Box<dyn Policy>, String> {
    (ENTRY.build)(&texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>())
}

fn at(ms: u64) -> Time {
    Time::from_origin(Duration::from_millis(ms))
}

fn function() -> FunctionName {
    "echo".parse().unwrap()
}

/// A node with two slots and these peers.
fn node(texts: &[&str], peers: u64) -> Node {
    let limits = Limits { slots: 2, queue_length_max: 2, shed_late: true };
    let mut node = Node::new(Setup { limits, policy: policy(texts).unwrap(), seed: 1 });
    let sighting = |id| Sighting {
        id: NodeId::new(id),
        generation: 1,
        functions: vec![function()],
        rtt: None,
        report: None,
    };
    node.set_peers((1..=peers).map(sighting).collect(), at(0));
    node
}

fn arrive(node: &mut Node, now: Time) -> Arrival {
    let request = JobRequest {
        function: function(),
        runs_here: true,
        task_type: TaskType::new(1).unwrap(),
        deadline: None,
        policy: PolicyChoice::Configured,
        hops: 0,
        visited: Vec::new(),
    };
    node.arrive(request, now)
}

fn question(decision: Decision) -> Question {
    match decision {
        Decision::Consult(question) => *question,
        other => panic!("{other:?} is no question"),
    }
}

#[test]
fn the_learner_chooses_and_hears_what_came_of_it() {
    let mut node = node(&["2", "100"], 0);
    let job = arrive(&mut node, at(0));
    let asked = question(job.verdict.decision);
    assert_eq!(asked.state, [1.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(asked.candidates.iter().map(|(action, _)| *action).collect::<Vec<_>>(), [RUN_HERE]);
    let verdict = node.answer(job.id, Answer::Advised(Some((RUN_HERE, 0.25))), at(1)).unwrap();
    assert_eq!(verdict.decision, Decision::Start);
    let told = verdict.explanation.unwrap();
    assert_eq!((told.action, told.eid, told.epsilon, told.fallback), (RUN_HERE, 0, 0.25, None));

    node.finish(job.id, Outcome::Answered(200), at(80));
    let late = arrive(&mut node, at(100));
    node.answer(late.id, Answer::Advised(Some((RUN_HERE, 0.25))), at(100));
    node.finish(late.id, Outcome::Answered(200), at(201));
    let failed = arrive(&mut node, at(300));
    node.answer(failed.id, Answer::Advised(Some((RUN_HERE, 0.25))), at(300));
    node.finish(failed.id, Outcome::Answered(500), at(301));
    let samples = node.outbox().take_samples();
    assert_eq!(
        samples.iter().map(|sample| (sample.eid, sample.reward)).collect::<Vec<_>>(),
        [(0, 1.0), (1, 0.0), (2, 0.0)]
    );
    assert_eq!(samples[0].features, Some(asked.candidates[0].1.clone()));
}

#[test]
fn probed_peers_are_offered_and_one_that_fails_is_not() {
    let mut node = node(&["2"], 2);
    let job = arrive(&mut node, at(0));
    let Decision::Probe(peers) = job.verdict.decision else {
        panic!("two peers are probed");
    };
    let loads = [(peers[0], None), (peers[1], Some(Report::default()))];
    let asked = question(node.answer(job.id, Answer::Probed(&loads), at(1)).unwrap().decision);
    assert_eq!(asked.candidates.iter().map(|(action, _)| *action).collect::<Vec<_>>(), [1, 3]);
    let verdict = node.answer(job.id, Answer::Advised(Some((3, 0.0))), at(2)).unwrap();
    assert_eq!(verdict.decision, Decision::Forward(peers[1]));
    let verdict = node.answer(job.id, Answer::Refused(peers[1]), at(3)).unwrap();
    assert_eq!(verdict.decision, Decision::Start);
    node.finish(job.id, Outcome::Answered(200), at(4));
    assert_eq!(node.outbox().take_samples()[0].action, 3);
}

#[test]
fn a_learner_that_does_not_answer_is_never_a_rejection() {
    let mut node = node(&["2"], 0);
    let job = arrive(&mut node, at(0));
    let verdict = node.answer(job.id, Answer::Advised(None), at(2)).unwrap();
    assert_eq!(verdict.decision, Decision::Start);
    let told = verdict.explanation.unwrap();
    assert_eq!((told.action, told.advised), (RUN_HERE, None));
    assert!(told.fallback.unwrap().contains("in time"));
    node.finish(job.id, Outcome::Answered(200), at(3));
    assert_eq!(node.outbox().take_samples().len(), 1, "what the fallback did is learned from, too");
}

#[test]
fn an_action_that_was_not_offered_is_not_taken() {
    let mut node = node(&["2"], 0);
    for action in [REJECT, 2, FIRST_PEER, u32::MAX] {
        let job = arrive(&mut node, at(0));
        let verdict = node.answer(job.id, Answer::Advised(Some((action, 0.1))), at(1)).unwrap();
        assert_eq!(verdict.decision, Decision::Start);
        assert!(verdict.explanation.unwrap().fallback.unwrap().contains("not offered"));
        node.finish(job.id, Outcome::Answered(200), at(1));
    }
}

#[test]
fn in_the_shadow_the_fallback_decides_and_the_advice_is_told() {
    let mut node = node(&["2", "", "latency", "RejectScheduler()", "shadow", "0"], 0);
    let job = arrive(&mut node, at(0));
    let verdict = node.answer(job.id, Answer::Advised(Some((RUN_HERE, 0.1))), at(1)).unwrap();
    assert_eq!(verdict.decision, Decision::Reject(Rejection::OnPurpose));
    let told = verdict.explanation.unwrap();
    assert_eq!((told.action, told.advised, told.fallback), (REJECT, Some(RUN_HERE), Some("shadow")));
    let samples = node.outbox().take_samples();
    assert_eq!((samples[0].action, samples[0].reward), (REJECT, 0.0));
}

#[test]
fn a_fallback_that_probes_is_told_the_answers() {
    let mut node = node(&["2", "", "latency", "PowerOfNScheduler(1, 0, false, 1)", "act", "0"], 1);
    let (first, second) = (arrive(&mut node, at(0)), arrive(&mut node, at(0)));
    let _ = node.answer(first.id, Answer::Advised(Some((RUN_HERE, 0.0))), at(0));
    let verdict = node.answer(second.id, Answer::Advised(None), at(1)).unwrap();
    assert_eq!(verdict.decision, Decision::Probe(vec![NodeId::new(1)]));
    let idle = Report { load: protocol::Load { slots: 4, ..Default::default() }, ..Report::default() };
    let loads = [(NodeId::new(1), Some(idle))];
    let verdict = node.answer(second.id, Answer::Probed(&loads), at(2)).unwrap();
    assert_eq!(verdict.decision, Decision::Forward(NodeId::new(1)));
    node.finish(second.id, Outcome::Answered(200), at(1_000));
    let sample = node.outbox().take_samples().remove(0);
    assert_eq!(sample.action, FIRST_PEER);
    assert!(sample.reward > 0.3 && sample.reward < 0.4, "exp(-1 s / 1 s) and not {}", sample.reward);
}

#[test]
fn a_job_that_nobody_waited_for_teaches_nothing_and_leaves_nothing() {
    let mut node = node(&["2"], 0);
    let job = arrive(&mut node, at(0));
    node.finish(job.id, Outcome::Cancelled, at(1));
    assert!(node.outbox().take_samples().is_empty());
    assert!(node.is_idle());
}

#[test]
fn parameters_that_make_no_sense_are_named() {
    for (texts, named) in [
        (&["0"][..], "task types"),
        (&["65"], "task types"),
        (&["2", "1,2,3"], "deadlines ms"),
        (&["2", "0"], "deadlines ms"),
        (&["2", "1", "joy"], "reward"),
        (&["2", "1", "latency", "LearningScheduler(2)"], "fallback"),
        (&["2", "1", "latency", "Nonesuch()"], "Nonesuch"),
        (&["2", "1", "latency", "NoScheduler(perhaps)"], "loss"),
        (&["2", "1", "latency", "NoScheduler(true)", "sleep"], "mode"),
        (&["2", "1", "latency", "NoScheduler(true)", "act", "17"], "probes"),
    ] {
        let error = policy(texts).err().unwrap();
        assert!(error.contains(named), "{error}");
    }
    assert!(policy(&["2"]).is_ok());
}
