//! Faults of the original P2PFaaS that concern policies, each as a test that it is not one of ours.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use scheduling::policy::build;
use scheduling::{Answer, Decision, JobRequest, Node, Outcome, Report, Turn};

use super::setting::{
    arrive, cooperative, ms, node, node_among, occupy, peer, probed, report, request, sighting, spec, specs,
};

#[test]
fn a_failed_probe_is_not_an_idle_peer() {
    for (policy, slow) in [
        (spec("PowerOfNScheduler", &["2", "2", "false", "1"]), false),
        (spec("PowerOfNSchedulerTau", &["2", "2", "false", "1", "50ms"]), true),
        (spec("PowerOfTwoScheduler", &[]), false),
        (spec("ShortestExpectedDelayScheduler", &[]), false),
    ] {
        let mut node = node_among(&policy, 2);
        occupy(&mut node, 6);
        let arrival = arrive(&mut node);
        probed(arrival.verdict.decision);
        let loads = [(peer(0), None), (peer(1), Some(report(3, 0)))];
        let verdict = node.answer(arrival.id, Answer::Probed(&loads), ms(1)).unwrap();
        let verdict = match verdict.decision {
            Decision::Pause(_) if slow => node.answer(arrival.id, Answer::Woken, ms(50)).unwrap(),
            _ => verdict,
        };
        assert_eq!(verdict.decision, Decision::Forward(peer(1)), "{policy}");

        let next = arrive(&mut node);
        assert_eq!(probed(next.verdict.decision), [peer(1)], "{policy}: a dead peer is not asked again");
        let verdict = node.answer(next.id, Answer::Probed(&[(peer(1), None)]), ms(2)).unwrap();
        assert_eq!(verdict.decision, Decision::Wait, "{policy}: nobody answers, so it waits here");
    }
}

#[test]
fn a_learner_that_does_not_answer_rejects_nothing() {
    for policy in specs().into_iter().filter(|spec| spec.name != "RejectScheduler") {
        let mut node = node_among(&policy, 3);
        let arrival = arrive(&mut node);
        let mut decision = arrival.verdict.decision;
        for _ in 0..10 {
            let loads: Vec<_>;
            let answer = match decision {
                Decision::Consult(_) => Answer::Advised(None),
                Decision::Pause(_) => Answer::Woken,
                Decision::Probe(peers) => {
                    loads = peers.into_iter().map(|peer| (peer, Some(report(0, 0)))).collect();
                    Answer::Probed(&loads)
                }
                _ => break,
            };
            decision = node.answer(arrival.id, answer, ms(1)).unwrap().decision;
        }
        assert!(matches!(decision, Decision::Start | Decision::Forward(_)), "{policy}: {decision:?}");
    }
}

/// Three nodes that all would rather give jobs away pass one on until somebody runs it: the nodes it came
/// through, and how it ended.
fn pass_on(policy: &protocol::PolicySpec) -> (Vec<usize>, Decision) {
    let mut nodes: Vec<Node> = (0..3).map(|seed| node(policy, seed)).collect();
    for (own, node) in nodes.iter_mut().enumerate() {
        let others = (0..3).filter(|&id| id != own as u64).map(sighting);
        node.set_peers(others.collect(), ms(0));
        occupy(node, 7);
    }
    let mut path = vec![0];
    loop {
        let at = path[path.len() - 1];
        let visited: Vec<_> = path.iter().map(|&place| peer(place as u64)).collect();
        let hops = u8::try_from(path.len() - 1).unwrap();
        let arrival = nodes[at].arrive(JobRequest { hops, visited, ..request() }, ms(0));
        let mut decision = arrival.verdict.decision;
        loop {
            let loads: Vec<_>;
            let answer = match decision {
                Decision::Probe(peers) => {
                    loads = peers.into_iter().map(|peer| (peer, Some(report(1, 0)))).collect();
                    Answer::Probed(&loads)
                }
                Decision::Pause(_) => Answer::Woken,
                Decision::Consult(_) => Answer::Advised(None),
                _ => break,
            };
            decision = nodes[at].answer(arrival.id, answer, ms(1)).unwrap().decision;
        }
        match decision {
            Decision::Forward(to) => path.push(usize::try_from(to.bits()).unwrap()),
            ended => return (path, ended),
        }
    }
}

#[test]
fn hops_are_counted_and_no_job_goes_round() {
    for hops_max in [1, 2] {
        let (path, ended) = pass_on(&spec("ForwardScheduler", &[&hops_max.to_string()]));
        assert_eq!(path.len(), 1 + hops_max);
        assert_eq!(ended, Decision::Wait);
    }
    for policy in specs() {
        let (path, _) = pass_on(&policy);
        assert_eq!(path.iter().collect::<BTreeSet<_>>().len(), path.len(), "{policy} went {path:?}");
    }
}

#[test]
fn random_peers_are_different_peers() {
    let mut node = node_among(&spec("PowerOfNScheduler", &["16", "0", "false", "1"]), 5);
    occupy(&mut node, 1);
    for _ in 0..50 {
        let mut asked = probed(arrive(&mut node).verdict.decision);
        asked.sort_unstable();
        assert_eq!(asked, (0..5).map(peer).collect::<Vec<_>>());
    }
}

#[test]
fn the_least_loaded_takes_the_job_and_ties_are_broken_at_random() {
    for policy in [spec("PowerOfNScheduler", &["4", "2", "true", "1"]), spec("PowerOfTwoScheduler", &["4"])] {
        let mut node = node_among(&policy, 4);
        occupy(&mut node, 4);
        let mut taken = BTreeMap::<u64, usize>::new();
        for _ in 0..200 {
            let arrival = arrive(&mut node);
            let jobs = [3, 1, 2, 1];
            let loads: Vec<_> =
                (0..4).zip(jobs).map(|(id, jobs)| (peer(id), Some(report(jobs, 0)))).collect();
            match node.answer(arrival.id, Answer::Probed(&loads), ms(1)).unwrap().decision {
                Decision::Forward(to) => *taken.entry(to.bits()).or_default() += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(taken.keys().copied().collect::<Vec<_>>(), [1, 3], "{policy}: {taken:?}");
        assert!(taken.values().all(|times| *times > 60), "{policy}: {taken:?}");
    }
}

/// The original took a peer by its place in a list, which was one too short at the end and another after each
/// change of the list.
#[test]
fn turns_go_by_the_peer_and_not_by_its_place_in_a_list() {
    let mut node = node_among(&spec("RoundRobinScheduler", &[]), 5);
    while next_turn(&mut node).is_some() {}
    assert_turns(&mut node, &[Some(0), Some(1), Some(2), Some(3)]);
    set_peers_of(&mut node, &[0, 1]);
    assert_turns(&mut node, &[None, Some(0), Some(1), None]);
    set_peers_of(&mut node, &[0, 1, 2, 3, 4, 5]);
    assert_turns(&mut node, &[Some(0), Some(1), Some(2), Some(3), Some(4), Some(5), None, Some(0)]);
    set_peers_of(&mut node, &[]);
    assert_turns(&mut node, &[None, None]);
}

fn set_peers_of(node: &mut Node, ids: &[u64]) {
    node.set_peers(ids.iter().copied().map(sighting).collect(), ms(1));
}

/// Who takes the next job: a peer, or this node.
fn next_turn(node: &mut Node) -> Option<u64> {
    let arrival = arrive(node);
    node.finish(arrival.id, Outcome::Answered(200), ms(0));
    target(&arrival.verdict.decision)
}

fn assert_turns(node: &mut Node, turns: &[Option<u64>]) {
    let taken: Vec<_> = turns.iter().map(|_| next_turn(node)).collect();
    assert_eq!(taken, turns);
}

/// Two jobs run here and two wait; at the peer two run and one waits. The original held two against three.
#[test]
fn tau_compares_load_with_load() {
    let policy = spec("PowerOfNSchedulerTau", &["1", "2", "false", "1", "50ms"]);
    let mut node = node_among(&policy, 1);
    occupy(&mut node, 6);
    let arrival = arrive(&mut node);
    let loads = [(peer(0), Some(report(4, 1)))];
    let verdict = node.answer(arrival.id, Answer::Probed(&loads), ms(10)).unwrap();
    assert_eq!(verdict.decision, Decision::Pause(Duration::from_millis(40)));
    let verdict = node.answer(arrival.id, Answer::Woken, ms(50)).unwrap();
    assert_eq!(verdict.decision, Decision::Forward(peer(0)));
}

#[test]
fn tau_looks_again_before_it_forwards() {
    let policy = spec("PowerOfNSchedulerTau", &["1", "2", "false", "1", "50ms"]);
    let mut node = node_among(&policy, 1);
    occupy(&mut node, 3);
    let arrival = arrive(&mut node);
    node.answer(arrival.id, Answer::Probed(&[(peer(0), Some(report(1, 0)))]), ms(1)).unwrap();
    node.peer_reported(peer(0), Report { epoch: 1, ..report(4, 4) }, ms(30));
    let verdict = node.answer(arrival.id, Answer::Woken, ms(50)).unwrap();
    assert_eq!(verdict.decision, Decision::Start);

    let urgent = JobRequest { deadline: Some(ms(90)), ..request() };
    let arrival = node.arrive(urgent, ms(50));
    assert_eq!(arrival.verdict.decision, Decision::Wait, "its deadline would pass before tau does");
}

#[test]
fn round_robin_does_not_pass_everything_through_one_master() {
    let policy = spec("RoundRobinWithMasterScheduler", &["false", "10.0.0.1", "false"]);
    let mut node = node_among(&policy, 3);
    let mut taken = BTreeMap::<Option<u64>, usize>::new();
    for _ in 0..400 {
        *taken.entry(next_turn(&mut node)).or_default() += 1;
    }
    assert_eq!(taken.into_values().collect::<Vec<_>>(), [100; 4]);
    set_peers_of(&mut node, &[]);
    assert_turns(&mut node, &[None]);
}

#[test]
fn the_master_gives_out_what_it_gets_and_runs_only_what_nobody_takes() {
    let policy = spec("RoundRobinWithMasterScheduler", &["true", "10.0.0.1", "false"]);
    let mut node = node_among(&policy, 3);
    for hops in [0, 1] {
        let visited = if hops == 0 { vec![] } else { vec![peer(0)] };
        let taken: BTreeSet<_> = (0..6)
            .map(|_| node.arrive(JobRequest { hops, visited: visited.clone(), ..request() }, ms(0)))
            .map(|arrival| target(&arrival.verdict.decision))
            .collect();
        let wanted: &[Option<u64>] =
            if hops == 0 { &[Some(0), Some(1), Some(2)] } else { &[Some(1), Some(2)] };
        assert_eq!(taken.into_iter().collect::<Vec<_>>(), wanted);
    }
    set_peers_of(&mut node, &[]);
    assert_turns(&mut node, &[None]);
}

fn target(decision: &Decision) -> Option<u64> {
    match decision {
        Decision::Forward(to) => Some(to.bits()),
        Decision::Start => None,
        other => panic!("{other:?}"),
    }
}

/// The original answered 500 after 6 or 30 seconds, and chose the same peer again.
#[test]
fn a_dead_peer_is_demoted_at_its_first_failure_and_the_job_tried_elsewhere() {
    for policy in cooperative() {
        let mut node = node_among(&policy, 3);
        occupy(&mut node, 7);
        let mut dead = BTreeSet::new();
        for _ in 0..20 {
            let arrival = arrive(&mut node);
            let mut decision = arrival.verdict.decision;
            loop {
                let loads: Vec<_>;
                let answer = match decision {
                    Decision::Probe(peers) => {
                        assert!(peers.iter().all(|peer| !dead.contains(peer)), "{policy}");
                        loads = peers.into_iter().map(|peer| (peer, Some(report(1, 0)))).collect();
                        Answer::Probed(&loads)
                    }
                    Decision::Pause(_) => Answer::Woken,
                    Decision::Consult(_) => Answer::Advised(None),
                    Decision::Forward(to) => {
                        assert!(dead.insert(to), "{policy} chose {to} again");
                        node.peer_failed(to);
                        Answer::Refused(to)
                    }
                    _ => break,
                };
                decision = node.answer(arrival.id, answer, ms(1)).unwrap().decision;
            }
            let ran = matches!(decision, Decision::Wait | Decision::Reject(_));
            assert!(ran, "{policy}: {decision:?}");
            node.finish(arrival.id, Outcome::Answered(200), ms(1));
        }
    }
}

#[test]
fn a_policy_is_replaced_under_load_and_every_job_ends() {
    for old in specs() {
        for new in specs() {
            let mut node = node_among(&old, 3);
            let jobs: Vec<_> = (0..10).map(|_| arrive(&mut node)).collect();
            node.install(build(&new).unwrap());
            for job in jobs {
                for turn in node.finish(job.id, Outcome::Answered(200), ms(1)) {
                    assert!(matches!(turn, Turn::Start(_)));
                }
            }
            assert!(node.is_idle());
            assert_eq!(&*arrive(&mut node).policy, build(&new).unwrap().spec().to_string());
        }
    }
}
