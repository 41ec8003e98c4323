//! Each tolerance is about four standard deviations of what as many jobs give, or says what else it allows for.

use std::time::Duration;

use simulator::scheduling::Figures;

use super::setting::{equal_nodes, run};

fn assert_near(what: &str, measured: f64, exact: f64, tolerance: f64) {
    assert!(
        (measured - exact).abs() <= tolerance,
        "{what}: {measured:.5}, and not {exact:.5} +- {tolerance}"
    );
}

/// Nodes that do not help each other are so many samples of one.
fn alone(slots: usize, queue: usize, rate: f64, seconds: u64) -> Figures {
    let mut scenario = equal_nodes(20, slots, queue, rate);
    scenario.duration = Duration::from_secs(seconds);
    scenario.warm_up = Duration::from_secs(seconds / 20);
    run(&scenario, "NoScheduler", &["false"], 1)
}

#[test]
fn erlang_b() {
    for (slots, rate, blocked) in
        [(2, 1.0, 0.2), (3, 2.0, 0.210_526), (4, 3.2, 0.228_145), (10, 9.0, 0.167_963)]
    {
        let figures = alone(slots, 0, rate, 4_000);
        assert_near(&format!("B({slots}, {rate})"), figures.drop_part(), blocked, 0.005);
        assert_near("mean time", figures.mean.as_secs_f64(), 1.0, 0.01);
    }
}

#[test]
fn many_servers_with_places_to_wait() {
    for (slots, queue, rate, blocked, mean) in [
        (1, 9, 0.5, 0.000_489, 1.990_225),
        (1, 9, 1.0, 0.090_909, 5.5),
        (4, 4, 3.2, 0.060_728, 1.259_188),
        (4, 4, 3.6, 0.096_636, 1.332_038),
    ] {
        let figures = alone(slots, queue, rate, 8_000);
        let what = format!("M/M/{slots}/{} at {rate}", slots + queue);
        assert_near(&what, figures.drop_part(), blocked, 0.003 + 0.02 * blocked);
        assert_near(&what, figures.mean.as_secs_f64(), mean, 0.04 * mean);
    }
}

#[test]
fn supermarket_model() {
    for (rate, one, two, seconds) in [(0.5, 2.0, 1.2657, 500), (0.9, 10.0, 2.6141, 1_500)] {
        let mut scenario = equal_nodes(200, 1, 100_000, rate);
        scenario.duration = Duration::from_secs(seconds);
        scenario.warm_up = Duration::from_secs(seconds / 5);
        let alone = run(&scenario, "NoScheduler", &["false"], 2);
        assert_near("d = 1", alone.mean.as_secs_f64(), one, 0.08 * one);
        let pair = run(&scenario, "PowerOfTwoScheduler", &["1"], 2);
        // 200 nodes are a little above the limit of many, the nearer to full the more.
        assert_near("d = 2", pair.mean.as_secs_f64(), two, 0.04 * two);
        assert_eq!((alone.drops, pair.drops), (0, 0));
    }
}

#[test]
fn loss_under_power_of_d() {
    let mut scenario = equal_nodes(100, 4, 0, 3.2);
    scenario.duration = Duration::from_secs(400);
    for (peers, lost) in [(0, 0.228_145), (1, 0.093_803), (2, 0.040_171)] {
        let fan_out = peers.to_string();
        let figures = match peers {
            0 => run(&scenario, "NoScheduler", &["true"], 3),
            _ => run(&scenario, "PowerOfTwoScheduler", &[&fan_out, "true"], 3),
        };
        assert_near(&format!("d = {}", peers + 1), figures.drop_part(), lost, 0.004);
    }
}

/// Eight nodes are far from the limit of many.
#[test]
fn few_nodes_lose_more() {
    let mut scenario = equal_nodes(8, 4, 0, 3.2);
    scenario.duration = Duration::from_secs(20_000);
    let figures = run(&scenario, "PowerOfTwoScheduler", &["1", "true"], 4);
    assert_near("N = 8", figures.drop_part(), 0.1055, 0.003);
}

#[test]
fn a_threshold_saves_probes() {
    let mut scenario = equal_nodes(100, 10, 0, 9.0);
    scenario.duration = Duration::from_secs(250);
    for (threshold, lost, probes) in
        [("0", 0.055_64, 1.0), ("8", 0.056_19, 0.805), ("9", 0.059_95, 0.576), ("10", 0.080_19, 0.283)]
    {
        let figures = run(&scenario, "PowerOfNScheduler", &["1", threshold, "true", "1"], 5);
        assert_near(&format!("LL(1, {threshold})"), figures.drop_part(), lost, 0.003);
        assert_near("probes a job", figures.probes_a_job(), probes, 0.01);
    }
}

/// A Poisson stream that is divided at random is Poisson still: each node stays M/M/1.
#[test]
fn a_random_choice_is_no_better_than_none() {
    let mut scenario = equal_nodes(50, 1, 100_000, 0.5);
    scenario.duration = Duration::from_secs(4_000);
    let figures = run(&scenario, "RandomScheduler", &[], 6);
    assert_near("1 / (1 - 0.5)", figures.mean.as_secs_f64(), 2.0, 0.05);
    assert_near("forwards a job", figures.forwards_a_job(), 0.98, 0.005);
}

/// N nodes that know each other's load are one large one: B(NK, Na). All of three peers are probed.
#[test]
fn full_information_is_one_large_node() {
    let mut scenario = equal_nodes(4, 4, 0, 3.2);
    scenario.duration = Duration::from_secs(10_000);
    let figures = run(&scenario, "PowerOfTwoScheduler", &["3", "true"], 7);
    assert_near("B(16, 12.8)", figures.drop_part(), erlang_b_of(16, 12.8), 0.004);
}

fn erlang_b_of(slots: u32, load: f64) -> f64 {
    (1..=slots).fold(1.0, |blocked, k| load * blocked / (f64::from(k) + load * blocked))
}
