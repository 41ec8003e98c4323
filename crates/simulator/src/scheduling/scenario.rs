use std::time::Duration;

use super::{Arrivals, Service};
use crate::network::Conditions;

/// The most neighbours by default that a node of a large cluster knows.
const NEIGHBOURS_OF_MANY: usize = 64;
/// Nodes that all know each other by default.
const ALL_NEIGHBOURS_UP_TO: usize = 256;
/// Neighbours that a scenario may ask for: every one takes 200 bytes in each node that knows it.
pub const NEIGHBOURS_MAX: usize = 4_096;

/// What there is, and what happens to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The nodes.
    pub hosts: Vec<HostSpec>,
    /// The kinds of jobs, by task type; at least one.
    pub tasks: Vec<TaskSpec>,
    /// What is between the nodes.
    pub wire: Wire,
    /// What nodes tell each other without being asked; none switches it off.
    pub gossip: Option<Gossip>,
    /// Peers that a node knows, drawn at random where there are more; see [`neighbours_default`].
    pub neighbours_max: usize,
    /// What nodes make of deadlines.
    pub deadlines: Deadlines,
    /// Whether a job that a peer refused is tried elsewhere, as the scheduler does. Else it is lost, as in many
    /// models of load sharing.
    pub tries_elsewhere: bool,
    /// Time in which jobs arrive. They all come to their end.
    pub duration: Duration,
    /// Time at the start whose arrivals do not count.
    pub warm_up: Duration,
}

/// A node and its clients.
#[derive(Debug, Clone, PartialEq)]
pub struct HostSpec {
    /// Jobs that may run at once.
    pub slots: usize,
    /// Jobs that may wait.
    pub queue_length_max: usize,
    /// Work done in a second by each slot, in seconds of a node of speed 1.
    pub speed: f64,
    /// What its clients send it.
    pub arrivals: Arrivals,
}

/// A kind of jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskSpec {
    /// Its part of the jobs, in relation to the others.
    pub share: f64,
    /// Mean time that it takes on a node of speed 1.
    pub mean: Duration,
    /// How the work of single jobs deviates.
    pub service: Service,
    /// Time from its arrival after which its answer is worth nothing.
    pub deadline: Option<Duration>,
    /// Size of what is sent with a job, and of its answer.
    pub body_bytes: usize,
}

/// What is between the nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wire {
    /// Delay of each message, and loss: of probes, and of segments of jobs, which are sent again.
    pub conditions: Conditions,
    /// Of bodies, besides the delay.
    pub bytes_a_second: f64,
    /// After which a probe counts as failed.
    pub probe_timeout: Duration,
    /// From a question to the learner to its answer.
    pub advice_delay: Duration,
}

/// What nodes tell each other without being asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gossip {
    /// Each node takes note of its neighbours so often, and says how busy it is.
    pub period: Duration,
    /// From saying it to where the others could know.
    pub delay: Duration,
}

/// What nodes make of deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadlines {
    /// Jobs are judged by them, but no node knows of them: no order of the queue, and nothing is given up.
    Measured,
    /// As the scheduler does: the earliest deadline first, and a job is given up when its deadline passes.
    Enforced {
        /// Whether a job is dropped at its turn that could not meet its deadline any more.
        shed_late: bool,
    },
}

impl Scenario {
    /// Work that arrives over work that can be done, in the mean over a long time.
    pub fn utilisation(&self) -> f64 {
        let share: f64 = self.tasks.iter().map(|task| task.share).sum();
        let work = self.tasks.iter().map(|task| task.share / share * task.mean.as_secs_f64()).sum::<f64>();
        let arriving: f64 = self.hosts.iter().map(|host| host.arrivals.rate_mean()).sum();
        let capacity: f64 = self.hosts.iter().map(|host| host.slots as f64 * host.speed).sum();
        arriving * work / capacity
    }

    /// Jobs that will arrive, about.
    pub fn jobs_expected(&self) -> f64 {
        let arriving: f64 = self.hosts.iter().map(|host| host.arrivals.rate_mean()).sum();
        arriving * self.duration.as_secs_f64()
    }
}

/// Peers that each of so many nodes knows where a scenario does not say: all up to 256 nodes, and 64 of more,
/// because every node keeps what it knows of each.
pub fn neighbours_default(hosts: usize) -> usize {
    if hosts <= ALL_NEIGHBOURS_UP_TO { hosts.saturating_sub(1) } else { NEIGHBOURS_OF_MANY }
}

impl Default for Wire {
    /// One site: 0.2 to 2 ms each way, nothing lost, 1 Gbit/s.
    fn default() -> Self {
        Self {
            conditions: Conditions::lan(0.0),
            bytes_a_second: 125e6,
            probe_timeout: Duration::from_millis(100),
            advice_delay: Duration::from_micros(100),
        }
    }
}

impl Wire {
    /// Everything arrives at once, as in the models of the theory.
    pub fn none() -> Self {
        let conditions =
            Conditions { delay_min: Duration::ZERO, delay_max: Duration::ZERO, loss: 0.0, duplication: 0.0 };
        Self { conditions, bytes_a_second: f64::INFINITY, ..Self::default() }
    }
}
