//! How far the experiment is, on standard error.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Erases what is left of the line that is written over.
const ERASE_TO_END: &str = "\x1b[K";
/// What a run takes beside its calls, until one has been seen: the change of policy, and the last answers.
const BESIDE_CALLS: Duration = Duration::from_secs(1);

/// The runs of an experiment: one line that changes on a terminal, else a line for each.
pub(super) struct Progress {
    runs: usize,
    done: usize,
    run_expected: Duration,
    started: Instant,
    run_started: Instant,
    is_terminal: bool,
}

impl Progress {
    pub(super) fn new(runs: usize, duration: Duration) -> Self {
        let now = Instant::now();
        Self {
            runs,
            done: 0,
            run_expected: duration + BESIDE_CALLS,
            started: now,
            run_started: now,
            is_terminal: io::stderr().is_terminal(),
        }
    }

    /// Something that is no run is under way.
    pub(super) fn say(&self, what: &str) {
        if self.is_terminal {
            self.write(what);
        } else {
            let _ = writeln!(io::stderr(), "{what}");
        }
    }

    /// The next run begins.
    pub(super) fn begin(&mut self) {
        if self.done == 0 {
            self.started = Instant::now();
        }
        self.run_started = Instant::now();
    }

    /// The run of this name is under way.
    pub(super) fn show(&self, name: &str, how: &str) {
        if self.is_terminal {
            self.write(&self.line(name, how));
        }
    }

    /// The run of this name has ended.
    pub(super) fn end(&mut self, name: &str, how: &str) {
        if !self.is_terminal {
            let _ = writeln!(io::stderr(), "{}", self.line(name, how));
        }
        self.done += 1;
    }

    fn line(&self, name: &str, how: &str) -> String {
        let (all, run) = (self.started.elapsed(), self.run_started.elapsed());
        let left = remaining(self.runs, self.done, all.saturating_sub(run), run, self.run_expected);
        format!("[{}/{}] {name}: {how}; about {} left", self.done + 1, self.runs, Rounded(left))
    }

    /// A terminal that cannot be written to does not end an experiment.
    fn write(&self, line: &str) {
        let _ = write!(io::stderr(), "\r{line}{ERASE_TO_END}");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_terminal {
            self.write("");
        }
    }
}

/// The runs that are left take as long as those done did, which took `elapsed` together; before the first, as
/// long as expected.
fn remaining(runs: usize, done: usize, elapsed: Duration, run: Duration, expected: Duration) -> Duration {
    let each = u32::try_from(done).ok().and_then(|done| elapsed.checked_div(done)).unwrap_or(expected);
    let left = u32::try_from(runs.saturating_sub(done)).unwrap_or(u32::MAX);
    (each * left).saturating_sub(run.min(each))
}

/// A time in as many digits as one cares for.
struct Rounded(Duration);

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            seconds @ 0..100 => write!(f, "{seconds} s"),
            seconds => write!(f, "{:.0} min", seconds as f64 / 60.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runs_left_take_as_long_as_those_done() {
        let (none, second) = (Duration::ZERO, Duration::from_secs(1));
        assert_eq!(remaining(10, 0, none, none, 20 * second), 200 * second);
        assert_eq!(remaining(10, 0, none, 5 * second, 20 * second), 195 * second);
        assert_eq!(remaining(10, 4, 100 * second, 5 * second, 20 * second), 145 * second);
        assert_eq!(remaining(10, 9, 90 * second, 500 * second, 20 * second), none);
        assert_eq!(Rounded(99 * second).to_string(), "99 s");
        assert_eq!(Rounded(290 * second).to_string(), "5 min");
    }
}
