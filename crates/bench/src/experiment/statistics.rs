//! What a few runs tell of all the runs that could have been made.

/// A mean over runs, with the half of its 95 % confidence interval; none where one run tells nothing of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    pub(super) mean: f64,
    pub(super) half_width: Option<f64>,
}

impl Estimate {
    /// The mean of these values, which must be at least one, by Student's t distribution: the values are taken
    /// to be normally distributed and independent.
    pub(super) fn of(values: &[f64]) -> Self {
        assert!(!values.is_empty(), "the mean of nothing is nothing");
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let half_width = (values.len() > 1)
            .then(|| student_975(values.len() - 1) * (squares / (count - 1.0) / count).sqrt());
        Self { mean, half_width }
    }
}

/// The 0.975 quantiles of Student's t distribution for 1, 2, .. degrees of freedom.
const STUDENT_975: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/// The 0.975 quantile of the standard normal distribution.
const NORMAL_975: f64 = 1.959_964;

/// The 0.975 quantile of Student's t distribution: half of a 95 % interval in standard errors.
fn student_975(degrees: usize) -> f64 {
    match STUDENT_975.get(degrees.wrapping_sub(1)) {
        Some(quantile) => *quantile,
        // The first two terms of its expansion around the normal distribution (Cornish and Fisher, 1938), which
        // is exact to three decimals here.
        None => {
            let (z, n) = (NORMAL_975, degrees as f64);
            z + (z.powi(3) + z) / (4.0 * n) + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n)
        }
    }
}

/// The value that this part of the values, which are sorted, does not exceed: that of the nearest rank. None
/// of no values.
pub(super) fn percentile(sorted: &[f64], part: f64) -> Option<f64> {
    let rank = (part * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_the_textbook() {
        // Five values with the mean 5 and the standard deviation 1.581139: 2.776 * 1.581139 / sqrt(5).
        let estimate = Estimate::of(&[3.0, 4.0, 5.0, 6.0, 7.0]);
        assert_eq!(estimate.mean, 5.0);
        assert!((estimate.half_width.unwrap() - 1.962_927).abs() < 1e-5, "{estimate:?}");
        assert_eq!(Estimate::of(&[7.0]), Estimate { mean: 7.0, half_width: None });
        assert_eq!(Estimate::of(&[2.0, 2.0]).half_width, Some(0.0));
    }

    #[test]
    fn quantiles_of_students_distribution_have_their_known_values() {
        for (degrees, known) in
            [(1, 12.706), (2, 4.303), (9, 2.262), (30, 2.042), (40, 2.021), (60, 2.000), (120, 1.980)]
        {
            let quantile = student_975(degrees);
            assert!((quantile - known).abs() < 6e-4, "{degrees}: {quantile} is not {known}");
        }
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        let known = [(0.0, 1.0), (0.5, 50.0), (0.95, 95.0), (0.991, 100.0), (1.0, 100.0)];
        for (part, value) in known {
            assert_eq!(percentile(&values, part), Some(value), "{part}");
        }
        assert_eq!(percentile(&[4.0], 0.99), Some(4.0));
        assert_eq!(percentile(&[], 0.5), None);
    }
}
