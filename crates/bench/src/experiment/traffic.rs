//! What the clients of all nodes send, decided before a run begins: it depends on the seed alone.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use simulator::scheduling::Arrivals;

use super::call::Planned;

/// Far apart, so that the streams of two nodes or two seeds never meet.
const STREAM_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// All calls of a run, in the order in which they are to be made. `shares` are those of the tasks.
pub(super) fn plan(arrivals: &[Arrivals], shares: &[f64], duration: Duration, seed: u64) -> Vec<Planned> {
    let mut calls = Vec::new();
    for (node, arrivals) in arrivals.iter().enumerate() {
        let stream = (node as u64 + 1).wrapping_mul(STREAM_STEP);
        let mut rng = Pcg64::seed_from_u64(seed ^ stream);
        let mut now = Duration::ZERO;
        while let Some(at) = arrivals.next(now, &mut rng).filter(|at| *at < duration) {
            calls.push(Planned { at, node, task: draw(shares, rng.random()), seed: rng.random() });
            now = at;
        }
    }
    calls.sort_by_key(|call| (call.at, call.node));
    calls
}

/// The place of the share that `point`, 0 to 1, falls into.
fn draw(shares: &[f64], point: f64) -> usize {
    let mut rest = point * shares.iter().sum::<f64>();
    for (place, share) in shares.iter().enumerate() {
        rest -= share;
        if rest < 0.0 {
            return place;
        }
    }
    shares.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_same_seed_plans_the_same_and_another_one_something_else() {
        let arrivals = [Arrivals::poisson(20.0), Arrivals::poisson(5.0)];
        let plan = |seed| plan(&arrivals, &[1.0, 1.0], MINUTE, seed);
        assert_eq!(plan(1), plan(1));
        assert_ne!(plan(1), plan(2));
    }

    #[test]
    fn each_node_and_task_has_its_part_in_the_order_of_time() {
        let arrivals = [Arrivals::poisson(20.0), Arrivals::default(), Arrivals::poisson(10.0)];
        let calls = plan(&arrivals, &[3.0, 1.0], 10 * MINUTE, 7);
        assert!(calls.is_sorted_by_key(|call| call.at));
        let count = |wanted: &dyn Fn(&Planned) -> bool| calls.iter().filter(|call| wanted(call)).count();
        let nodes = [0, 1, 2].map(|node| count(&|call| call.node == node));
        assert!((11_500..12_500).contains(&nodes[0]), "{nodes:?}");
        assert_eq!(nodes[1], 0);
        assert!((5_600..6_400).contains(&nodes[2]), "{nodes:?}");
        let seconds = count(&|call| call.task == 1);
        assert!((4_200..4_800).contains(&seconds), "{seconds}");
    }

    #[test]
    fn a_point_falls_into_the_share_that_covers_it() {
        let places = [0.0, 0.74, 0.76, 1.0].map(|point| draw(&[3.0, 0.0, 1.0], point));
        assert_eq!(places, [0, 0, 2, 2]);
    }
}
