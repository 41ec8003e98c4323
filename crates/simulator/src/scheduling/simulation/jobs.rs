//! The life of a job: from its client to the node that runs it, and back.

use std::time::Duration;

use protocol::NodeId;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use scheduling::{
    Answer, Decision, JobId, JobRequest, Outcome, PolicyChoice, Rejection, Report, TASK_TYPES_MAX, TaskType,
    Time,
};

use super::{Event, Simulation};
use crate::scheduling::host::{Held, id_of, place_of};

/// HTTP's word for an answer, and for a deadline that passed.
const OK: u16 = 200;
const GATEWAY_TIMEOUT: u16 = 504;

/// A job of a client.
#[derive(Debug)]
pub(super) struct Job {
    task: usize,
    arrived: Duration,
    deadline: Option<Duration>,
    /// Seconds that it takes on a node of speed 1.
    work: f64,
    /// The hosts that it is at, each with the host's name for it: the client's first.
    visits: Vec<(u32, JobId)>,
}

/// Jobs that have not ended, by number; numbers are used again.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    jobs: Vec<Job>,
    free: Vec<usize>,
}

impl Jobs {
    fn add(&mut self, job: Job) -> usize {
        if let Some(place) = self.free.pop() {
            self.jobs[place] = job;
            return place;
        }
        self.jobs.push(job);
        self.jobs.len() - 1
    }
}

/// Whether a host rejected a job before it let it in: only then may the job be tried elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejected {
    AtOnce,
    AfterItWaited,
}

impl Simulation<'_> {
    pub(super) fn expect_arrival(&mut self, host: usize) {
        let arrivals = &self.scenario.hosts[host].arrivals;
        let next = arrivals.next(self.now, &mut self.hosts[host].arrivals);
        if let Some(at) = next.filter(|at| *at < self.scenario.duration) {
            self.events.add(at, Event::Arrival { host: host as u32 });
        }
    }

    pub(super) fn client_sends(&mut self, host: usize) {
        self.new_job(host);
        self.expect_arrival(host);
    }

    pub(super) fn clients_send_many(&mut self, host: usize) {
        let Some(burst) = self.scenario.hosts[host].arrivals.burst else {
            return;
        };
        for _ in 0..burst.jobs {
            self.new_job(host);
        }
        let next = self.now + burst.every;
        if next < self.scenario.duration {
            self.events.add(next, Event::Burst { host: host as u32 });
        }
    }

    fn new_job(&mut self, host: usize) {
        let mut rng = Pcg64::seed_from_u64(self.hosts[host].work.random());
        let shares: f64 = self.scenario.tasks.iter().map(|task| task.share).sum();
        let mut drawn = rng.random::<f64>() * shares;
        let task = self.scenario.tasks.iter().position(|task| {
            drawn -= task.share;
            drawn < 0.0
        });
        let task = task.unwrap_or(self.scenario.tasks.len() - 1);
        let spec = &self.scenario.tasks[task];
        let job = self.jobs.add(Job {
            task,
            arrived: self.now,
            deadline: spec.deadline.map(|deadline| self.now + deadline),
            work: spec.mean.as_secs_f64() * spec.service.draw(&mut rng),
            visits: Vec::with_capacity(2),
        });
        self.delivered(job, host);
    }

    pub(super) fn delivered(&mut self, place: usize, host: usize) {
        let now = self.time();
        let enforces = self.enforces_deadlines();
        let job = &mut self.jobs.jobs[place];
        let request = JobRequest {
            function: self.functions[job.task].clone(),
            runs_here: true,
            task_type: TaskType::new(job.task % TASK_TYPES_MAX).unwrap_or_default(),
            deadline: job.deadline.filter(|_| enforces).map(Time::from_origin),
            policy: PolicyChoice::Configured,
            hops: u8::try_from(job.visits.len()).unwrap_or(u8::MAX),
            visited: job.visits.iter().map(|(host, _)| id_of(*host as usize)).collect(),
        };
        let arrival = self.hosts[host].node.arrive(request, now);
        job.visits.push((host as u32, arrival.id));
        self.hosts[host].jobs.insert(arrival.id, Held { job: place, waits: false });
        self.decided(host, arrival.id, arrival.verdict.decision);
    }

    pub(super) fn decided(&mut self, host: usize, id: JobId, decision: Decision) {
        self.empty_outbox(host);
        let number = host as u32;
        match decision {
            Decision::Start => self.start(host, id),
            Decision::Wait => self.wait(host, id),
            Decision::Forward(peer) => self.send(host, id, peer),
            Decision::Probe(peers) => self.ask(host, id, peers),
            Decision::Consult(question) => {
                let advice = self.adviser.as_mut().and_then(|adviser| adviser.advise(host, &question));
                let at = self.now + self.scenario.wire.advice_delay;
                self.events.add(at, Event::Advised { host: number, job: id, advice });
            }
            Decision::Pause(pause) => {
                self.events.add(self.now + pause, Event::Woken { host: number, job: id });
            }
            Decision::Reject(why) => self.left(host, id, Outcome::Rejected(why), Rejected::AtOnce),
        }
    }

    /// The job that a host holds under this name.
    fn held(&mut self, host: usize, id: JobId) -> Option<&mut Held> {
        self.hosts[host].jobs.get_mut(&id)
    }

    pub(super) fn start(&mut self, host: usize, id: JobId) {
        let enforces = self.enforces_deadlines();
        let Some(held) = self.held(host, id) else {
            return;
        };
        held.waits = false;
        let job = held.job;
        let job = &self.jobs.jobs[job];
        let takes = Duration::from_secs_f64(job.work / self.scenario.hosts[host].speed);
        let (mut at, mut outcome) = (self.now + takes, Outcome::Answered(OK));
        if let Some(deadline) = job.deadline.filter(|deadline| enforces && *deadline < at) {
            (at, outcome) = (deadline, Outcome::DeadlinePassed);
        }
        if self.counts(self.now) && self.now < self.scenario.duration {
            self.hosts[host].busy += at.min(self.scenario.duration) - self.now;
        }
        self.events.add(at, Event::Done { host: host as u32, job: id, outcome });
    }

    fn wait(&mut self, host: usize, id: JobId) {
        let enforces = self.enforces_deadlines();
        let Some(held) = self.held(host, id) else {
            return;
        };
        held.waits = true;
        let job = held.job;
        if let Some(deadline) = self.jobs.jobs[job].deadline.filter(|_| enforces) {
            self.events.add(deadline, Event::Deadline { host: host as u32, job: id });
        }
    }

    fn send(&mut self, host: usize, id: JobId, peer: NodeId) {
        let Some(&mut Held { job, .. }) = self.held(host, id) else {
            return;
        };
        let to = place_of(peer);
        let (arrived, bytes) = self.size(job);
        if self.counts(arrived) {
            self.tally.forward();
        }
        match self.network.stream(host, to, bytes, false) {
            Ok(delay) => {
                let at = self.now + delay + self.transfer(bytes);
                self.events.add(at, Event::Delivery { job, to: to as u32 });
            }
            Err(patience) => self.events.add(self.now + patience, Event::Lost { job, to: to as u32 }),
        }
    }

    fn size(&self, job: usize) -> (Duration, usize) {
        let job = &self.jobs.jobs[job];
        (job.arrived, self.scenario.tasks[job.task].body_bytes)
    }

    fn transfer(&self, bytes: usize) -> Duration {
        Duration::from_secs_f64(bytes as f64 / self.scenario.wire.bytes_a_second)
    }

    /// A peer did not take a job, or was not reached.
    pub(super) fn refused(&mut self, job: usize, by: usize, report: Option<Report>) {
        let Some(&(host, id)) = self.jobs.jobs[job].visits.last() else {
            return;
        };
        let host = host as usize;
        match report {
            Some(report) => {
                self.peer_reported(host, id_of(by), report);
                if !self.scenario.tries_elsewhere {
                    return self.done(host, id, Outcome::Rejected(Rejection::Full));
                }
            }
            None => {
                self.hosts[host].node.peer_failed(id_of(by));
                self.try_again_later(host as u32, by as u32);
            }
        }
        self.answer(host, id, Answer::Refused(id_of(by)));
    }

    pub(super) fn done(&mut self, host: usize, id: JobId, outcome: Outcome) {
        self.finish_at(host, id, outcome);
        self.left(host, id, outcome, Rejected::AfterItWaited);
    }

    /// The host's node frees the place of a job.
    fn finish_at(&mut self, host: usize, id: JobId, outcome: Outcome) {
        let now = self.time();
        let turns = self.hosts[host].node.finish(id, outcome, now);
        self.empty_outbox(host);
        self.turns(host, turns);
    }

    pub(super) fn deadline_passes(&mut self, host: usize, id: JobId) {
        if self.hosts[host].jobs.get(&id).is_some_and(|held| held.waits) {
            self.done(host, id, Outcome::DeadlinePassed);
        }
    }

    /// A host has done with a job: the one before it hears of that, or the client.
    pub(super) fn left(&mut self, host: usize, id: JobId, outcome: Outcome, rejected: Rejected) {
        let Some(Held { job, .. }) = self.hosts[host].jobs.remove(&id) else {
            return;
        };
        self.jobs.jobs[job].visits.pop();
        let Some(&(before, _)) = self.jobs.jobs[job].visits.last() else {
            return self.answer_client(host, job, outcome);
        };
        let report = Box::new(self.hosts[host].node.report());
        let by = host as u32;
        let refuses = matches!(outcome, Outcome::Rejected(_)) && rejected == Rejected::AtOnce;
        let (_, body_bytes) = self.size(job);
        let bytes = if outcome == Outcome::Answered(OK) { body_bytes } else { 0 };
        match self.network.stream(host, before as usize, bytes, false) {
            Ok(delay) if refuses => {
                self.events.add(self.now + delay, Event::Refusal { job, by, report });
            }
            Ok(delay) => {
                let at = self.now + delay + self.transfer(bytes);
                self.events.add(at, Event::Reply { job, from: by, outcome: as_answer(outcome), report });
            }
            Err(patience) if refuses => {
                self.events.add(self.now + patience, Event::Lost { job, to: by });
            }
            Err(patience) => {
                let outcome = Outcome::Failed;
                self.events.add(self.now + patience, Event::Reply { job, from: by, outcome, report });
            }
        }
    }

    pub(super) fn replied(&mut self, job: usize, from: u32, outcome: Outcome, report: Report) {
        let Some(&(host, id)) = self.jobs.jobs[job].visits.last() else {
            return;
        };
        self.peer_reported(host as usize, id_of(from as usize), report);
        self.done(host as usize, id, outcome);
    }

    fn answer_client(&mut self, host: usize, place: usize, outcome: Outcome) {
        let job = &self.jobs.jobs[place];
        if self.counts(job.arrived) {
            let answered = outcome == Outcome::Answered(OK);
            let in_time = answered && job.deadline.is_none_or(|deadline| self.now <= deadline);
            self.tally.end(host, answered.then(|| self.now - job.arrived), in_time);
        }
        self.jobs.free.push(place);
    }
}

/// What the node before hears of it: over the wire everything is an answer.
fn as_answer(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Rejected(_) | Outcome::DeadlinePassed => Outcome::Answered(GATEWAY_TIMEOUT),
        outcome => outcome,
    }
}
