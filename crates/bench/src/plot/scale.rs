/// How values are spaced along an axis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Spacing {
    /// The same distance for the same difference.
    #[default]
    Even,
    /// The same distance for the same ratio; all values must be above zero.
    Logarithmic,
}

/// From values to pixels, with round numbers to write at the axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    step: f64,
    from: f64,
    to: f64,
    spacing: Spacing,
}

/// Numbers at an axis, about.
const TICKS: f64 = 6.0;

impl Scale {
    /// Maps `low..=high`, widened to round numbers, to the pixels `from..=to`.
    pub(super) fn new(low: f64, high: f64, from: f64, to: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        let step = round_up((high - low) / TICKS);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { low, high, step, from, to, spacing: Spacing::Even }
    }

    /// The same by ratios, widened to the next of 1, 2, 5, 10, 20, .. at both ends. Both must be above zero.
    pub(super) fn logarithmic(low: f64, high: f64, from: f64, to: f64) -> Self {
        let low = 1.0 / round_up(1.0 / low);
        let high = round_up(high.max(2.0 * low));
        Self { low, high, step: 0.0, from, to, spacing: Spacing::Logarithmic }
    }

    /// Where a value is.
    pub(super) fn at(&self, value: f64) -> f64 {
        let part = match self.spacing {
            Spacing::Even => (value - self.low) / (self.high - self.low),
            Spacing::Logarithmic => (value / self.low).ln() / (self.high / self.low).ln(),
        };
        self.from + part * (self.to - self.from)
    }

    /// The numbers at the axis, each with its text.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let Self { low, high, step, .. } = *self;
        if self.spacing == Spacing::Logarithmic {
            let next = |value: &f64| Some(round_up(value * 1.5)).filter(|next| *next <= high * (1.0 + 1e-9));
            return std::iter::successors(Some(low), next)
                .map(|value| (value, rounded(value, value)))
                .collect();
        }
        let count = ((high - low) / step).round() as usize;
        let values = (0..=count).map(|number| low + number as f64 * step);
        values.map(|value| (value, rounded(value, step))).collect()
    }
}

/// The value with as many decimals as a round number of the size of `step` has.
fn rounded(value: f64, step: f64) -> String {
    let decimals = (-(step * (1.0 + 1e-9)).log10().floor()).max(0.0) as usize;
    format!("{value:.decimals$}")
}

/// The next of 1, 2, 5, 10, 20, ..
fn round_up(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= step * (1.0 - 1e-9));
    power * factor.unwrap_or(10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(scale: Scale) -> Vec<String> {
        scale.ticks().into_iter().map(|(_, text)| text).collect()
    }

    fn texts(low: f64, high: f64) -> Vec<String> {
        of(Scale::new(low, high, 0.0, 100.0))
    }

    #[test]
    fn a_logarithmic_axis_has_round_numbers_at_even_ratios() {
        let scale = Scale::logarithmic(0.3, 40.0, 0.0, 100.0);
        assert_eq!(of(scale), ["0.2", "0.5", "1", "2", "5", "10", "20", "50"]);
        assert!((scale.at(1.0) - scale.at(0.5) - scale.at(20.0) + scale.at(10.0)).abs() < 1e-9);
        assert_eq!([scale.at(0.2), scale.at(50.0)].map(f64::round), [0.0, 100.0]);
        assert_eq!(of(Scale::logarithmic(7.0, 7.0, 0.0, 1.0)), ["5", "10"]);
    }

    #[test]
    fn numbers_at_the_axis_are_round_and_reach_over_the_values() {
        assert_eq!(texts(0.0, 97.0), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(texts(0.0, 0.7), ["0.0", "0.2", "0.4", "0.6", "0.8"]);
        assert_eq!(texts(0.0, 0.0).last().unwrap(), "1.0");
        assert_eq!(texts(120.0, 980.0).first().unwrap(), "0");
    }

    #[test]
    fn values_lie_between_the_ends() {
        let scale = Scale::new(0.0, 100.0, 10.0, 210.0);
        assert_eq!([scale.at(0.0), scale.at(50.0), scale.at(100.0)], [10.0, 110.0, 210.0]);
    }
}
