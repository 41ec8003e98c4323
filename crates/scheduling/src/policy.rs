//! The seam for scheduling policies: one policy, one file, one line in [`REGISTRY`].

mod no_scheduler;
mod reject_scheduler;

use protocol::{Load, PolicySpec};

pub use no_scheduler::NoScheduler;
pub use reject_scheduler::RejectScheduler;

use crate::{JobId, JobView, Outcome, Rejection, Time};

/// Decides about jobs. It never waits and does no I/O; what it wants done it answers as a [`Step`].
pub trait Policy: Send {
    /// The name and parameters under which the registry would build it again.
    fn spec(&self) -> PolicySpec;

    /// A job arrived: what shall become of it?
    fn on_arrival(&mut self, job: &JobView<'_>, cx: &mut Context) -> Step;

    /// A job that this policy let run ended.
    fn on_finished(&mut self, _job: JobId, _outcome: Outcome, _cx: &mut Context) {}
}

/// What a policy may know besides the job.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// The moment of the decision.
    pub now: Time,
    /// How busy this node is, without the job in question.
    pub load: Load,
}

/// What a policy wants done with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Run it on this node: at once if a slot is free, else after waiting in the queue.
    Run,
    /// Do not run it.
    Reject(Rejection),
}

/// A policy as the settings name it.
pub struct Entry {
    /// The name, as the original P2PFaaS has it where it has one.
    pub name: &'static str,
    /// The names of its parameters, in order.
    pub parameters: &'static [&'static str],
    /// Parameters that work.
    pub example: &'static [&'static str],
    build: Build,
}

/// Builds a policy from as many parameters as its entry names, or says which one is wrong.
type Build = fn(&[String]) -> Result<Box<dyn Policy>, String>;

/// Every policy that there is.
pub const REGISTRY: &[Entry] = &[no_scheduler::ENTRY, reject_scheduler::ENTRY];

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
    if spec.parameters.len() != entry.parameters.len() {
        return Err(failed(format!("{} were given", spec.parameters.len())));
    }
    (entry.build)(&spec.parameters).map_err(failed)
}

impl Entry {
    fn takes(&self) -> String {
        if self.parameters.is_empty() {
            return "no parameters".to_owned();
        }
        format!("the parameters [{}], for example {:?}", self.parameters.join(", "), self.example)
    }
}

/// Reads a parameter that is a truth value.
fn parse_bool(name: &str, text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("{name} is {text:?} where \"true\" or \"false\" is allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, parameters: &[&str]) -> PolicySpec {
        PolicySpec {
            name: name.to_owned(),
            parameters: parameters.iter().map(|&text| text.to_owned()).collect(),
        }
    }

    #[test]
    fn every_example_in_the_registry_builds_and_describes_itself_alike() {
        for entry in REGISTRY {
            let wanted = spec(entry.name, entry.example);
            assert_eq!(build(&wanted).unwrap().spec(), wanted);
        }
    }

    #[test]
    fn an_unknown_name_is_told_the_known_ones() {
        let error = build(&spec("Nonesuch", &[])).err().unwrap().to_string();
        assert!(error.contains("Nonesuch") && error.contains("NoScheduler"), "{error}");
    }

    #[test]
    fn wrong_parameters_are_told_the_right_ones() {
        for wrong in [&["perhaps"][..], &[], &["true", "true"]] {
            let error = build(&spec("NoScheduler", wrong)).err().unwrap().to_string();
            assert!(error.contains("loss"), "{error}");
        }
    }
}
