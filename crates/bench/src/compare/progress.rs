//! How far a run has come, on standard error.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// Erases what is left of the line that is written over.
const ERASE_TO_END: &str = "\x1b[K";

/// The steps of a run; all take about the same time.
pub(super) struct Progress {
    steps: u32,
    done: u32,
    step_expected: Duration,
    started: Instant,
}

impl Progress {
    pub(super) fn new(steps: u32, step_expected: Duration) -> Self {
        Self { steps, done: 0, step_expected, started: Instant::now() }
    }

    /// Says that the next step begins. A terminal that cannot be written to does not end a measurement.
    pub(super) fn begin(&mut self, what: &dyn fmt::Display) {
        let left = remaining(self.steps, self.done, self.started.elapsed(), self.step_expected);
        self.done += 1;
        let line = format!("[{}/{}] about {} s left: {what}", self.done, self.steps, left.as_secs());
        let mut terminal = io::stderr();
        let _ = if terminal.is_terminal() {
            write!(terminal, "\r{line}{ERASE_TO_END}")
        } else {
            writeln!(terminal, "{line}")
        };
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if io::stderr().is_terminal() {
            let _ = writeln!(io::stderr());
        }
    }
}

/// The steps that are left take as long as those done did; before the first, as long as expected.
fn remaining(steps: u32, done: u32, elapsed: Duration, step_expected: Duration) -> Duration {
    let step = elapsed.checked_div(done).unwrap_or(step_expected);
    step * steps.saturating_sub(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_left_take_as_long_as_those_done() {
        let second = Duration::from_secs(1);
        assert_eq!(remaining(10, 0, Duration::ZERO, 2 * second), 20 * second);
        assert_eq!(remaining(10, 4, 12 * second, 2 * second), 18 * second);
        assert_eq!(remaining(10, 10, 30 * second, 2 * second), Duration::ZERO);
    }
}
