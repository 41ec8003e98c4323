use rand::{Rng, RngExt};

use super::Choices;

/// Chooses epsilon-greedily among actions of these values; a value is none where the action was never tried.
///
/// An action that was never tried counts as 0, and ties are broken at random. Rejecting is never explored
/// and never chosen untried, unless `explore_reject` is set or nothing else can be chosen.
pub fn choose(
    choices: Choices<'_>,
    values: &[Option<f64>],
    epsilon: f64,
    explore_reject: bool,
    rng: &mut impl Rng,
) -> usize {
    let explorable = |place: usize| explore_reject || !choices.rejects(place);
    if epsilon > 0.0 && rng.random_bool(epsilon.min(1.0)) {
        return pick((0..choices.len()).filter(|&place| explorable(place)), rng);
    }
    let mut best = f64::NEG_INFINITY;
    let mut ties = 0;
    let mut chosen = None;
    for (place, value) in values.iter().enumerate() {
        if value.is_none() && !explorable(place) {
            continue;
        }
        let value = value.unwrap_or_default();
        if value > best {
            (best, ties, chosen) = (value, 1, Some(place));
        } else if value == best {
            ties += 1;
            if rng.random_range(0..ties) == 0 {
                chosen = Some(place);
            }
        }
    }
    chosen.unwrap_or_default()
}

/// One of these places, each as likely; the first of all where there is none.
fn pick(places: impl Iterator<Item = usize> + Clone, rng: &mut impl Rng) -> usize {
    let count = places.clone().count();
    if count == 0 {
        return 0;
    }
    places.into_iter().nth(rng.random_range(0..count)).unwrap_or_default()
}

/// What an epsilon-greedy choice among these values is worth on average.
pub(crate) fn expectation(
    choices: Choices<'_>,
    values: &[Option<f64>],
    epsilon: f64,
    explore_reject: bool,
) -> f64 {
    let explorable = |place: usize| explore_reject || !choices.rejects(place);
    let (mut sum, mut count) = (0.0, 0);
    for (place, value) in values.iter().enumerate().filter(|(place, _)| explorable(*place)) {
        debug_assert!(place < choices.len());
        sum += value.unwrap_or_default();
        count += 1;
    }
    let best = greatest(choices, values, explore_reject);
    if count == 0 { best } else { (1.0 - epsilon) * best + epsilon * sum / f64::from(count) }
}

/// The value of the greedy choice.
pub(crate) fn greatest(choices: Choices<'_>, values: &[Option<f64>], explore_reject: bool) -> f64 {
    let open =
        |place: usize, value: &Option<f64>| value.is_some() || explore_reject || !choices.rejects(place);
    let values = values.iter().enumerate().filter(|(place, value)| open(*place, value));
    let best = values.map(|(_, value)| value.unwrap_or_default()).fold(f64::NEG_INFINITY, f64::max);
    if best.is_finite() { best } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    use super::*;

    fn chosen(values: &[Option<f64>], epsilon: f64, explore_reject: bool) -> Vec<usize> {
        let mut rng = Pcg64::seed_from_u64(1);
        let choices = Choices::Numbered(values.len() as u32);
        let mut counts = vec![0; values.len()];
        for _ in 0..1_000 {
            counts[choose(choices, values, epsilon, explore_reject, &mut rng)] += 1;
        }
        counts
    }

    #[test]
    fn ties_are_broken_at_random_and_never_towards_an_untried_reject() {
        let counts = chosen(&[None, None, None, Some(0.0)], 0.0, false);
        assert_eq!(counts[0], 0);
        assert!(counts[1..].iter().all(|&count| count > 250), "{counts:?}");
        let counts = chosen(&[None, Some(-1.0), Some(-2.0)], 0.0, false);
        assert_eq!(counts, [0, 1_000, 0]);
    }

    #[test]
    fn reject_is_chosen_where_samples_have_shown_it_to_be_better() {
        assert_eq!(chosen(&[Some(0.5), Some(0.4), None], 0.0, false), [1_000, 0, 0]);
        assert_eq!(chosen(&[Some(0.5), Some(0.4), None], 1.0, false)[0], 0, "but never explored");
        assert!(chosen(&[None, Some(1.0)], 1.0, true)[0] > 400, "unless that is wanted");
    }

    #[test]
    fn what_can_only_be_rejected_is() {
        let only = [protocol::learner::Candidate { action: 0, features: vec![1.0] }];
        let mut rng = Pcg64::seed_from_u64(1);
        for epsilon in [0.0, 1.0] {
            assert_eq!(choose(Choices::Offered(&only), &[None], epsilon, false, &mut rng), 0);
        }
    }

    #[test]
    fn the_expectation_is_that_of_the_choice() {
        let values = [Some(9.0), Some(1.0), None];
        let choices = Choices::Numbered(3);
        assert_eq!(greatest(choices, &values, false), 9.0);
        assert_eq!(expectation(choices, &values, 0.5, false), 0.5 * 9.0 + 0.5 * 0.5);
        assert_eq!(greatest(choices, &[None, None, Some(-1.0)], false), 0.0);
    }
}
