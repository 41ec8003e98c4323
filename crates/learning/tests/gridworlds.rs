//! Worlds whose best policies are known (Sutton and Barto, examples 6.5 and 6.6). Action 0, which rejects, has
//! no meaning in them: the moves are 1 to 4.

use learning::Parameters;
use learning::agent::{Agent, Choices, DifferentialSarsa, DiscountedTable, Next, Point, Step};
use rand::SeedableRng;
use rand_pcg::Pcg64;

/// Column and row.
type Place = (i32, i32);

struct World {
    size: Place,
    start: Place,
    goal: Place,
    /// Where a move leads, and its reward.
    step: fn(Place, (i32, i32)) -> (Place, f64),
}

/// Left, right, down, up.
const MOVES: [(i32, i32); 4] = [(-1, 0), (1, 0), (0, -1), (0, 1)];

const CLIFF: World = World {
    size: (12, 4),
    start: (0, 0),
    goal: (11, 0),
    step: |(x, y), (dx, dy)| match ((x + dx).clamp(0, 11), (y + dy).clamp(0, 3)) {
        (1..=10, 0) => ((0, 0), -100.0),
        place => (place, -1.0),
    },
};

const WIND: [i32; 10] = [0, 0, 0, 1, 1, 1, 2, 2, 1, 0];

const WINDY: World = World {
    size: (10, 7),
    start: (0, 3),
    goal: (7, 3),
    step: |(x, y), (dx, dy)| {
        let place = ((x + dx).clamp(0, 9), (y + dy + WIND[x as usize]).clamp(0, 6));
        (place, -1.0)
    },
};

impl World {
    fn learn(&self, agent: &mut dyn Agent, episodes: usize, epsilon: f64, rng: &mut Pcg64) {
        let steps_max = 10 * self.size.0 * self.size.1;
        for _ in 0..episodes {
            let mut place = self.start;
            let mut action = choose(agent, place, epsilon, rng);
            for _ in 0..steps_max {
                let (followed, reward) = (self.step)(place, MOVES[action as usize - 1]);
                let (state, next_state) = (state(place), state(followed));
                let next_action = choose(agent, followed, epsilon, rng);
                let next = if followed == self.goal {
                    Next::End
                } else {
                    Next::Chosen(Point { state: &next_state, action: next_action, features: None })
                };
                let point = Point { state: &state, action, features: None };
                agent.learn(&Step { point, reward, next, epsilon });
                if followed == self.goal {
                    break;
                }
                (place, action) = (followed, next_action);
            }
        }
    }

    /// The return of the greedy policy; minus infinity where it never arrives.
    fn greedy_return(&self, agent: &mut dyn Agent, rng: &mut Pcg64) -> f64 {
        let (mut place, mut sum) = (self.start, 0.0);
        for _ in 0..1_000 {
            let action = choose(agent, place, 0.0, rng);
            let (followed, reward) = (self.step)(place, MOVES[action as usize - 1]);
            (place, sum) = (followed, sum + reward);
            if place == self.goal {
                return sum;
            }
        }
        f64::NEG_INFINITY
    }

    fn taught(&self, agent: &mut dyn Agent, seed: u64) -> f64 {
        let mut rng = Pcg64::seed_from_u64(seed);
        self.learn(agent, 5_000, 0.1, &mut rng);
        self.greedy_return(agent, &mut rng)
    }
}

fn state((x, y): Place) -> [f64; 2] {
    [x.into(), y.into()]
}

fn choose(agent: &mut dyn Agent, place: Place, epsilon: f64, rng: &mut Pcg64) -> u32 {
    agent.act(&state(place), Choices::Numbered(5), epsilon, rng) as u32
}

fn parameters(alpha: f64) -> Parameters {
    // Without an average reward, differential SARSA is that of an episode without discount.
    Parameters { actions_n: 5, alpha, beta: 0.0, gamma: 1.0, ..Parameters::default() }
}

#[test]
fn q_learning_walks_along_the_cliff() {
    for seed in 0..3 {
        assert_eq!(CLIFF.taught(&mut DiscountedTable::q_learning(&parameters(0.1)), seed), -13.0);
    }
}

#[test]
fn sarsa_keeps_away_from_the_cliff() {
    for seed in 0..3 {
        assert_eq!(CLIFF.taught(&mut DifferentialSarsa::new(&parameters(0.2)), seed), -17.0);
        // Without the noise of the action that follows it dares to go one row nearer.
        assert_eq!(CLIFF.taught(&mut DiscountedTable::expected_sarsa(&parameters(0.2)), seed), -15.0);
    }
}

#[test]
fn sarsa_finds_its_way_through_the_wind() {
    for seed in 0..3 {
        let reached = WINDY.taught(&mut DifferentialSarsa::new(&parameters(0.1)), seed);
        assert!(reached >= -16.0, "{reached}");
    }
}
