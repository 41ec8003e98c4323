//! What a measurement was taken on, without which its figures mean nothing.

use std::{fmt, fs, process::Command, thread};

use serde::Serialize;

/// The machine and the revision of a measurement.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Cores that this process may use.
    pub cores: usize,
    /// The processor's name, as the kernel tells it.
    pub cpu_model: String,
    /// The kernel's release.
    pub kernel: String,
    /// The revision of the working directory, with `-dirty` when it has changes; none outside git.
    pub commit: Option<String>,
}

impl Machine {
    /// Describes this machine; what it does not tell stands as `unknown`.
    #[must_use]
    pub fn here() -> Self {
        let unknown = || "unknown".to_owned();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease");
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Self {
            cores: thread::available_parallelism().map_or(1, usize::from),
            cpu_model: cpu_model(&processors).unwrap_or_else(unknown),
            kernel: kernel.map_or_else(|_| unknown(), |release| release.trim().to_owned()),
            commit: commit(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cores, cpu_model, kernel, commit } = self;
        let commit = commit.as_deref().unwrap_or("unknown");
        write!(f, "{cores} cores, {cpu_model}, Linux {kernel}, commit {commit}")
    }
}

/// Not every architecture's kernel names its model: on arm64 the field is missing.
fn cpu_model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    let (_, model) = line.split_once(':')?;
    Some(model.trim().to_owned())
}

fn commit() -> Option<String> {
    let described =
        Command::new("git").args(["describe", "--always", "--dirty", "--exclude=*"]).output().ok()?;
    let commit = String::from_utf8(described.stdout).ok()?.trim().to_owned();
    (described.status.success() && !commit.is_empty()).then_some(commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_taken_from_the_first_processor() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Fast CPU @ 3 GHz\nprocessor\t: 1\nmodel name\t: Other\n";
        assert_eq!(cpu_model(cpuinfo).as_deref(), Some("Fast CPU @ 3 GHz"));
        assert_eq!(cpu_model("processor\t: 0\nCPU part\t: 0xd08\n"), None);
    }
}
