//! One node, any policy, any events: what is decided is always allowed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use proptest::prelude::*;
use protocol::{NodeId, PolicySpec};
use scheduling::policy::{REGISTRY, build};
use scheduling::{
    Answer, Decision, FORWARDS_MAX, HOPS_MAX, JobId, JobRequest, Node, Outcome, PolicyChoice, Rejection,
    Report, Sighting, Time, Turn,
};

use super::setting::{load, ms, node, peer, request, sighting, specs};

const PEERS: u64 = 8;

/// Answers to one job before it must be decided.
const QUESTIONS_MAX: usize = 8;

#[derive(Debug, Clone)]
enum Event {
    Arrive { hops: u8, visited: Vec<u64>, deadline_ms: Option<u64>, runs_here: bool, bypass: bool },
    Answer { nth: usize, answers: Vec<Option<(usize, usize)>> },
    Refuse { nth: usize },
    Finish { nth: usize, failed: bool },
    Report { peer: u64, jobs: (usize, usize), draining: bool },
    Fail { peer: u64 },
    SetPeers { peers: BTreeMap<u64, u32> },
    Install,
    Pass { ms: u64 },
}

fn event() -> impl Strategy<Value = Event> {
    let jobs = || (0_usize..6, 0_usize..6);
    let arrival = (
        prop_oneof![4 => Just(0_u8), 2 => 1_u8..4, 1 => Just(HOPS_MAX)],
        prop::collection::vec(0..PEERS, 0..3),
        prop::option::of(1_u64..60),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.2),
    );
    prop_oneof![
        6 => arrival.prop_map(|(hops, visited, deadline_ms, runs_here, bypass)| {
            Event::Arrive { hops, visited, deadline_ms, runs_here, bypass }
        }),
        8 => (any::<usize>(), prop::collection::vec(prop::option::weighted(0.8, jobs()), 16))
            .prop_map(|(nth, answers)| Event::Answer { nth, answers }),
        2 => any::<usize>().prop_map(|nth| Event::Refuse { nth }),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(nth, failed)| Event::Finish { nth, failed }),
        2 => (0..PEERS, jobs(), prop::bool::weighted(0.2))
            .prop_map(|(peer, jobs, draining)| Event::Report { peer, jobs, draining }),
        1 => (0..PEERS).prop_map(|peer| Event::Fail { peer }),
        2 => prop::collection::btree_map(0..PEERS, 1_u32..3, 0..8)
            .prop_map(|peers| Event::SetPeers { peers }),
        1 => Just(Event::Install),
        2 => prop_oneof![1_u64..20, Just(1_100)].prop_map(|ms| Event::Pass { ms }),
    ]
}

/// What an observer knows of a peer who has only seen what the node was told.
#[derive(Debug, Clone, Copy)]
struct Known {
    generation: u32,
    failed: bool,
    draining: bool,
}

/// What the observer knows of a job.
#[derive(Debug, Clone)]
struct Seen {
    hops: u8,
    visited: BTreeSet<NodeId>,
    runs_here: bool,
    bypass: bool,
    questions: usize,
    forwards: u8,
    state: State,
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    Asked(Decision),
    Waiting,
    Running,
    Forwarded(NodeId),
}

struct World {
    policy: PolicySpec,
    node: Node,
    now: Time,
    peers: BTreeMap<NodeId, Known>,
    jobs: BTreeMap<JobId, Seen>,
    ended: BTreeSet<JobId>,
    reports: u64,
    trace: String,
}

impl World {
    fn new(policy: &PolicySpec, seed: u64) -> Self {
        let mut world = Self {
            policy: policy.clone(),
            node: node(policy, seed),
            now: ms(0),
            peers: BTreeMap::new(),
            jobs: BTreeMap::new(),
            ended: BTreeSet::new(),
            reports: 0,
            trace: String::new(),
        };
        world.set_peers(&(0..5).map(|id| (id, 1)).collect());
        world
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Arrive { hops, visited, deadline_ms, runs_here, bypass } => {
                let visited: Vec<_> = visited.into_iter().map(peer).collect();
                let seen = Seen {
                    hops,
                    visited: visited.iter().copied().collect(),
                    runs_here,
                    bypass,
                    questions: 0,
                    forwards: 0,
                    state: State::Running,
                };
                let deadline = deadline_ms.map(|ms| self.now + Duration::from_millis(ms));
                let policy = if bypass { PolicyChoice::Bypass } else { PolicyChoice::Configured };
                let job = JobRequest { hops, visited, deadline, runs_here, policy, ..request() };
                let arrival = self.node.arrive(job, self.now);
                self.decided(arrival.id, seen, arrival.verdict.decision);
            }
            Event::Answer { nth, answers } => self.answer(nth, &answers),
            Event::Refuse { nth } => self.refuse(nth),
            Event::Finish { nth, failed } => self.finish(nth, failed),
            Event::Report { peer: id, jobs, draining } => self.reported(peer(id), jobs, draining),
            Event::Fail { peer: id } => self.failed(peer(id)),
            Event::SetPeers { peers } => self.set_peers(&peers),
            Event::Install => self.node.install(build(&self.policy).unwrap()),
            Event::Pass { ms } => self.now = self.now + Duration::from_millis(ms),
        }
        self.probe_besides();
    }

    fn set_peers(&mut self, peers: &BTreeMap<u64, u32>) {
        let sightings = peers.iter().map(|(&id, &generation)| Sighting { generation, ..sighting(id) });
        self.node.set_peers(sightings.collect(), self.now);
        let before = std::mem::take(&mut self.peers);
        for (&id, &generation) in peers {
            let kept = before.get(&peer(id)).copied().filter(|known| known.generation == generation);
            let fresh = Known { generation, failed: false, draining: false };
            self.peers.insert(peer(id), kept.unwrap_or(fresh));
        }
    }

    fn next_report(&mut self, (running, waiting): (usize, usize), draining: bool) -> Report {
        self.reports += 1;
        let service_time = (running > 0).then(|| Duration::from_millis(10 * running as u64));
        Report { load: load(running, waiting), service_time, draining, epoch: self.reports }
    }

    fn reported(&mut self, id: NodeId, jobs: (usize, usize), draining: bool) {
        let report = self.next_report(jobs, draining);
        self.node.peer_reported(id, report, self.now);
        self.heard(id, &report);
    }

    fn heard(&mut self, id: NodeId, report: &Report) {
        if let Some(known) = self.peers.get_mut(&id) {
            known.failed = false;
            known.draining = report.draining;
        }
    }

    fn failed(&mut self, id: NodeId) {
        self.node.peer_failed(id);
        if let Some(known) = self.peers.get_mut(&id) {
            known.failed = true;
        }
    }

    /// What the node wants to know without a job that waits for it.
    fn probe_besides(&mut self) {
        for id in self.node.outbox().take_probes() {
            assert!(self.peers.get(&id).is_some_and(|known| !known.failed), "{id} is probed");
            writeln!(self.trace, "besides {id}").unwrap();
            self.reported(id, (usize::from(id.bits() > 3), 0), false);
        }
    }

    fn nth(&self, nth: usize, wanted: impl Fn(&State) -> bool) -> Option<JobId> {
        let fitting: Vec<_> =
            self.jobs.iter().filter(|(_, job)| wanted(&job.state)).map(|(id, _)| *id).collect();
        (!fitting.is_empty()).then(|| fitting[nth % fitting.len()])
    }

    fn answer(&mut self, nth: usize, answers: &[Option<(usize, usize)>]) {
        let Some(id) = self.nth(nth, |state| matches!(state, State::Asked(_))) else {
            return;
        };
        let mut seen = self.jobs.remove(&id).unwrap();
        let State::Asked(question) = seen.state.clone() else { unreachable!() };
        let loads: Vec<_>;
        let answer = match question {
            Decision::Probe(peers) => {
                let reports = peers.iter().zip(answers);
                loads = reports
                    .map(|(id, jobs)| (*id, jobs.map(|jobs| self.next_report(jobs, jobs == (5, 5)))))
                    .collect();
                for (id, report) in &loads {
                    match report {
                        Some(report) => self.heard(*id, report),
                        None => {
                            if let Some(known) = self.peers.get_mut(id) {
                                known.failed = true;
                            }
                        }
                    }
                }
                Answer::Probed(&loads)
            }
            Decision::Consult(question) => {
                let action = question.candidates.first().map_or(1, |(action, _)| *action);
                Answer::Advised(answers[0].map(|_| (action, 0.1)))
            }
            Decision::Pause(pause) => {
                self.now = self.now + pause;
                Answer::Woken
            }
            other => panic!("{other:?} asks nothing"),
        };
        seen.questions += 1;
        let verdict = self.node.answer(id, answer, self.now).unwrap();
        self.decided(id, seen, verdict.decision);
    }

    fn refuse(&mut self, nth: usize) {
        let Some(id) = self.nth(nth, |state| matches!(state, State::Forwarded(_))) else {
            return;
        };
        let mut seen = self.jobs.remove(&id).unwrap();
        let State::Forwarded(to) = seen.state else { unreachable!() };
        seen.visited.insert(to);
        let verdict = self.node.answer(id, Answer::Refused(to), self.now).unwrap();
        self.decided(id, seen, verdict.decision);
    }

    fn finish(&mut self, nth: usize, failed: bool) {
        let Some(id) = self.nth(nth, |_| true) else {
            return;
        };
        let outcome = if failed { Outcome::Failed } else { Outcome::Answered(200) };
        self.jobs.remove(&id);
        self.end(id);
        for turn in self.node.finish(id, outcome, self.now) {
            match turn {
                Turn::Start(id) => {
                    let job = self.jobs.get_mut(&id).unwrap();
                    assert_eq!(job.state, State::Waiting);
                    job.state = State::Running;
                }
                Turn::Reject(id, _) => {
                    assert_eq!(self.jobs.remove(&id).unwrap().state, State::Waiting);
                    self.end(id);
                }
            }
        }
    }

    fn end(&mut self, id: JobId) {
        assert!(self.ended.insert(id), "a job ends once");
    }

    fn decided(&mut self, id: JobId, mut seen: Seen, decision: Decision) {
        writeln!(self.trace, "{id:?} {decision:?}").unwrap();
        match &decision {
            Decision::Start => {
                assert!(seen.runs_here);
                seen.state = State::Running;
            }
            Decision::Wait => {
                assert!(seen.runs_here);
                seen.state = State::Waiting;
            }
            Decision::Forward(to) => {
                self.check_target(&seen, *to);
                seen.forwards += 1;
                assert!(seen.forwards <= FORWARDS_MAX);
                assert!(seen.hops < HOPS_MAX, "a job that made all hops stays");
                assert!(!seen.runs_here || self.may_hand_on(&seen), "{} hands on", self.policy);
                seen.state = State::Forwarded(*to);
            }
            Decision::Probe(peers) => {
                assert!(!peers.is_empty() && peers.len() <= 16);
                assert_eq!(peers.iter().collect::<BTreeSet<_>>().len(), peers.len(), "{peers:?}");
                peers.iter().for_each(|to| self.check_target(&seen, *to));
                seen.state = State::Asked(decision.clone());
            }
            Decision::Consult(_) | Decision::Pause(_) => seen.state = State::Asked(decision.clone()),
            Decision::Reject(why) => {
                assert!(*why != Rejection::OnPurpose || self.policy.name == "RejectScheduler");
                return self.end(id);
            }
        }
        assert!(seen.questions <= QUESTIONS_MAX, "{} asks for ever", self.policy);
        assert!(!seen.bypass || !seen.runs_here || !matches!(seen.state, State::Asked(_)));
        self.jobs.insert(id, seen);
    }

    fn check_target(&self, seen: &Seen, to: NodeId) {
        let known = self.peers.get(&to).unwrap_or_else(|| panic!("{to} is no peer"));
        assert!(!known.failed && !known.draining, "{to} is not usable");
        assert!(!seen.visited.contains(&to), "{to} was visited, or has refused");
    }

    /// Whether the policy allows one more hop, by its parameter for that if it has one.
    fn may_hand_on(&self, seen: &Seen) -> bool {
        if seen.bypass {
            return false;
        }
        let entry = REGISTRY.iter().find(|entry| entry.name == self.policy.name).unwrap();
        let place = entry.parameters.iter().position(|name| *name == "max hops");
        match place.and_then(|place| self.policy.parameters.get(place)) {
            Some(hops_max) => seen.hops < hops_max.parse().unwrap(),
            None => match self.policy.name.as_str() {
                "RandomScheduler" | "RoundRobinScheduler" => seen.hops == 0,
                "RoundRobinWithMasterScheduler" => seen.hops == 0 || self.policy.parameters[0] == "true",
                _ => true,
            },
        }
    }

    /// Lets every job end, and says what was decided.
    fn close(mut self) -> String {
        while !self.jobs.is_empty() {
            self.finish(0, false);
        }
        assert!(self.node.is_idle());
        assert_eq!(self.node.load().jobs(), 0);
        self.trace
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_policy_decides_what_is_allowed_and_the_same_each_time(
        which in any::<prop::sample::Index>(),
        seed in any::<u64>(),
        events in prop::collection::vec(event(), 1..120),
    ) {
        let policy = which.get(&specs()).clone();
        let run = |events: &[Event]| {
            let mut world = World::new(&policy, seed);
            events.iter().cloned().for_each(|event| world.happens(event));
            world.close()
        };
        let first = run(&events);
        prop_assert_eq!(first, run(&events), "the same seed gives the same trace");
    }
}

#[test]
fn each_policy_is_tried_with_its_example() {
    let specs = specs();
    for entry in REGISTRY {
        assert!(specs.iter().any(|spec| spec.name == entry.name && spec.parameters == entry.example));
        let without_optional = &entry.example[..entry.example.len() - entry.optional];
        assert!(build(&super::setting::spec(entry.name, without_optional)).is_ok(), "{}", entry.name);
    }
}

/// The page lists every policy as the registry has it: name, parameters, those that may be left out in brackets.
#[test]
fn the_page_tells_of_every_policy() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/policies.md");
    let page = std::fs::read_to_string(page).unwrap();
    for entry in REGISTRY {
        let needed = entry.parameters.len() - entry.optional;
        let (needed, optional) = entry.parameters.split_at(needed);
        let parameters = match (needed, optional) {
            ([], []) => "none".to_owned(),
            (needed, []) => needed.join(", "),
            ([], optional) => format!("[{}]", optional.join(", ")),
            (needed, optional) => format!("{} [, {}]", needed.join(", "), optional.join(", ")),
        };
        let row = format!("| `{}` | {parameters} | `{:?}` |", entry.name, entry.example);
        assert!(page.contains(&row), "docs/policies.md lacks the row\n{row}");
    }
}

/// A policy that is in no registry would be tested by nothing.
#[test]
fn every_file_of_a_policy_has_its_entry() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/policy");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
    let stems = files.filter_map(|name| Some(name.to_str()?.strip_suffix(".rs")?.to_owned()));
    let policies: Vec<_> = stems.filter(|stem| stem.contains("_scheduler")).collect();
    assert_eq!(policies.len(), REGISTRY.len(), "{policies:?}");
    for stem in policies {
        let name: String = stem.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        assert!(REGISTRY.iter().any(|entry| entry.name == name), "{stem}.rs has no entry in REGISTRY");
    }
}
