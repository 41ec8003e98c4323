//! The cluster's key: who does not hold it gets no jobs, and it can be rolled while jobs are handed on.

use std::path::Path;

use tests::cluster::{Cluster, Part};
use tests::ledger::Ledger;
use tests::wait;

use super::{nodes, ran_elsewhere};

const OLD: &str = "a key that all the nodes share";
const NEW: &str = "a key that all of them will share";
const FILE: &str = "P2PFAAS_CLUSTER_KEY_FILE";

async fn is_forwarded(cluster: &Cluster) -> bool {
    let answer = cluster.node(1).forward("").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    ran_elsewhere(&answer)
}

#[tokio::test]
async fn nodes_with_the_same_key_meet_and_hand_on() {
    let ledger = Ledger::new();
    let mut setup = nodes(2, &ledger).await;
    for part in [Part::Scheduler, Part::Discovery] {
        setup.set(part, "P2PFAAS_CLUSTER_KEY", OLD);
    }
    let cluster = setup.start().await;
    assert!(is_forwarded(&cluster).await);
}

/// Their discoveries share no key, so that they meet; their schedulers do not trust each other.
#[tokio::test]
async fn schedulers_with_different_keys_hand_nothing_on() {
    let ledger = Ledger::new();
    for keys in [[OLD, NEW], [OLD, ""], ["", NEW]] {
        let mut setup = nodes(2, &ledger).await;
        for (number, key) in (1..).zip(keys) {
            setup.set_on(number, Part::Scheduler, "P2PFAAS_CLUSTER_KEY", key);
        }
        let cluster = setup.start().await;
        for _ in 0..3 {
            assert!(!is_forwarded(&cluster).await, "{keys:?}");
        }
        assert!(cluster.node(1).metric("p2pfaas_link_handshakes_refused_total").await > 0.0, "{keys:?}");
        cluster.until_idle().await;
    }
    assert!(ledger.nodes().iter().all(|node| node == "1"));
    ledger.assert_nothing_ran_twice();
}

/// Each step is put in force on one node after the other, and each is followed by a new handshake.
#[tokio::test]
async fn a_key_is_rolled_without_a_pause() {
    let ledger = Ledger::new();
    let keys = tempfile::tempdir().unwrap();
    let file = |number: usize| keys.path().join(number.to_string());
    let mut setup = nodes(2, &ledger).await;
    for number in [1, 2] {
        std::fs::write(file(number), OLD).unwrap();
        setup.set_on(number, Part::Scheduler, FILE, file(number).display());
    }
    let mut cluster = setup.start().await;
    assert!(is_forwarded(&cluster).await);
    let (both, swapped) = (format!("{OLD}\n{NEW}"), format!("{NEW}\n{OLD}"));
    for text in [both.as_str(), swapped.as_str(), NEW] {
        for number in [1, 2] {
            replace(&file(number), text);
            cluster.node_mut(2).stop(Part::Scheduler).await.unwrap();
            cluster.node_mut(2).restart(Part::Scheduler).await.unwrap();
            wait::until("the nodes trust each other", async || is_forwarded(&cluster).await).await;
        }
    }
    cluster.node_mut(1).stop(Part::Scheduler).await.unwrap();
    replace(&file(1), OLD);
    cluster.node_mut(1).restart(Part::Scheduler).await.unwrap();
    cluster.meet().await;
    assert!(!is_forwarded(&cluster).await, "the old key is of no use any more");
    assert!(cluster.node(1).metric("p2pfaas_link_handshakes_refused_total").await > 0.0);
    ledger.assert_nothing_ran_twice();
}

/// As a whole, as whoever rolls a key should.
fn replace(file: &Path, text: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(&new, file).unwrap();
}
