//! The limit on open files, which bounds how many connections a measurement can hold.

use anyhow::{Context, bail};

/// Files that a process has open beside its connections: libraries, epoll, pipes, logs.
const FILES_BESIDE_CONNECTIONS: u64 = 64;

/// Raises the soft limit of this process to its hard limit, so that children inherit it as well.
///
/// # Errors
/// When the hard limit is below what `connections` need.
pub fn allow(connections: usize) -> anyhow::Result<()> {
    let needed = connections as u64 + FILES_BESIDE_CONNECTIONS;
    let allowed =
        rlimit::increase_nofile_limit(rlimit::INFINITY).context("cannot raise the limit on open files")?;
    if allowed < needed {
        bail!("{connections} connections need {needed} open files, the limit is {allowed} (ulimit -Hn)");
    }
    Ok(())
}
