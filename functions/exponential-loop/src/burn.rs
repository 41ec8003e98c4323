//! Work without a result, measured by the clock of the thread that does it.

use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Rounds between two looks at the clock. They take some ten microseconds, so that asking the kernel for the
/// time is a small part of the work, and the burn ends close to what was drawn.
const ROUNDS: u64 = 10_000;

/// What a burn took.
pub(crate) struct Burnt {
    /// Time on the processor.
    pub(crate) cpu: Duration,
    /// Time on the clock; more than `cpu` where the core was shared.
    pub(crate) elapsed: Duration,
}

/// Keeps this thread busy until it has consumed `cpu` of processor time, or `stop` is set.
pub(crate) fn burn(cpu: Duration, stop: &AtomicBool) -> Burnt {
    let (started, cpu_before) = (Instant::now(), thread_cpu());
    let mut state = 1_u64;
    loop {
        let burnt = thread_cpu().saturating_sub(cpu_before);
        if burnt >= cpu || stop.load(Ordering::Relaxed) {
            return Burnt { cpu: burnt, elapsed: started.elapsed() };
        }
        state = black_box(rounds(state));
    }
}

/// A chain of multiplications, each of which waits for the one before it.
fn rounds(mut state: u64) -> u64 {
    for round in 0..ROUNDS {
        state = black_box(state.rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ round);
    }
    state
}

/// The processor time that this thread has consumed since it started.
fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burn_consumes_what_was_drawn() {
        let drawn = Duration::from_millis(5);
        assert!(burn(drawn, &AtomicBool::new(false)).cpu >= drawn);
    }

    #[test]
    fn a_burn_nobody_waits_for_ends() {
        burn(Duration::MAX, &AtomicBool::new(true));
    }
}
