use crate::STATE_PARTS_MAX;

/// The key of a table: whole numbers side by side, each a part of its own, so that `[1, 11, 0]` and
/// `[1, 1, 10]` are two.
pub(crate) struct Key {
    parts: [i32; STATE_PARTS_MAX],
    length: usize,
}

impl Key {
    /// Of a state: its parts cut to whole numbers, as the original P2PFaaS does.
    pub(crate) fn of_state(state: &[f64]) -> Self {
        Self::of(state, |part| part)
    }

    /// Of features: cut to steps, so many to a unit.
    pub(crate) fn of_features(features: &[f64], steps: f64) -> Self {
        Self::of(features, |feature| (feature * steps).floor())
    }

    fn of(numbers: &[f64], whole: impl Fn(f64) -> f64) -> Self {
        let mut parts = [0; STATE_PARTS_MAX];
        for (part, number) in parts.iter_mut().zip(numbers) {
            *part = whole(*number) as i32;
        }
        Self { parts, length: numbers.len().min(STATE_PARTS_MAX) }
    }

    pub(crate) fn parts(&self) -> &[i32] {
        &self.parts[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_stay_apart() {
        assert_ne!(Key::of_state(&[1.0, 11.0, 0.0]).parts(), Key::of_state(&[1.0, 1.0, 10.0]).parts());
        assert_eq!(Key::of_state(&[1.9, -0.5, 1e9]).parts(), [1, 0, 1_000_000_000]);
        assert_eq!(Key::of_features(&[0.3, -0.1], 4.0).parts(), [1, -1]);
    }
}
