use std::time::Duration;

use protocol::PolicySpec;
use simulator::scheduling::{
    Arrivals, Deadlines, Everywhere, Figures, HostSpec, Scenario, Service, TaskSpec, Wire,
    simulate_everywhere,
};

/// Equal nodes in the world of the theory: jobs of mean 1 s without memory, and a network that takes no time.
pub(crate) fn equal_nodes(nodes: usize, slots: usize, queue: usize, rate: f64) -> Scenario {
    let arrivals = Arrivals::poisson(rate);
    let host = HostSpec { slots, queue_length_max: queue, speed: 1.0, arrivals };
    Scenario {
        hosts: vec![host; nodes],
        tasks: vec![TaskSpec {
            share: 1.0,
            mean: Duration::from_secs(1),
            service: Service::Exponential,
            deadline: None,
            body_bytes: 128,
        }],
        wire: Wire::none(),
        gossip: None,
        neighbours_max: nodes,
        deadlines: Deadlines::Measured,
        tries_elsewhere: true,
        duration: Duration::from_secs(1_000),
        warm_up: Duration::from_secs(50),
    }
}

pub(crate) fn spec(name: &str, parameters: &[&str]) -> PolicySpec {
    PolicySpec { name: name.to_owned(), parameters: parameters.iter().map(|&text| text.to_owned()).collect() }
}

pub(crate) fn run(scenario: &Scenario, name: &str, parameters: &[&str], seed: u64) -> Figures {
    let everywhere = Everywhere { policy: &spec(name, parameters), learner: None };
    simulate_everywhere(scenario, everywhere, seed, &mut |_| {}).unwrap()
}
