//! What runs functions. An executor knows functions and where their replicas are, and publishes what it
//! knows to [`Functions`]; a job looks there and nowhere else.

pub(crate) mod docker;
pub(crate) mod endpoint;
mod target;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use protocol::FunctionName;

pub(crate) use target::Target;

use crate::caller::Pool;

/// Every function that this node can run. Looking one up takes no lock and no I/O.
#[derive(Default)]
pub(crate) struct Functions {
    index: ArcSwap<Index>,
    offers: Mutex<BTreeMap<&'static str, Vec<Offer>>>,
}

type Index = BTreeMap<FunctionName, Function>;

/// One replica of a function, as its executor knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) function: FunctionName,
    /// Names the replica among all of its executor's, as long as it lives.
    pub(crate) replica: String,
    /// Where it is, or why it cannot be reached and what to do about it.
    pub(crate) target: Result<Target, String>,
    /// It may run more than once for one call.
    pub(crate) idempotent: bool,
}

/// A function that this node can run.
#[derive(Clone, Default)]
pub(crate) struct Function {
    replicas: Vec<Arc<Replica>>,
    unreachable: Vec<String>,
    idempotent: bool,
}

/// One replica of a function.
pub(crate) struct Replica {
    key: (&'static str, String),
    pub(crate) target: Target,
    pub(crate) known_since: Instant,
    pub(crate) pool: Pool,
    in_flight: AtomicUsize,
}

/// A call to a replica, counted as long as it lives.
pub(crate) struct InFlight(Arc<Replica>);

impl Functions {
    /// Replaces all that this executor offered. Replicas that it offered before keep their counts.
    pub(crate) fn publish(&self, executor: &'static str, offers: Vec<Offer>) {
        let mut all = self.offers.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(executor) == Some(&offers) {
            return;
        }
        all.insert(executor, offers);
        let before = self.index.load();
        let mut index = Index::new();
        for (&executor, offers) in &*all {
            for offer in offers {
                let known = before.get(&offer.function);
                index.entry(offer.function.clone()).or_default().add(executor, offer, known);
            }
        }
        let functions: Vec<_> = index.keys().map(FunctionName::as_str).collect();
        tracing::info!(executor, functions = functions.join(","), "the functions changed");
        self.index.store(Arc::new(index));
    }

    /// Closes the connections that idled for too long.
    pub(crate) fn sweep(&self) {
        let index = self.index.load();
        for replica in index.values().flat_map(|function| &function.replicas) {
            replica.pool.sweep();
        }
    }

    /// The names of all functions, in order.
    pub(crate) fn names(&self) -> Vec<FunctionName> {
        self.index.load().keys().cloned().collect()
    }

    /// The function of this name.
    pub(crate) fn find(&self, name: &str) -> Option<(FunctionName, Function)> {
        let index = self.index.load();
        index.get_key_value(name).map(|(name, function)| (name.clone(), function.clone()))
    }
}

impl Function {
    fn add(&mut self, executor: &'static str, offer: &Offer, known: Option<&Function>) {
        self.idempotent |= offer.idempotent;
        let target = match &offer.target {
            Ok(target) => target.clone(),
            Err(why) => {
                self.unreachable.push(why.clone());
                return;
            }
        };
        let same = |replica: &&Arc<Replica>| {
            replica.key.0 == executor && replica.key.1 == offer.replica && replica.target == target
        };
        let replica = known.and_then(|known| known.replicas.iter().find(same).cloned());
        self.replicas.push(replica.unwrap_or_else(|| {
            Arc::new(Replica {
                key: (executor, offer.replica.clone()),
                target,
                known_since: Instant::now(),
                pool: Pool::default(),
                in_flight: AtomicUsize::new(0),
            })
        }));
    }

    /// The replica with the fewest calls in flight among those not tried yet, with this call counted.
    pub(crate) fn pick(&self, tried: &[Arc<Replica>]) -> Option<InFlight> {
        let untried = |replica: &&Arc<Replica>| !tried.iter().any(|other| Arc::ptr_eq(replica, other));
        let least = |replica: &&Arc<Replica>| replica.in_flight.load(Ordering::Relaxed);
        let replica = self.replicas.iter().filter(untried).min_by_key(least)?;
        replica.in_flight.fetch_add(1, Ordering::Relaxed);
        Some(InFlight(Arc::clone(replica)))
    }

    /// Whether it may run more than once for one call, as one of its replicas says.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    /// Why replicas cannot be reached that were never tried.
    pub(crate) fn why_unreachable(&self) -> impl Iterator<Item = String> {
        self.unreachable.iter().cloned()
    }
}

impl InFlight {
    pub(crate) fn replica(&self) -> &Arc<Replica> {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(function: &str, replica: &str, port: u16) -> Offer {
        Offer {
            function: function.parse().unwrap(),
            replica: replica.to_owned(),
            target: Ok(Target::at(([127, 0, 0, 1], port).into())),
            idempotent: false,
        }
    }

    fn find(functions: &Functions, name: &str) -> Function {
        functions.find(name).unwrap().1
    }

    #[test]
    fn the_replica_with_the_fewest_calls_is_picked() {
        let functions = Functions::default();
        functions.publish("docker", vec![offer("echo", "a", 1), offer("echo", "b", 2)]);
        let echo = find(&functions, "echo");
        let first = echo.pick(&[]).unwrap();
        let second = echo.pick(&[]).unwrap();
        assert_ne!(first.replica().key, second.replica().key);
        let third = echo.pick(&[]).unwrap();
        drop(second);
        let fourth = echo.pick(&[]).unwrap();
        assert_ne!(third.replica().key, fourth.replica().key);
    }

    #[test]
    fn a_replica_keeps_its_count_when_another_comes() {
        let functions = Functions::default();
        functions.publish("docker", vec![offer("echo", "a", 1)]);
        let busy = find(&functions, "echo").pick(&[]).unwrap();
        functions.publish("docker", vec![offer("echo", "a", 1), offer("echo", "b", 2)]);
        let next = find(&functions, "echo").pick(&[]).unwrap();
        assert_ne!(busy.replica().key, next.replica().key);
    }

    #[test]
    fn each_executor_replaces_only_its_own() {
        let functions = Functions::default();
        functions.publish("docker", vec![offer("echo", "a", 1)]);
        functions.publish("endpoint", vec![offer("sum", "http://127.0.0.1:2", 2)]);
        functions.publish("docker", Vec::new());
        assert!(functions.find("echo").is_none());
        assert!(functions.find("sum").is_some());
    }

    #[test]
    fn what_was_tried_is_not_picked_again() {
        let functions = Functions::default();
        functions.publish("docker", vec![offer("echo", "a", 1), offer("echo", "b", 2)]);
        let echo = find(&functions, "echo");
        let mut tried = Vec::new();
        while let Some(call) = echo.pick(&tried) {
            tried.push(Arc::clone(call.replica()));
        }
        assert_eq!(tried.len(), 2);
    }
}
