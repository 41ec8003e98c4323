use protocol::PolicySpec;

use super::turns::Turns;
use super::{Answer, Context, Entry, Policy, Step, parameters};
use crate::JobView;

/// Round robin under the name and parameters of the original, in which every job went through the master. Here
/// each node gives out its own jobs in turn, so that nothing depends on the master, and its address is kept
/// but not used.
///
/// The master is, as it was, a node that gives out jobs and takes no turn itself: what it gets, from a client
/// or from a peer, it hands on, and runs only what no peer takes.
#[derive(Debug)]
pub struct RoundRobinWithMasterScheduler {
    /// Whether this node only gives out jobs.
    pub is_master: bool,
    /// The address of the master, as the original wants it.
    pub master_ip: String,
    /// Reject a job that finds no slot free, instead of letting it wait.
    pub loss: bool,
    turns: Turns,
}

pub(super) const ENTRY: Entry = Entry {
    name: "RoundRobinWithMasterScheduler",
    parameters: &["is master", "master IP", "loss"],
    optional: 0,
    example: &["false", "10.0.0.1", "true"],
    build,
};

fn build(texts: &[String]) -> Result<Box<dyn Policy>, String> {
    let is_master = parameters::truth("is master", &texts[0])?;
    Ok(Box::new(RoundRobinWithMasterScheduler {
        is_master,
        master_ip: texts[1].clone(),
        loss: parameters::truth("loss", &texts[2])?,
        turns: Turns::new(!is_master),
    }))
}

impl RoundRobinWithMasterScheduler {
    fn step(&mut self, job: &JobView<'_>, cx: &mut Context<'_>) -> Step {
        if job.hops > 0 && !self.is_master {
            return cx.run_here(self.loss);
        }
        self.turns.next(job, cx).unwrap_or_else(|| cx.run_here(self.loss))
    }
}

impl Policy for RoundRobinWithMasterScheduler {
    fn spec(&self) -> PolicySpec {
        ENTRY.spec([self.is_master.to_string(), self.master_ip.clone(), self.loss.to_string()])
    }

    fn on_arrival(&mut self, job: &JobView<'_>, cx: &mut Context<'_>) -> Step {
        self.step(job, cx)
    }

    fn on_answer(&mut self, job: &JobView<'_>, _answer: Answer<'_>, cx: &mut Context<'_>) -> Step {
        self.step(job, cx)
    }
}
