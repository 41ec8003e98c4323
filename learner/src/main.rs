//! The learner of a P2PFaaS node.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::run::<learner::Learner>()
}
