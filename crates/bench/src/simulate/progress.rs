//! How far the runs are, on standard error.

use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Erases what is left of the line that is written over.
const ERASE_TO_END: &str = "\x1b[K";
const BAR_WIDTH: usize = 30;
/// Between two changes of the line: more often is more than one can read.
const REDRAW_EVERY: Duration = Duration::from_millis(200);

/// All runs; each counts alike. Silent where nobody watches.
pub(super) struct Progress {
    watched: bool,
    started: Instant,
    state: Mutex<State>,
}

struct State {
    /// How far each run is, 0 to 1.
    parts: Vec<f64>,
    drawn: Option<Instant>,
}

impl Progress {
    pub(super) fn new(runs: usize) -> Self {
        let state = State { parts: vec![0.0; runs], drawn: None };
        Self { watched: io::stderr().is_terminal(), started: Instant::now(), state: Mutex::new(state) }
    }

    /// A run is so far.
    pub(super) fn set(&self, run: usize, part: f64) {
        if !self.watched {
            return;
        }
        // A thread that panicked has spoilt nothing but a number that is only shown.
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.parts[run] = part;
        if state.drawn.is_some_and(|drawn| drawn.elapsed() < REDRAW_EVERY) {
            return;
        }
        state.drawn = Some(Instant::now());
        let done = state.parts.iter().sum::<f64>() / state.parts.len() as f64;
        // A terminal that cannot be written to does not end a simulation.
        let _ = write!(io::stderr(), "\r{}{ERASE_TO_END}", line(done, self.started.elapsed()));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.watched {
            let _ = write!(io::stderr(), "\r{ERASE_TO_END}");
        }
    }
}

fn line(done: f64, elapsed: Duration) -> String {
    let full = (done * BAR_WIDTH as f64) as usize;
    let bar = format!("{}{}", "#".repeat(full), ".".repeat(BAR_WIDTH - full));
    let left = if done > 0.0 {
        format!(", about {:.0} s left", elapsed.as_secs_f64() * (1.0 - done) / done)
    } else {
        String::new()
    };
    format!("[{bar}] {:.0} %{left}", done * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_takes_as_long_as_what_is_done() {
        let elapsed = Duration::from_secs(30);
        assert_eq!(line(0.0, elapsed), format!("[{}] 0 %", ".".repeat(30)));
        assert_eq!(
            line(0.25, elapsed),
            format!("[{}{}] 25 %, about 90 s left", "#".repeat(7), ".".repeat(23))
        );
        assert_eq!(line(1.0, elapsed), format!("[{}] 100 %, about 0 s left", "#".repeat(30)));
    }
}
