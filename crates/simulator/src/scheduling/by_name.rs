use protocol::PolicySpec;
use scheduling::policy::{InvalidPolicy, REGISTRY, build};

use super::learners::Learners;
use super::{Adviser, Figures, LearnerSpec, Run, Scenario, simulate};

/// The policy as it describes itself: with parameters that were left out.
///
/// # Errors
/// Says which names there are, or which parameters the policy takes.
pub fn complete_policy(spec: &PolicySpec) -> Result<PolicySpec, InvalidPolicy> {
    build(spec).map(|policy| policy.spec())
}

/// What all nodes have.
#[derive(Debug, Clone, Copy)]
pub struct Everywhere<'a> {
    /// Decides.
    pub policy: &'a PolicySpec,
    /// Is consulted by policies that learn; without one they fall back.
    pub learner: Option<&'a LearnerSpec>,
}

/// Lets a scenario happen to nodes that are all alike; `watch` is told how far that is, 0 to 1.
///
/// # Errors
/// The policy cannot be built.
pub fn simulate_everywhere(
    scenario: &Scenario,
    everywhere: Everywhere<'_>,
    seed: u64,
    watch: &mut dyn FnMut(f64),
) -> Result<Figures, InvalidPolicy> {
    let hosts = scenario.hosts.len();
    let policies = (0..hosts).map(|_| build(everywhere.policy)).collect::<Result<_, _>>()?;
    let mut learners = everywhere.learner.map(|spec| Learners::new(spec, hosts, seed));
    let adviser = learners.as_mut().map(|learners| learners as &mut dyn Adviser);
    Ok(simulate(scenario, Run { policies, seed, adviser, watch }))
}

/// Every policy that there is, with the parameters of its example.
pub fn policies_with_examples() -> impl Iterator<Item = PolicySpec> {
    let text = |&text: &&str| text.to_owned();
    REGISTRY.iter().map(move |entry| PolicySpec {
        name: entry.name.to_owned(),
        parameters: entry.example.iter().map(text).collect(),
    })
}
