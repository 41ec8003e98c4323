//! What a policy does when the peer that it chose does not take the job.

use scheduling::{Answer, Decision, JobId, JobRequest, Node, Outcome, Rejection};

use super::setting::{LIMITS, arrive, ms, node_among, occupy, peer, probed, report, request, spec};

/// Policies that probe two peers and take the better one.
fn probing() -> [protocol::PolicySpec; 4] {
    [
        spec("PowerOfNScheduler", &["2", "2", "false", "1"]),
        spec("PowerOfNSchedulerTau", &["2", "2", "false", "1", "0ms"]),
        spec("PowerOfTwoScheduler", &["2", "false", "1"]),
        spec("ShortestExpectedDelayScheduler", &["2", "false", "1"]),
    ]
}

#[test]
fn the_second_best_is_offered_the_job_if_it_is_still_better_than_here() {
    for policy in probing() {
        let mut node = node_among(&policy, 2);
        occupy(&mut node, 7);
        let arrival = arrive(&mut node);
        let asked = probed(arrival.verdict.decision);
        let loads = [(asked[0], Some(report(4, 1))), (asked[1], Some(report(1, 0)))];
        let first = node.answer(arrival.id, Answer::Probed(&loads), ms(1)).unwrap();
        assert_eq!(first.decision, Decision::Forward(asked[1]), "{policy}");
        let second = node.answer(arrival.id, Answer::Refused(asked[1]), ms(2)).unwrap();
        assert_eq!(second.decision, Decision::Forward(asked[0]), "{policy}");
        let third = node.answer(arrival.id, Answer::Refused(asked[0]), ms(3)).unwrap();
        assert_eq!(third.decision, Decision::Wait, "{policy}");
    }
}

#[test]
fn a_second_best_that_is_no_better_any_more_is_not_asked() {
    for policy in probing() {
        let mut node = node_among(&policy, 2);
        let own = occupy(&mut node, 6);
        let arrival = arrive(&mut node);
        let loads = [(peer(0), Some(report(4, 1))), (peer(1), Some(report(1, 0)))];
        let first = node.answer(arrival.id, Answer::Probed(&loads), ms(1)).unwrap();
        assert_eq!(first.decision, Decision::Forward(peer(1)), "{policy}");
        for job in &own[..3] {
            node.finish(*job, Outcome::Answered(200), ms(100));
        }
        let second = node.answer(arrival.id, Answer::Refused(peer(1)), ms(101)).unwrap();
        assert_eq!(second.decision, Decision::Start, "{policy}");
    }
}

#[test]
fn a_full_node_gives_the_job_to_any_peer_with_a_place() {
    for policy in probing() {
        let mut node = node_among(&policy, 2);
        occupy(&mut node, LIMITS.slots + LIMITS.queue_length_max);
        let arrival = arrive(&mut node);
        let full = scheduling::Report { load: node.load(), ..report(0, 0) };
        let large = scheduling::Report {
            load: protocol::Load { running: 20, waiting: 0, slots: 32, queue_length_max: 0 },
            ..report(0, 0)
        };
        let loads = [(peer(0), Some(full)), (peer(1), Some(large))];
        let verdict = node.answer(arrival.id, Answer::Probed(&loads), ms(1)).unwrap();
        assert_eq!(verdict.decision, Decision::Forward(peer(1)), "{policy}");
    }
}

#[test]
fn where_all_are_full_the_job_is_rejected_without_another_message() {
    for policy in probing() {
        let mut node = node_among(&policy, 2);
        occupy(&mut node, LIMITS.slots + LIMITS.queue_length_max);
        let arrival = arrive(&mut node);
        let full = Some(report(LIMITS.slots, LIMITS.queue_length_max));
        let loads = [(peer(0), full), (peer(1), full)];
        let verdict = node.answer(arrival.id, Answer::Probed(&loads), ms(1)).unwrap();
        assert_eq!(verdict.decision, Decision::Reject(Rejection::Full), "{policy}");
    }
}

/// An idle node with a job whose function only its two peers have, and what it does once both have told their load; the
/// second is the less busy one.
fn with_a_job_for_the_peers(policy: &protocol::PolicySpec) -> (Node, JobId, Decision) {
    let mut node = node_among(policy, 2);
    let arrival = node.arrive(JobRequest { runs_here: false, ..request() }, ms(0));
    let loads = [(peer(0), Some(report(4, 2))), (peer(1), Some(report(4, 1)))];
    probed(arrival.verdict.decision);
    let verdict = node.answer(arrival.id, Answer::Probed(&loads), ms(1)).unwrap();
    (node, arrival.id, verdict.decision)
}

#[test]
fn a_function_of_the_peers_goes_to_the_better_one_however_idle_this_node_is() {
    for policy in probing() {
        let (_node, _job, first) = with_a_job_for_the_peers(&policy);
        assert_eq!(first, Decision::Forward(peer(1)), "{policy}");
    }
}

/// The node itself is idle, and must not say that it is full.
#[test]
fn a_function_of_peers_that_do_not_take_it_is_rejected_for_their_sake() {
    for policy in probing() {
        let (mut node, job, _first) = with_a_job_for_the_peers(&policy);
        let second = node.answer(job, Answer::Refused(peer(1)), ms(2)).unwrap();
        assert_eq!(second.decision, Decision::Forward(peer(0)), "{policy}");
        let third = node.answer(job, Answer::Refused(peer(0)), ms(3)).unwrap();
        assert_eq!(third.decision, Decision::Reject(Rejection::NobodyTakesIt), "{policy}");
    }
}
