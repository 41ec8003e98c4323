use rand::SeedableRng;

use super::*;

#[test]
fn names_are_told_apart() {
    let mut names: Vec<_> =
        REGISTRY.iter().flat_map(|entry| entry.aliases.iter().chain([&entry.name])).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), REGISTRY.iter().map(|entry| entry.aliases.len() + 1).sum::<usize>());
}

/// Which of two kinds of candidates is better depends on the second feature; a third one is a trap.
fn reward(action: u32, x: f64) -> f64 {
    match action {
        1 => 0.2 + 0.6 * x,
        2 => 0.8 - 0.6 * x,
        _ => 0.1,
    }
}

/// Plays the bandit, and gives the mean reward of the last 500 of 3,000 rounds.
fn play(agent: &mut dyn Agent, seed: u64) -> f64 {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut sum = 0.0;
    for round in 0..3_000 {
        let x = f64::from(round * 37 % 101) / 100.0;
        let features = |action: u32| {
            let is = |other| f64::from(u8::from(action == other));
            vec![is(1), is(2), is(3), is(1) * x, is(2) * x]
        };
        let candidates: Vec<_> =
            (1..=3).map(|action| Candidate { action, features: features(action) }).collect();
        let choice = agent.act(&[], Choices::Offered(&candidates), 0.1, &mut rng);
        let chosen = &candidates[choice];
        let point = Point { state: &[], action: chosen.action, features: Some(&chosen.features) };
        let reward = reward(chosen.action, x);
        agent.learn(&Step { point, reward, next: Next::End, epsilon: 0.1 });
        if round >= 2_500 {
            sum += reward;
        }
    }
    sum / 500.0
}

#[test]
fn bandits_find_the_better_candidate_for_each_context() {
    // The best choice is worth 0.65 on average, a blind one of the two 0.5.
    for seed in 0..5 {
        let parameters = Parameters::default();
        let ucb = play(&mut LinUcb::new(&parameters), seed);
        let thompson = play(&mut LinearThompson::new(&parameters), seed);
        assert!(ucb > 0.63 && thompson > 0.63, "LinUCB {ucb}, Thompson {thompson}, seed {seed}");
    }
}

#[test]
fn a_bandit_that_does_not_explore_may_stay_with_the_first_thing() {
    let parameters = Parameters { exploration: 0.0, ..Parameters::default() };
    let worst = (0..5).map(|seed| play(&mut LinUcb::new(&parameters), seed)).fold(1.0, f64::min);
    assert!(worst < 0.6, "the test above cannot fail: {worst}");
}

#[test]
fn every_agent_learns_numbered_actions() {
    for entry in REGISTRY {
        let parameters = Parameters { actions_n: 4, ..(entry.defaults)() };
        let mut agent = (entry.build)(&parameters);
        let mut rng = Pcg64::seed_from_u64(1);
        let wanted = |state: f64| if state < 1.0 { 2 } else { 3 };
        for round in 0..5_000 {
            let state = [f64::from(round % 2) * 4.0];
            let next = [f64::from((round + 1) % 2) * 4.0];
            let action = agent.act(&state, Choices::Numbered(4), 0.2, &mut rng) as u32;
            assert_ne!(action, 0, "{} explored a reject", entry.name);
            let reward = f64::from(u8::from(action == wanted(state[0])));
            let point = Point { state: &state, action, features: None };
            agent.learn(&Step { point, reward, next: Next::State(&next), epsilon: 0.2 });
        }
        let hits = (0..200).filter(|round| {
            let state = [f64::from(round % 2) * 4.0];
            agent.act(&state, Choices::Numbered(4), 0.0, &mut rng) as u32 == wanted(state[0])
        });
        assert!(hits.count() > 190, "{}", entry.name);
    }
}
