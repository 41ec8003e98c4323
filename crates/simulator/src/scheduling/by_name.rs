use protocol::PolicySpec;
use scheduling::Policy;
use scheduling::policy::{InvalidPolicy, REGISTRY, build};

use super::{Figures, Run, Scenario, simulate};

/// Whether the registry builds this policy.
///
/// # Errors
/// Says which names there are, or which parameters the policy takes.
pub fn check_policy(spec: &PolicySpec) -> Result<(), String> {
    build(spec).map(drop).map_err(|error| error.to_string())
}

/// Lets a scenario happen to nodes that all have this policy; `watch` is told how far that is, 0 to 1.
///
/// # Errors
/// The policy cannot be built.
pub fn simulate_policy(
    scenario: &Scenario,
    policy: &PolicySpec,
    seed: u64,
    watch: &mut dyn FnMut(f64),
) -> Result<Figures, InvalidPolicy> {
    let policies: Vec<Box<dyn Policy>> =
        scenario.hosts.iter().map(|_| build(policy)).collect::<Result<_, _>>()?;
    Ok(simulate(scenario, Run { policies, seed, adviser: None, watch }))
}

/// Every policy that there is, with the parameters of its example.
pub fn policies_with_examples() -> impl Iterator<Item = PolicySpec> {
    let text = |&text: &&str| text.to_owned();
    REGISTRY.iter().map(move |entry| PolicySpec {
        name: entry.name.to_owned(),
        parameters: entry.example.iter().map(text).collect(),
    })
}
