//! What the parts of a scenario do to the figures.

use std::time::Duration;

use protocol::PolicySpec;
use scheduling::{Answer, Context, JobView, Outcome, Policy, Question, Sample, Step};
use simulator::network::Conditions;
use simulator::scheduling::{
    Adviser, Arrivals, Burst, Deadlines, Everywhere, Figures, Gossip, LearnerSpec, Run, Scenario, Wire,
    simulate, simulate_everywhere,
};

use super::setting::{equal_nodes, run, spec};

/// Eight nodes with deadlines and a real network.
fn cluster(load: f64) -> Scenario {
    let mut scenario = equal_nodes(8, 4, 4, 4.0 * load);
    scenario.tasks[0].deadline = Some(Duration::from_secs(3));
    scenario.tasks[0].body_bytes = 10_000;
    scenario.wire = Wire::default();
    scenario.gossip = Some(Gossip { period: Duration::from_secs(1), delay: Duration::from_millis(500) });
    scenario.deadlines = Deadlines::Enforced { shed_late: true };
    scenario.duration = Duration::from_secs(400);
    scenario
}

#[test]
fn the_same_seed_gives_the_same_figures_under_every_policy() {
    let scenario = cluster(0.8);
    for policy in simulator::scheduling::policies_with_examples() {
        let everywhere = Everywhere { policy: &policy, learner: None };
        let run = |seed| simulate_everywhere(&scenario, everywhere, seed, &mut |_| {}).unwrap();
        let figures = run(1);
        assert_eq!(figures, run(1), "{policy}");
        assert_ne!(figures, run(2), "{policy}");
        assert!(figures.jobs > 8_000, "{policy}");
    }
}

#[test]
fn policies_are_compared_on_the_same_jobs() {
    let scenario = cluster(0.8);
    let jobs = |name, parameters: &[&str]| run(&scenario, name, parameters, 1).jobs;
    let alone = jobs("NoScheduler", &["true"]);
    assert_eq!(alone, jobs("PowerOfTwoScheduler", &[]));
    assert_eq!(alone, jobs("RejectScheduler", &[]));
}

#[test]
fn every_job_ends_where_the_network_loses_much() {
    let mut scenario = cluster(0.9);
    scenario.wire.conditions.loss = 0.3;
    scenario.deadlines = Deadlines::Measured;
    for (name, parameters) in [
        ("PowerOfTwoScheduler", &[][..]),
        ("PowerOfNSchedulerTau", &["2", "1", "false", "2", "50ms"]),
        ("ShortestExpectedDelayScheduler", &[]),
        ("PrequalScheduler", &[]),
        ("RoundRobinScheduler", &[]),
        ("ForwardScheduler", &["3"]),
    ] {
        let figures = run(&scenario, name, parameters, 1);
        assert!(figures.forwards > 1_000 && figures.drop_part() < 0.2, "{name}: {figures:?}");
    }
}

#[test]
fn giving_up_what_is_late_helps_the_others_under_overload() {
    let mut scenario = cluster(1.2);
    let mut hits = |deadlines| {
        scenario.deadlines = deadlines;
        run(&scenario, "PowerOfTwoScheduler", &[], 1).hit_part()
    };
    let measured = hits(Deadlines::Measured);
    let given_up = hits(Deadlines::Enforced { shed_late: false });
    assert!(given_up > measured + 0.03, "{measured} {given_up}");
}

#[test]
fn a_refused_job_is_tried_elsewhere_unless_refusals_are_final() {
    let mut scenario = cluster(0.9);
    scenario.deadlines = Deadlines::Measured;
    let mut drops = |tries_elsewhere| {
        scenario.tries_elsewhere = tries_elsewhere;
        run(&scenario, "RandomScheduler", &["false"], 1).drop_part()
    };
    let (elsewhere, lost) = (drops(true), drops(false));
    assert!(lost > elsewhere + 0.02, "{elsewhere} {lost}");
}

/// The cluster shares what is 2.5 times as much as one node can do.
#[test]
fn a_hot_spot_is_spread() {
    let mut scenario = cluster(0.0);
    scenario.hosts.truncate(3);
    scenario.deadlines = Deadlines::Measured;
    scenario.hosts[0].arrivals = Arrivals::poisson(10.0);
    let alone = run(&scenario, "NoScheduler", &["false"], 1);
    let shared = run(&scenario, "PowerOfTwoScheduler", &["2", "false", "1"], 1);
    assert!(alone.drop_part() > 0.5, "{alone:?}");
    assert!(shared.drop_part() < 0.02, "{shared:?}");
    assert!(alone.balance < 0.34 && shared.balance > 0.98, "{} {}", alone.balance, shared.balance);
}

#[test]
fn bursts_come_besides() {
    let mut scenario = cluster(0.1);
    let without = run(&scenario, "NoScheduler", &["false"], 1);
    scenario.hosts[0].arrivals.burst = Some(Burst { every: Duration::from_secs(10), jobs: 20 });
    let with = run(&scenario, "NoScheduler", &["false"], 1);
    assert_eq!(with.jobs - without.jobs, 35 * 20, "from 50 s to 390 s");
    assert!(with.drops >= without.drops + 35 * 8, "{} {}", with.drops, without.drops);
}

#[test]
fn a_far_peer_and_a_large_body_take_their_time() {
    let mut scenario = equal_nodes(2, 4, 4, 0.1);
    scenario.tasks[0].service = simulator::scheduling::Service::Deterministic;
    scenario.tasks[0].body_bytes = 1_000_000;
    let delay = Duration::from_millis(100);
    let conditions = Conditions { delay_min: delay, delay_max: delay, loss: 0.0, duplication: 0.0 };
    scenario.wire = Wire { conditions, bytes_a_second: 1e7, ..Wire::default() };
    let figures = run(&scenario, "ForwardScheduler", &["1"], 1);
    assert_eq!(figures.p50, Duration::from_millis(1_000 + 2 * (100 + 100)));
    assert_eq!(figures.messages_a_job(), 2.0);
}

/// Consults the learner about every job, and tells it what came of it.
struct Asks(u64);

impl Policy for Asks {
    fn spec(&self) -> PolicySpec {
        spec("Asks", &[])
    }

    fn on_arrival(&mut self, _job: &JobView<'_>, _cx: &mut Context<'_>) -> Step {
        Step::Consult(Box::new(Question { state: vec![1.0], candidates: Vec::new() }))
    }

    fn on_answer(&mut self, _job: &JobView<'_>, answer: Answer<'_>, cx: &mut Context<'_>) -> Step {
        match answer {
            Answer::Advised(Some((7, _))) => Step::Run,
            _ => cx.candidates.next_after(None).map_or(Step::Run, |peer| Step::Forward(peer.id)),
        }
    }

    fn on_finished(&mut self, _job: &JobView<'_>, _outcome: Outcome, cx: &mut Context<'_>) {
        let sample = Sample { eid: self.0, state: vec![1.0], action: 7, reward: 1.0, features: None };
        self.0 += 1;
        cx.outbox.teach(sample);
    }
}

/// Always says the same, and counts.
#[derive(Default)]
struct Counts {
    asked: usize,
    taught: usize,
}

impl Adviser for Counts {
    fn advise(&mut self, _host: usize, question: &Question) -> Option<(u32, f64)> {
        assert_eq!(question.state, [1.0]);
        self.asked += 1;
        Some((7, 0.0))
    }

    fn learn(&mut self, _host: usize, sample: Sample, _now: Duration) {
        assert_eq!(sample.action, 7);
        self.taught += 1;
    }
}

fn with_asks(scenario: &Scenario, adviser: Option<&mut dyn Adviser>) -> Figures {
    let policies = scenario.hosts.iter().map(|_| Box::new(Asks(0)) as Box<dyn Policy>).collect();
    let adviser = adviser.map(|adviser| adviser as &mut dyn Adviser);
    simulate(scenario, Run { policies, seed: 1, adviser, watch: &mut |_| {} })
}

#[test]
fn policies_consult_whoever_is_plugged_in() {
    let mut scenario = cluster(0.5);
    scenario.warm_up = Duration::ZERO;
    let mut counts = Counts::default();
    let advised = with_asks(&scenario, Some(&mut counts));
    assert_eq!((counts.asked, counts.taught), (advised.jobs, advised.jobs));
    assert_eq!(advised.forwards, 0);
    let alone = with_asks(&scenario, None);
    assert!(alone.forwards > 0, "without advice the policy does without");
}

/// The learners of the nodes find out that a node of full speed is better than one that misses every deadline.
#[test]
fn what_is_learned_pays() {
    let mut scenario = cluster(0.5);
    for host in &mut scenario.hosts[..4] {
        host.speed = 0.25;
    }
    let policy = spec("LearningScheduler", &["1", "3000", "deadline", "NoScheduler(false)", "act", "2"]);
    let learner = LearnerSpec::new("LinearThompson", &serde_json::Map::new()).unwrap();
    let hits = |learner| {
        let everywhere = Everywhere { policy: &policy, learner };
        simulate_everywhere(&scenario, everywhere, 1, &mut |_| {}).unwrap().hit_part()
    };
    let (without, with) = (hits(None), hits(Some(&learner)));
    assert!(with > without + 0.1, "{without} {with}");
}
