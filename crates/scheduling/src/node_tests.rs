use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use protocol::PolicySpec;

use super::*;
use crate::policy::{NoScheduler, RejectScheduler};
use crate::{Context, PolicyChoice, Step};

fn limits(slots: usize, queue_length_max: usize) -> Limits {
    Limits { slots, queue_length_max, shed_late: true }
}

fn node_with(slots: usize, queue_length_max: usize, policy: impl Policy + 'static) -> Node {
    Node::new(Setup { limits: limits(slots, queue_length_max), policy: Box::new(policy), seed: 1 })
}

fn node(slots: usize, queue_length_max: usize) -> Node {
    node_with(slots, queue_length_max, NoScheduler { loss: false })
}

fn ms(ms: u64) -> Time {
    Time::from_origin(Duration::from_millis(ms))
}

fn request(deadline: Option<Time>) -> JobRequest {
    JobRequest {
        function: "echo".parse().unwrap(),
        runs_here: true,
        task_type: TaskType::default(),
        deadline,
        policy: PolicyChoice::Configured,
        hops: 0,
        visited: Vec::new(),
    }
}

fn arrive(node: &mut Node) -> Arrival {
    node.arrive(request(None), ms(0))
}

#[test]
fn fills_slots_then_the_queue_then_rejects() {
    let mut node = node(1, 1);
    let first = arrive(&mut node);
    let second = arrive(&mut node);
    assert_eq!(first.verdict.decision, Decision::Start);
    assert_eq!(second.verdict.decision, Decision::Wait);
    assert_eq!(arrive(&mut node).verdict.decision, Decision::Reject(Rejection::Full));
    assert_eq!(node.finish(first.id, Outcome::Answered(200), ms(1)), [Turn::Start(second.id)]);
    assert_eq!(node.load().running, 1);
    assert_eq!(node.load().waiting, 0);
}

#[test]
fn a_queue_of_none_rejects_when_the_slots_are_full() {
    let mut node = node(1, 0);
    arrive(&mut node);
    assert_eq!(arrive(&mut node).verdict.decision, Decision::Reject(Rejection::Full));
}

#[test]
fn who_gives_up_waiting_leaves_the_queue() {
    let mut node = node(1, 1);
    let first = arrive(&mut node);
    let second = arrive(&mut node);
    assert_eq!(node.finish(second.id, Outcome::Cancelled, ms(1)), []);
    assert_eq!(node.finish(first.id, Outcome::Answered(200), ms(2)), []);
    assert!(node.is_idle());
}

#[test]
fn a_job_that_ends_twice_frees_one_slot() {
    let mut node = node(1, 2);
    let first = arrive(&mut node);
    let second = arrive(&mut node);
    let third = arrive(&mut node);
    assert_eq!(node.finish(first.id, Outcome::Failed, ms(1)), [Turn::Start(second.id)]);
    assert_eq!(node.finish(first.id, Outcome::Failed, ms(1)), []);
    assert_eq!(node.finish(second.id, Outcome::Failed, ms(1)), [Turn::Start(third.id)]);
}

#[test]
fn a_deadline_that_passed_is_not_started() {
    let mut node = node(1, 1);
    let late = node.arrive(request(Some(ms(5))), ms(5));
    assert_eq!(late.verdict.decision, Decision::Reject(Rejection::DeadlinePassed));
    let first = arrive(&mut node);
    let second = node.arrive(request(Some(ms(10))), ms(0));
    assert_eq!(second.verdict.decision, Decision::Wait);
    assert_eq!(
        node.finish(first.id, Outcome::Answered(200), ms(10)),
        [Turn::Reject(second.id, Rejection::DeadlinePassed)]
    );
    assert!(node.is_idle());
}

#[test]
fn more_slots_start_those_who_wait() {
    let mut node = node(1, 4);
    arrive(&mut node);
    let second = arrive(&mut node);
    let third = arrive(&mut node);
    let turns = node.set_limits(limits(3, 4), ms(1));
    assert_eq!(turns, [Turn::Start(second.id), Turn::Start(third.id)]);
}

#[test]
fn draining_takes_nothing_new_and_ends_what_it_has() {
    let mut node = node(1, 1);
    let first = arrive(&mut node);
    let second = arrive(&mut node);
    node.drain();
    assert_eq!(arrive(&mut node).verdict.decision, Decision::Reject(Rejection::Draining));
    assert_eq!(node.finish(first.id, Outcome::Answered(200), ms(1)), [Turn::Start(second.id)]);
}

#[test]
fn headers_choose_the_policy_of_one_job() {
    let mut node = node_with(1, 0, RejectScheduler);
    assert_eq!(arrive(&mut node).verdict.decision, Decision::Reject(Rejection::OnPurpose));
    let bypass = JobRequest { policy: PolicyChoice::Bypass, ..request(None) };
    let arrival = node.arrive(bypass, ms(0));
    assert_eq!(arrival.verdict.decision, Decision::Start);
    assert_eq!(&*arrival.policy, "NoScheduler(false)");
}

#[test]
fn loss_rejects_where_the_queue_has_room() {
    let mut node = node_with(1, 9, NoScheduler { loss: true });
    arrive(&mut node);
    assert_eq!(arrive(&mut node).verdict.decision, Decision::Reject(Rejection::Full));
}

/// Counts in a shared cell how many of its jobs ended.
struct Counting(Arc<std::sync::atomic::AtomicUsize>);

impl Policy for Counting {
    fn spec(&self) -> PolicySpec {
        PolicySpec { name: "Counting".into(), parameters: Vec::new() }
    }

    fn on_arrival(&mut self, _job: &JobView<'_>, _cx: &mut Context<'_>) -> Step {
        Step::Run
    }

    fn on_finished(&mut self, _job: &JobView<'_>, _outcome: Outcome, _cx: &mut Context<'_>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn a_job_ends_under_the_policy_that_let_it_in() {
    let ended = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut node = node_with(2, 0, Counting(Arc::clone(&ended)));
    let first = arrive(&mut node);
    node.install(Box::new(NoScheduler { loss: false }));
    let second = arrive(&mut node);
    node.finish(first.id, Outcome::Answered(200), ms(1));
    node.finish(second.id, Outcome::Answered(200), ms(1));
    assert_eq!(ended.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert_eq!(node.policies.len(), 4, "the replaced policy is forgotten once its jobs have ended");
}

#[derive(Debug, Clone)]
enum Event {
    Arrive { deadline_ms: Option<u64>, task_type: usize },
    Finish { nth: usize },
    SetLimits { slots: usize, queue: usize },
    Install,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        5 => (proptest::option::of(1_u64..40), 0..TASK_TYPES)
            .prop_map(|(deadline_ms, task_type)| Event::Arrive { deadline_ms, task_type }),
        4 => (0_usize..32).prop_map(|nth| Event::Finish { nth }),
        1 => (1_usize..6, 0_usize..6).prop_map(|(slots, queue)| Event::SetLimits { slots, queue }),
        1 => Just(Event::Install),
    ]
}

const TASK_TYPES: usize = 3;

/// What an observer who only sees the answers knows of the jobs.
#[derive(Default)]
struct Observer {
    running: BTreeSet<JobId>,
    waiting: BTreeSet<JobId>,
    ever_started: BTreeSet<JobId>,
}

impl Observer {
    fn start(&mut self, id: JobId) {
        assert!(self.ever_started.insert(id), "a job runs once");
        self.running.insert(id);
    }

    fn turns(&mut self, turns: Vec<Turn>) {
        for turn in turns {
            match turn {
                Turn::Start(id) => {
                    assert!(self.waiting.remove(&id), "only a job that waits has its turn");
                    self.start(id);
                }
                Turn::Reject(id, _) => assert!(self.waiting.remove(&id)),
            }
        }
    }
}

proptest! {
    #[test]
    fn places_are_bounded_and_no_job_is_lost_or_run_twice(
        events in proptest::collection::vec(event(), 1..200),
    ) {
        let mut node = node(2, 2);
        let mut seen = Observer::default();
        for (step, event) in events.into_iter().enumerate() {
            let now = ms(step as u64);
            let before = node.load();
            match event {
                Event::Arrive { deadline_ms, task_type } => {
                    let arrival = node.arrive(JobRequest {
                        task_type: TaskType::new(task_type).unwrap(),
                        ..request(deadline_ms.map(|later| now + Duration::from_millis(later)))
                    }, now);
                    match arrival.verdict.decision {
                        Decision::Start => {
                            prop_assert!(before.running < before.slots);
                            seen.start(arrival.id);
                        }
                        Decision::Wait => {
                            prop_assert!(before.running >= before.slots);
                            prop_assert!(before.waiting < before.queue_length_max);
                            seen.waiting.insert(arrival.id);
                        }
                        Decision::Reject(_) => prop_assert!(
                            before.running >= before.slots && before.waiting >= before.queue_length_max
                        ),
                        other => prop_assert!(false, "{:?} without peers", other),
                    }
                }
                Event::Finish { nth } => {
                    let known: Vec<_> = seen.running.iter().chain(&seen.waiting).copied().collect();
                    if let Some(&id) = known.get(nth) {
                        seen.running.remove(&id);
                        seen.waiting.remove(&id);
                        seen.turns(node.finish(id, Outcome::Answered(200), now));
                    }
                }
                Event::SetLimits { slots, queue } => {
                    seen.turns(node.set_limits(limits(slots, queue), now));
                }
                Event::Install => node.install(Box::new(NoScheduler { loss: false })),
            }
            prop_assert_eq!(node.load().running, seen.running.len());
            prop_assert_eq!(node.load().waiting, seen.waiting.len());
            let by_type = |count: fn(&TypeLoad, TaskType) -> usize| -> usize {
                (0..TASK_TYPES).map(|index| count(node.type_load(), TaskType::new(index).unwrap())).sum()
            };
            prop_assert_eq!(by_type(TypeLoad::running), seen.running.len());
            prop_assert_eq!(by_type(TypeLoad::waiting), seen.waiting.len());
            prop_assert!(seen.waiting.is_empty() || seen.running.len() >= node.load().slots, "a slot idles");
        }
        for id in seen.running.iter().chain(&seen.waiting).copied().collect::<Vec<_>>() {
            seen.running.remove(&id);
            seen.waiting.remove(&id);
            seen.turns(node.finish(id, Outcome::Cancelled, ms(0)));
        }
        for id in std::mem::take(&mut seen.running) {
            node.finish(id, Outcome::Cancelled, ms(0));
        }
        prop_assert!(seen.waiting.is_empty());
        prop_assert!(node.is_idle());
    }

    #[test]
    fn those_who_wait_start_in_order(deadlines in proptest::collection::vec(proptest::option::of(1_u64..1_000), 1..40)) {
        let mut node = node(1, deadlines.len());
        let mut running = arrive(&mut node).id;
        let mut with = Vec::new();
        let mut without = Vec::new();
        for deadline in deadlines {
            let id = node.arrive(request(deadline.map(ms)), ms(0)).id;
            match deadline {
                Some(deadline) => with.push((deadline, id)),
                None => without.push(id),
            }
        }
        with.sort_unstable();
        let (mut started_with, mut started_without) = (Vec::new(), Vec::new());
        while let [Turn::Start(id)] = node.finish(running, Outcome::Answered(200), ms(0))[..] {
            running = id;
            if without.contains(&id) { started_without.push(id) } else { started_with.push(id) }
        }
        prop_assert_eq!(started_without, without);
        prop_assert_eq!(started_with, with.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
    }
}
