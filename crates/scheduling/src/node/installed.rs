//! The policies of a node: those of the headers, the configured one, and replaced ones with jobs left.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::NodeId;

use super::Node;
use crate::policy::{ForwardScheduler, NoScheduler, RejectScheduler};
use crate::{Candidates, Policy, PolicyChoice, Report, Time};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PolicyId(u64);

const BYPASS: PolicyId = PolicyId(0);
const FORWARD: PolicyId = PolicyId(1);
const REJECT: PolicyId = PolicyId(2);
const FIRST_CONFIGURED: PolicyId = PolicyId(3);

/// A policy stays installed until the last job that it was asked about has ended, also when another has
/// replaced it.
pub(super) struct Installed {
    pub(super) policy: Box<dyn Policy>,
    pub(super) label: Arc<str>,
    pub(super) jobs: usize,
}

impl Installed {
    fn new(policy: Box<dyn Policy>) -> Self {
        let label = policy.spec().to_string().into();
        Self { policy, label, jobs: 0 }
    }
}

/// The policies of the headers and the first configured one, with its id.
pub(super) fn start_with(policy: Box<dyn Policy>) -> (BTreeMap<PolicyId, Installed>, PolicyId) {
    let policies = BTreeMap::from([
        (BYPASS, Installed::new(Box::new(NoScheduler { loss: false }))),
        (FORWARD, Installed::new(Box::new(ForwardScheduler { hops_max: 1 }))),
        (REJECT, Installed::new(Box::new(RejectScheduler))),
        (FIRST_CONFIGURED, Installed::new(policy)),
    ]);
    (policies, FIRST_CONFIGURED)
}

impl Node {
    /// Lets another policy decide from now on. Jobs that the old one was asked about end under it.
    pub fn install(&mut self, policy: Box<dyn Policy>) {
        let previous = self.configured;
        self.configured = PolicyId(previous.0 + 1);
        self.policies.insert(self.configured, Installed::new(policy));
        self.retire(previous);
    }

    /// The policy in force, as [`Arrival::policy`](super::Arrival) has it.
    pub fn policy(&self) -> Arc<str> {
        self.label(self.configured)
    }

    pub(super) fn label(&self, id: PolicyId) -> Arc<str> {
        self.policies.get(&id).map(|installed| Arc::clone(&installed.label)).unwrap_or_default()
    }

    pub(super) fn choose(&self, choice: PolicyChoice) -> PolicyId {
        match choice {
            PolicyChoice::Configured => self.configured,
            PolicyChoice::Bypass => BYPASS,
            PolicyChoice::Forward => FORWARD,
            PolicyChoice::Reject => REJECT,
        }
    }

    /// Forgets a policy that decides no more and whose jobs have all ended.
    pub(super) fn retire(&mut self, id: PolicyId) {
        let replaced = id >= FIRST_CONFIGURED && id != self.configured;
        if replaced && self.policies.get(&id).is_some_and(|installed| installed.jobs == 0) {
            self.policies.remove(&id);
        }
    }

    /// Tells the configured policy how busy a peer is.
    pub(super) fn tell_report(&mut self, peer: NodeId, report: &Report, now: Time) {
        if let Some(installed) = self.policies.get_mut(&self.configured) {
            let mut explanation = None;
            let mut context = self.resources.context(now, Candidates::none(), &mut explanation);
            installed.policy.on_report(peer, report, &mut context);
        }
    }
}
