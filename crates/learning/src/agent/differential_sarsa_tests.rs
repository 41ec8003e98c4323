//! Access-control queuing (Sutton and Barto, example 10.2): ten servers, customers of four priorities that pay
//! 1, 2, 4 and 8, each busy server free again in a step with probability 0.06. The gain of a policy is
//! computed, not sampled.

use rand::{RngExt, SeedableRng};

use super::*;
use crate::agent::{Next, Point};

const SERVERS: usize = 10;
const FREED: f64 = 0.06;
const PAYS: [f64; 4] = [1.0, 2.0, 4.0, 8.0];
const OPTIMUM: f64 = 2.747_642;

const TURN_AWAY: u32 = 1;
const ACCEPT: u32 = 2;

/// Whether a customer of a priority is accepted with so many servers free.
type Policy = [[bool; 4]; SERVERS + 1];

/// The probability that so many of the busy servers become free in a step.
fn freed(busy: usize, count: usize) -> f64 {
    let ways = (0..count).fold(1.0, |ways, k| ways * (busy - k) as f64 / (k + 1) as f64);
    ways * FREED.powi(count as i32) * (1.0 - FREED).powi((busy - count) as i32)
}

/// The exact gain: what the stationary distribution of free servers pays a step.
fn gain(policy: &Policy) -> f64 {
    let mut distribution = [1.0 / (SERVERS + 1) as f64; SERVERS + 1];
    for _ in 0..5_000 {
        let mut next = [0.0; SERVERS + 1];
        for (free, share) in distribution.iter().enumerate() {
            for accepted in policy[free] {
                let left = free - usize::from(accepted && free > 0);
                for count in 0..=SERVERS - left {
                    next[left + count] += share / 4.0 * freed(SERVERS - left, count);
                }
            }
        }
        distribution = next;
    }
    let paid = |free: usize| {
        let accepted = PAYS.iter().zip(policy[free]).filter(|(_, accepted)| *accepted);
        if free == 0 { 0.0 } else { accepted.map(|(pay, _)| pay / 4.0).sum::<f64>() }
    };
    distribution.iter().enumerate().map(|(free, share)| share * paid(free)).sum()
}

/// Lets an agent run the queue, and gives its greedy policy.
fn learned(agent: &mut dyn Agent, steps: u32) -> Policy {
    let mut rng = Pcg64::seed_from_u64(7);
    let draw = |rng: &mut Pcg64, free: usize| {
        let freed = (free..SERVERS).filter(|_| rng.random_bool(FREED)).count();
        (free + freed, rng.random_range(0..4usize))
    };
    let state_of = |(free, priority): (usize, usize)| [free as f64, priority as f64];
    let choose = |agent: &mut dyn Agent, rng: &mut Pcg64, at: (usize, usize), epsilon: f64| {
        if at.0 == 0 {
            return TURN_AWAY;
        }
        agent.act(&state_of(at), Choices::Numbered(3), epsilon, rng) as u32
    };
    let mut at = (SERVERS, 0);
    let mut action = choose(agent, &mut rng, at, 0.1);
    for _ in 0..steps {
        let accepted = action == ACCEPT;
        let reward = if accepted { PAYS[at.1] } else { 0.0 };
        let followed = draw(&mut rng, at.0 - usize::from(accepted));
        let next_action = choose(agent, &mut rng, followed, 0.1);
        let (state, next_state) = (state_of(at), state_of(followed));
        let point = Point { state: &state, action, features: None };
        let next = Next::Chosen(Point { state: &next_state, action: next_action, features: None });
        agent.learn(&Step { point, reward, next, epsilon: 0.1 });
        (at, action) = (followed, next_action);
    }
    let mut policy = [[false; 4]; SERVERS + 1];
    for (free, row) in policy.iter_mut().enumerate() {
        for (priority, accepts) in row.iter_mut().enumerate() {
            *accepts = choose(agent, &mut rng, (free, priority), 0.0) == ACCEPT;
        }
    }
    policy
}

fn parameters() -> Parameters {
    Parameters { actions_n: 3, alpha: 0.01, beta: 0.01, ..Parameters::default() }
}

/// The rule of the original P2PFaaS: the average reward is overwritten, not tracked.
struct Overwriting(DifferentialSarsa);

impl Agent for Overwriting {
    fn configure(&mut self, parameters: &Parameters) {
        self.0.configure(parameters);
    }

    fn act(&mut self, state: &[f64], choices: Choices<'_>, epsilon: f64, rng: &mut Pcg64) -> usize {
        self.0.act(state, choices, epsilon, rng)
    }

    fn learn(&mut self, step: &Step<'_>) -> bool {
        let delta = self.0.delta(step);
        let learned = self.0.learn(step);
        self.0.average_reward = step.reward + self.0.parameters.beta * delta;
        learned
    }

    fn states(&self) -> usize {
        self.0.states()
    }

    fn write_weights(&self, cursor: &mut Cursor, out: &mut Vec<u8>) -> bool {
        self.0.write_weights(cursor, out)
    }

    fn read_weights(&mut self, weights: &RawValue) -> Result<(), String> {
        self.0.read_weights(weights)
    }
}

#[test]
fn the_gain_is_that_of_the_known_policies() {
    let mut best = [[false; 4]; SERVERS + 1];
    for (free, row) in best.iter_mut().enumerate().skip(1) {
        *row = [false, free >= 4, true, true];
    }
    assert!((gain(&best) - OPTIMUM).abs() < 1e-6, "{}", gain(&best));
    let always = [[true; 4]; SERVERS + 1];
    assert!((gain(&always) - 2.18141).abs() < 1e-5, "{}", gain(&always));
}

#[test]
fn it_comes_near_the_optimum_of_access_control() {
    let reached = gain(&learned(&mut DifferentialSarsa::new(&parameters()), 2_000_000));
    assert!(reached >= 0.97 * OPTIMUM, "{reached}");
}

#[test]
fn the_rule_of_the_original_does_not() {
    let reached = gain(&learned(&mut Overwriting(DifferentialSarsa::new(&parameters())), 2_000_000));
    assert!(reached < 0.9 * OPTIMUM, "{reached}");
}
