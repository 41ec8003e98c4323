//! The scheduler of a P2PFaaS node.

use std::process::ExitCode;

/// A call begins on one thread and often ends on another, see docs/adr/0012-an-allocator-for-many-threads.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    service::run::<scheduler::Scheduler>()
}
