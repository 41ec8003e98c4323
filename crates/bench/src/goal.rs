//! A figure beside what it should be: a line of a Markdown table.

use std::fmt;

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Goal {
    what: String,
    /// Absent where the figure is for comparison only.
    target: Option<Bound>,
    measured: f64,
    unit: &'static str,
}

/// Where a figure should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// The head of the table.
pub(crate) const HEAD: [&str; 2] = ["| what | target | measured | |", "|---|---:|---:|---|"];

impl Goal {
    pub(crate) fn new(
        what: impl Into<String>,
        target: Option<Bound>,
        measured: f64,
        unit: &'static str,
    ) -> Self {
        Self { what: what.into(), target, measured, unit }
    }

    fn verdict(&self) -> &'static str {
        match self.target {
            Some(Bound::AtLeast(min)) if self.measured >= min => "met",
            Some(Bound::AtMost(max)) if self.measured <= max => "met",
            Some(_) => "missed",
            None => "",
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = match self.target {
            Some(Bound::AtLeast(min)) => format!(">= {min}{}", self.unit),
            Some(Bound::AtMost(max)) => format!("<= {max}{}", self.unit),
            None => String::new(),
        };
        let digits = if self.measured < 10.0 { 3 } else { 0 };
        let (what, measured, unit) = (&self.what, self.measured, self.unit);
        write!(f, "| {what} | {target} | {measured:.digits$}{unit} | {} |", self.verdict())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_and_measured_stand_side_by_side() {
        let fast = Goal::new("answers", Some(Bound::AtLeast(100.0)), 123.4, "/s");
        assert_eq!(fast.to_string(), "| answers | >= 100/s | 123/s | met |");
        let slow = Goal::new("p50", Some(Bound::AtMost(0.08)), 0.1234, " ms");
        assert_eq!(slow.to_string(), "| p50 | <= 0.08 ms | 0.123 ms | missed |");
        assert_eq!(Goal::new("beside", None, 1.0, "").to_string(), "| beside |  | 1.000 |  |");
    }
}
