use std::time::Duration;

use learning::{Model, Spec};
use protocol::learner::{Candidate, Sample};
use scheduling::Question;
use serde_json::{Map, Value};

use super::Adviser;

/// How long a missing sample is waited for: jobs take less, or their deadline has passed.
const SAMPLE_WAIT: Duration = Duration::from_secs(10);

/// The agent of the learners, with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct LearnerSpec(Spec);

impl LearnerSpec {
    /// The agent of this name, with these parameters over its defaults.
    ///
    /// # Errors
    /// Names what is wrong, and what is allowed.
    pub fn new(name: &str, parameters: &Map<String, Value>) -> Result<Self, String> {
        let told = |problems: Vec<protocol::SettingProblem>| {
            let problems: Vec<_> = problems
                .iter()
                .map(|problem| format!("{}: {}: {}", problem.key, problem.value, problem.why))
                .collect();
            problems.join("; ")
        };
        Spec::new(name, parameters).map(Self).map_err(told)
    }
}

/// A learner for each node, as a cluster has it.
pub(super) struct Learners(Vec<Model>);

impl Learners {
    pub(super) fn new(spec: &LearnerSpec, hosts: usize, seed: u64) -> Self {
        let model = |place| Model::new(spec.0.clone(), seed.wrapping_add(place as u64), 1);
        Self((0..hosts).map(model).collect())
    }
}

impl Adviser for Learners {
    fn advise(&mut self, host: usize, question: &Question) -> Option<(u32, f64)> {
        let candidates: Vec<Candidate> = question
            .candidates
            .iter()
            .map(|(action, features)| Candidate { action: *action, features: features.clone() })
            .collect();
        let choice = self.0[host].act(&question.state, &candidates).ok()?;
        Some((choice.action, choice.epsilon))
    }

    fn learn(&mut self, host: usize, sample: scheduling::Sample, now: Duration) {
        let scheduling::Sample { eid, state, action, reward, features } = sample;
        let sample = Sample { eid, state, action, reward, features, next_state: None };
        // A learner that refuses a sample is none the worse for it, as on the wire.
        let _ = self.0[host].train(sample, now, SAMPLE_WAIT);
    }
}
