use std::time::Duration;

use protocol::{FunctionName, Load, NodeId, PolicySpec};
use scheduling::policy::{InvalidPolicy, build};
use scheduling::{
    Answer, Decision, JobRequest, Limits, Node, Outcome, PolicyChoice, Report, Setup, Sighting, TaskType,
    Time,
};

/// Jobs that the node has, so that every policy has a reason to look elsewhere.
const OWN_JOBS: usize = 4;
const SLOTS: usize = 4;
const QUEUE_LENGTH_MAX: usize = 1_024;

/// One node among many peers that answer at once: for measuring what a decision costs.
pub struct Decider {
    node: Node,
    function: FunctionName,
    now: Duration,
    reports: u64,
}

impl Decider {
    /// A node with this policy that is busy, and has so many peers.
    ///
    /// # Errors
    /// The policy cannot be built.
    pub fn new(policy: &PolicySpec, function: FunctionName, peers: u64) -> Result<Self, InvalidPolicy> {
        let limits = Limits { slots: SLOTS, queue_length_max: QUEUE_LENGTH_MAX, shed_late: true };
        let mut node = Node::new(Setup { limits, policy: build(policy)?, seed: 1 });
        let sighting = |id| Sighting {
            id: NodeId::new(id),
            generation: 1,
            functions: vec![function.clone()],
            rtt: Some(Duration::from_millis(1)),
            report: Some(report(id, 0)),
        };
        node.set_peers((0..peers).map(sighting).collect(), Time::default());
        let mut decider = Self { node, function, now: Duration::ZERO, reports: 0 };
        for _ in 0..OWN_JOBS {
            let request = decider.request(PolicyChoice::Bypass);
            decider.node.arrive(request, Time::default());
        }
        Ok(decider)
    }

    /// Decides about one job, from its arrival over all answers to its end.
    pub fn decide(&mut self) {
        self.now += Duration::from_micros(10);
        let now = Time::from_origin(self.now);
        let arrival = self.node.arrive(self.request(PolicyChoice::Configured), now);
        let mut decision = Some(arrival.verdict.decision);
        while let Some(asked) = decision {
            let loads: Vec<_>;
            let answer = match asked {
                Decision::Probe(peers) => {
                    self.reports += 1;
                    let epoch = self.reports;
                    loads = peers.iter().map(|peer| (*peer, Some(report(peer.bits(), epoch)))).collect();
                    Answer::Probed(&loads)
                }
                Decision::Consult(question) => {
                    let action = question.candidates.first().map_or(1, |(action, _)| *action);
                    Answer::Advised(Some((action, 0.0)))
                }
                Decision::Pause(_) => Answer::Woken,
                _ => break,
            };
            decision = self.node.answer(arrival.id, answer, now).map(|verdict| verdict.decision);
        }
        self.node.finish(arrival.id, Outcome::Answered(200), now);
        self.node.outbox().take_samples();
        for peer in self.node.outbox().take_probes() {
            self.reports += 1;
            self.node.peer_reported(peer, report(peer.bits(), self.reports), now);
        }
    }

    fn request(&self, policy: PolicyChoice) -> JobRequest {
        JobRequest {
            function: self.function.clone(),
            runs_here: true,
            task_type: TaskType::default(),
            deadline: None,
            policy,
            hops: 0,
            visited: Vec::new(),
        }
    }
}

fn report(peer: u64, epoch: u64) -> Report {
    let running = (peer % SLOTS as u64) as usize;
    let load = Load { running, slots: SLOTS, queue_length_max: QUEUE_LENGTH_MAX, waiting: 0 };
    Report { load, service_time: Some(Duration::from_millis(100)), draining: false, epoch }
}
