//! The scheduler of a P2PFaaS node.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::run::<scheduler::Scheduler>()
}
