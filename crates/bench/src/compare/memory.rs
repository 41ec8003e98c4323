//! Resident memory of a process, as the kernel counts it.

use std::fs;

use anyhow::Context;
use serde::Serialize;

/// What makes the kernel forget the peak of a process when it is written to `clear_refs` (proc(5)).
const FORGET_PEAK: &str = "5";

/// Resident memory, in megabytes of 10^6 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Memory {
    /// Now (`VmRSS`).
    pub resident_mb: f64,
    /// At its highest (`VmHWM`).
    pub peak_mb: f64,
}

impl Memory {
    pub(super) fn of(pid: u32) -> anyhow::Result<Self> {
        let path = format!("/proc/{pid}/status");
        let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        Self::parse(&status).with_context(|| format!("{path} does not tell VmRSS and VmHWM"))
    }

    fn parse(status: &str) -> Option<Self> {
        Some(Self { resident_mb: megabytes(status, "VmRSS:")?, peak_mb: megabytes(status, "VmHWM:")? })
    }
}

/// Lets the peak begin anew. Some kernels do not offer it; the peak then is that since the start, which
/// errs on the careful side.
pub(super) fn forget_peak(pid: u32) {
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), FORGET_PEAK);
}

fn megabytes(status: &str, field: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_figures_are_read_from_status() {
        let status = "Name:\tx\nVmHWM:\t   20000 kB\nVmRSS:\t   10000 kB\nThreads:\t3\n";
        assert_eq!(Memory::parse(status), Some(Memory { resident_mb: 10.24, peak_mb: 20.48 }));
        assert_eq!(Memory::parse("Name:\tkthreadd\n"), None);
    }

    #[test]
    fn the_own_process_has_a_memory() {
        assert!(Memory::of(std::process::id()).unwrap().resident_mb > 0.0);
    }
}
