//! The seam for scheduling policies: one policy, one file, one line in [`REGISTRY`].

mod expected_delay;
mod forward_scheduler;
mod learning_scheduler;
mod no_scheduler;
mod parameters;
mod power_of_n_scheduler;
mod power_of_n_scheduler_tau;
mod power_of_two_scheduler;
mod prequal_scheduler;
mod random_scheduler;
mod ranking;
mod reject_scheduler;
mod round_robin_scheduler;
mod round_robin_with_master_scheduler;
mod shortest_expected_delay_scheduler;
mod turns;

use std::time::Duration;

use protocol::{Load, NodeId, PolicySpec};
use rand_pcg::Pcg64;

pub use forward_scheduler::ForwardScheduler;
pub use learning_scheduler::LearningScheduler;
pub use no_scheduler::NoScheduler;
pub use power_of_n_scheduler::PowerOfNScheduler;
pub use power_of_n_scheduler_tau::PowerOfNSchedulerTau;
pub use power_of_two_scheduler::PowerOfTwoScheduler;
pub use prequal_scheduler::PrequalScheduler;
pub use random_scheduler::RandomScheduler;
pub use ranking::Asking;
pub use reject_scheduler::RejectScheduler;
pub use round_robin_scheduler::RoundRobinScheduler;
pub use round_robin_with_master_scheduler::RoundRobinWithMasterScheduler;
pub use shortest_expected_delay_scheduler::ShortestExpectedDelayScheduler;

use crate::{Candidates, Explanation, JobView, Outbox, Outcome, Rejection, Report, Time, TypeLoad};

/// Decides about jobs. It never waits and does no I/O; what it wants done it answers as a [`Step`].
///
/// For each job it is asked once on arrival, once for each answer to a step that asks something, and told
/// once how the job ended.
pub trait Policy: Send {
    /// The name and parameters under which the registry would build it again.
    fn spec(&self) -> PolicySpec;

    /// A job arrived: what shall become of it?
    fn on_arrival(&mut self, job: &JobView<'_>, cx: &mut Context<'_>) -> Step;

    /// The answer to the step before: what now? A policy that asks nothing is only ever told of a refusal.
    fn on_answer(&mut self, _job: &JobView<'_>, _answer: Answer<'_>, _cx: &mut Context<'_>) -> Step {
        Step::Run
    }

    /// A job that this policy was asked about ended.
    fn on_finished(&mut self, _job: &JobView<'_>, _outcome: Outcome, _cx: &mut Context<'_>) {}

    /// A peer said how busy it is, on whatever occasion.
    fn on_report(&mut self, _peer: NodeId, _report: &Report, _cx: &mut Context<'_>) {}
}

/// What a policy may know besides the job, and may use.
pub struct Context<'a> {
    /// The moment of the decision.
    pub now: Time,
    /// How busy this node is, without the job in question.
    pub load: Load,
    /// The same by task type.
    pub types: &'a TypeLoad,
    /// Time a job occupies a slot of this node, smoothed; absent until one has run.
    pub service_time: Option<Duration>,
    /// The peers that the job may be given to; none where no job is in question.
    pub candidates: Candidates<'a>,
    /// The node's generator, the only source of randomness.
    pub rng: &'a mut Pcg64,
    /// What shall be done besides.
    pub outbox: &'a mut Outbox,
    /// How this decision came about, for the headers of the reply.
    pub explanation: &'a mut Option<Explanation>,
}

/// What a policy wants done with a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Run it on this node: at once if a slot is free, else after waiting in the queue.
    Run,
    /// Give it to this candidate; [`Answer::Refused`] if that does not take it.
    Forward(NodeId),
    /// Ask these candidates how busy they are; [`Answer::Probed`].
    Probe(Vec<NodeId>),
    /// Ask the learner; [`Answer::Advised`].
    Consult(Box<Question>),
    /// Do nothing for so long; [`Answer::Woken`].
    Wait(Duration),
    /// Do not run it.
    Reject(Rejection),
}

/// What the learner is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The state of the node.
    pub state: Vec<f64>,
    /// The actions to choose from, each with its features; empty where the learner knows them by itself.
    pub candidates: Vec<(u32, Vec<f64>)>,
}

/// The answer to a step that asked something. Every such step gets exactly one.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer<'a> {
    /// Each peer that was probed with what it said; none where it did not answer in time.
    Probed(&'a [(NodeId, Option<Report>)]),
    /// The learner's action and its epsilon; none where it did not answer in time.
    Advised(Option<(u32, f64)>),
    /// The wait is over.
    Woken,
    /// This peer did not take the job, or was lost before it did. It is no candidate any more.
    Refused(NodeId),
}

/// A policy as the settings name it.
pub struct Entry {
    /// The name, as the original P2PFaaS has it where it has one.
    pub name: &'static str,
    /// The names of its parameters, in order.
    pub parameters: &'static [&'static str],
    /// Parameters at the end that may be left out.
    pub optional: usize,
    /// Parameters that work.
    pub example: &'static [&'static str],
    build: Build,
}

/// Builds a policy from as many parameters as its entry allows, or says which one is wrong.
type Build = fn(&[String]) -> Result<Box<dyn Policy>, String>;

/// Every policy that there is.
pub const REGISTRY: &[Entry] = &[
    no_scheduler::ENTRY,
    reject_scheduler::ENTRY,
    forward_scheduler::ENTRY,
    power_of_n_scheduler::ENTRY,
    power_of_n_scheduler_tau::ENTRY,
    round_robin_with_master_scheduler::ENTRY,
    random_scheduler::ENTRY,
    round_robin_scheduler::ENTRY,
    power_of_two_scheduler::ENTRY,
    shortest_expected_delay_scheduler::ENTRY,
    prequal_scheduler::ENTRY,
    learning_scheduler::ENTRY,
];

/// A policy that cannot be built from its name and parameters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// No policy has this name.
    #[error("no policy is named {name:?}; there are {known}")]
    UnknownName {
        /// What was asked for.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// The parameters do not fit the policy.
    #[error("{name} takes {takes}: {why}")]
    Parameters {
        /// The policy.
        name: &'static str,
        /// The parameters that it takes, with an example.
        takes: String,
        /// What is wrong.
        why: String,
    },
}

/// Builds the policy that `spec` names.
///
/// # Errors
/// Says which names there are, or which parameters the policy takes.
pub fn build(spec: &PolicySpec) -> Result<Box<dyn Policy>, InvalidPolicy> {
    let Some(entry) = REGISTRY.iter().find(|entry| entry.name == spec.name) else {
        let known: Vec<_> = REGISTRY.iter().map(|entry| entry.name).collect();
        return Err(InvalidPolicy::UnknownName { name: spec.name.clone(), known: known.join(", ") });
    };
    let failed = |why| InvalidPolicy::Parameters { name: entry.name, takes: entry.takes(), why };
    let most = entry.parameters.len();
    if !(most - entry.optional..=most).contains(&spec.parameters.len()) {
        return Err(failed(format!("{} were given", spec.parameters.len())));
    }
    (entry.build)(&spec.parameters).map_err(failed)
}

impl Entry {
    /// This policy with these parameters, as the settings would have it.
    fn spec(&self, parameters: impl IntoIterator<Item = String>) -> PolicySpec {
        PolicySpec { name: self.name.to_owned(), parameters: parameters.into_iter().collect() }
    }

    fn takes(&self) -> String {
        if self.parameters.is_empty() {
            return "no parameters".to_owned();
        }
        let optional = match self.optional {
            0 => String::new(),
            some => format!(", of which the last {some} may be left out"),
        };
        format!("the parameters [{}]{optional}, for example {:?}", self.parameters.join(", "), self.example)
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
