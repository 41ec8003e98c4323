mod gossip;
mod jobs;
mod probes;

use std::time::Duration;

use protocol::{FunctionName, NodeId};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use scheduling::{Answer, JobId, Outcome, Policy, Report, Time, Turn};

use self::jobs::{Jobs, Rejected};
use super::figures::Tally;
use super::host::{Host, id_of};
use super::{Adviser, Deadlines, Figures, Scenario};
use crate::events::Events;
use crate::network::Network;

/// Events between two looks at how far the run is.
const EVENTS_A_LOOK: u64 = 65_536;

/// What a run needs besides the scenario.
pub struct Run<'a> {
    /// The policy of each node.
    pub policies: Vec<Box<dyn Policy>>,
    /// Everything that is random follows from it.
    pub seed: u64,
    /// Answers policies that consult a learner; without one they are left alone.
    pub adviser: Option<&'a mut (dyn Adviser + 'a)>,
    /// Is told now and then how far the run is, 0 to 1.
    pub watch: &'a mut (dyn FnMut(f64) + 'a),
}

/// Lets a scenario happen.
///
/// # Panics
/// Where the scenario has no host or no task, or there is not one policy for each host.
pub fn simulate(scenario: &Scenario, run: Run<'_>) -> Figures {
    assert!(!scenario.hosts.is_empty() && !scenario.tasks.is_empty(), "a scenario has hosts and tasks");
    let Run { policies, seed, adviser, watch } = run;
    assert_eq!(policies.len(), scenario.hosts.len(), "each host has a policy");
    let adviser = adviser.map(|adviser| adviser as &mut dyn Adviser);
    let mut simulation = Simulation::new(scenario, policies, seed, adviser);
    simulation.begin();
    let mut events = 0_u64;
    while let Some((now, event)) = simulation.events.pop(Duration::MAX) {
        simulation.now = now;
        simulation.happens(event);
        events += 1;
        if events.is_multiple_of(EVENTS_A_LOOK) {
            watch((now.as_secs_f64() / scenario.duration.as_secs_f64()).min(1.0));
        }
    }
    simulation.finish()
}

struct Simulation<'a> {
    scenario: &'a Scenario,
    functions: Vec<FunctionName>,
    adviser: Option<&'a mut dyn Adviser>,
    hosts: Vec<Host>,
    jobs: Jobs,
    events: Events<Event>,
    network: Network,
    rng: Pcg64,
    tally: Tally,
    now: Duration,
}

/// What is to happen. Hosts and jobs go by their numbers; what is large is kept elsewhere, because events are
/// moved about in the heap.
enum Event {
    /// A client sends a job.
    Arrival { host: u32 },
    /// Clients send many.
    Burst { host: u32 },
    /// A job that was forwarded comes in.
    Delivery { job: usize, to: u32 },
    /// The network gave up on a job that was forwarded.
    Lost { job: usize, to: u32 },
    /// A job comes back that a peer did not take.
    Refusal { job: usize, by: u32, report: Box<Report> },
    /// The answer to a job comes back from a peer.
    Reply { job: usize, from: u32, outcome: Outcome, report: Box<Report> },
    /// A probe comes in; it is for a job, or for none.
    Probe { asker: u32, peer: u32, job: Option<JobId>, asked_at: Duration },
    /// A probe is answered, or is not.
    Probed { asker: u32, peer: u32, job: Option<JobId>, report: Option<Box<Report>> },
    /// A peer that failed is asked again.
    AskAgain { asker: u32, peer: u32 },
    /// A pause is over.
    Woken { host: u32, job: JobId },
    /// The learner answers.
    Advised { host: u32, job: JobId, advice: Option<(u32, f64)> },
    /// A job has done its work, or its deadline passes while it runs.
    Done { host: u32, job: JobId, outcome: Outcome },
    /// The deadline of a job that waits passes.
    Deadline { host: u32, job: JobId },
    /// A host says how busy it is, and takes note of the others.
    Gossip { host: u32 },
    /// What a host said has spread.
    Published { host: u32, report: Box<Report> },
}

impl<'a> Simulation<'a> {
    fn new(
        scenario: &'a Scenario,
        policies: Vec<Box<dyn Policy>>,
        seed: u64,
        adviser: Option<&'a mut dyn Adviser>,
    ) -> Self {
        let name = |task| format!("task-{task}").parse();
        let functions = (0..scenario.tasks.len()).map(name).collect::<Result<_, _>>();
        let hosts = policies.into_iter().enumerate();
        Self {
            scenario,
            functions: functions.unwrap_or_default(),
            adviser,
            hosts: hosts.map(|(place, policy)| Host::new(place, scenario, policy, seed)).collect(),
            jobs: Jobs::default(),
            events: Events::new(),
            network: Network::new(scenario.wire.conditions, seed),
            rng: Pcg64::seed_from_u64(seed),
            tally: Tally::new(scenario.hosts.len()),
            now: Duration::ZERO,
        }
    }

    /// Lets all nodes know each other, and clients begin.
    fn begin(&mut self) {
        for host in 0..self.hosts.len() {
            self.meet(host);
            self.expect_arrival(host);
            let number = host as u32;
            if let Some(burst) = self.scenario.hosts[host].arrivals.burst {
                self.events.add(burst.every, Event::Burst { host: number });
            }
            if let Some(gossip) = self.scenario.gossip {
                let first = gossip.period.mul_f64(self.rng.random());
                self.events.add(first, Event::Gossip { host: number });
            }
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Arrival { host } => self.client_sends(host as usize),
            Event::Burst { host } => self.clients_send_many(host as usize),
            Event::Delivery { job, to } => self.delivered(job, to as usize),
            Event::Lost { job, to } => self.refused(job, to as usize, None),
            Event::Refusal { job, by, report } => self.refused(job, by as usize, Some(*report)),
            Event::Reply { job, from, outcome, report } => self.replied(job, from, outcome, *report),
            Event::Probe { asker, peer, job, asked_at } => self.probe_arrives(asker, peer, job, asked_at),
            Event::Probed { asker, peer, job, report } => {
                self.probe_answered(asker as usize, peer as usize, job, report.map(|report| *report));
            }
            Event::AskAgain { asker, peer } => self.send_probe(asker as usize, id_of(peer as usize), None),
            Event::Woken { host, job } => self.answer(host as usize, job, Answer::Woken),
            Event::Advised { host, job, advice } => {
                self.answer(host as usize, job, Answer::Advised(advice));
            }
            Event::Done { host, job, outcome } => self.done(host as usize, job, outcome),
            Event::Deadline { host, job } => self.deadline_passes(host as usize, job),
            Event::Gossip { host } => self.gossip(host as usize),
            Event::Published { host, report } => self.hosts[host as usize].published = Some(*report),
        }
    }

    fn time(&self) -> Time {
        Time::from_origin(self.now)
    }

    /// The answer to what a policy asked. A job that ended before it came is not asked about any more.
    fn answer(&mut self, host: usize, id: JobId, answer: Answer<'_>) {
        let now = self.time();
        if let Some(verdict) = self.hosts[host].node.answer(id, answer, now) {
            self.decided(host, id, verdict.decision);
        }
    }

    /// Those whose turn it is.
    fn turns(&mut self, host: usize, turns: Vec<Turn>) {
        for turn in turns {
            match turn {
                Turn::Start(id) => self.start(host, id),
                Turn::Reject(id, why) => self.left(host, id, Outcome::Rejected(why), Rejected::AfterItWaited),
            }
        }
    }

    /// Does what policies want besides.
    fn empty_outbox(&mut self, host: usize) {
        let outbox = self.hosts[host].node.outbox();
        if outbox.is_empty() {
            return;
        }
        let (probes, samples) = (outbox.take_probes(), outbox.take_samples());
        for peer in probes {
            self.send_probe(host, peer, None);
        }
        if let Some(adviser) = self.adviser.as_mut() {
            samples.into_iter().for_each(|sample| adviser.learn(host, sample, self.now));
        }
    }

    fn peer_reported(&mut self, host: usize, peer: NodeId, report: Report) {
        let now = self.time();
        self.hosts[host].node.peer_reported(peer, report, now);
    }

    /// Whether what happens to a job that arrived then is counted.
    fn counts(&self, arrived: Duration) -> bool {
        arrived >= self.scenario.warm_up
    }

    fn enforces_deadlines(&self) -> bool {
        self.scenario.deadlines != Deadlines::Measured
    }

    fn finish(self) -> Figures {
        debug_assert!(self.hosts.iter().all(|host| host.node.is_idle() && host.jobs.is_empty()));
        let window = self.scenario.duration.saturating_sub(self.scenario.warm_up).as_secs_f64();
        let busy = self.hosts.iter().zip(&self.scenario.hosts);
        let busy: Vec<f64> =
            busy.map(|(host, spec)| host.busy.as_secs_f64() / (window * spec.slots as f64)).collect();
        self.tally.finish(&busy)
    }
}
