//! What strangers send.

use std::net::SocketAddr;
use std::time::Duration;

use protocol::nodes::NodeState;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use simulator::gossip::{Cluster, ClusterOptions};

const DATAGRAMS: usize = 1_000_000;
/// The kind of a request on a stream, as the second byte of its envelope.
const REQUEST: u8 = 5;
/// One in so many of the million goes to a cluster without a key, where more of them mean something.
const UNSEALED_ONE_IN: usize = 5;

fn calm(sealed: bool) -> Cluster {
    let mut options = ClusterOptions::new(5, 0.0, 1);
    options.sealed = sealed;
    let mut cluster = Cluster::start(options);
    cluster.run(Duration::from_secs(20));
    assert!(cluster.is_complete());
    cluster
}

/// Noise, or a datagram of the cluster with a few bytes changed, cut off, or added.
fn spoiled(samples: &[Vec<u8>], rng: &mut Pcg64) -> Vec<u8> {
    if rng.random_bool(0.3) {
        let length = rng.random_range(0..200);
        return (0..length).map(|_| rng.random()).collect();
    }
    let sample = &samples[rng.random_range(0..samples.len())];
    let mut bytes = sample.clone();
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..4) {
            0 => bytes.truncate(at.max(1)),
            1 => bytes.insert(at, rng.random()),
            _ => bytes[at] ^= 1 << rng.random_range(0..8),
        }
    }
    if bytes == *sample {
        // What was changed twice may be as it was, and that is no stranger's.
        bytes[0] ^= 1;
    }
    bytes
}

fn bombard(cluster: &mut Cluster, count: usize) {
    let mut rng = Pcg64::seed_from_u64(7);
    let samples: Vec<Vec<u8>> = cluster.overheard().map(<[u8]>::to_vec).collect();
    let from: SocketAddr = "10.9.9.9:666".parse().expect("an address");
    for _ in 0..count {
        let bytes = spoiled(&samples, &mut rng);
        let is_request = bytes.get(1) == Some(&REQUEST);
        cluster.act(0, |core, now| {
            if is_request {
                drop(core.serve(&bytes, now));
            } else {
                core.receive(from, &bytes, now);
            }
        });
    }
}

#[test]
fn a_million_spoiled_datagrams_change_nothing_in_a_sealed_cluster() {
    let mut cluster = calm(true);
    let seen = |cluster: &Cluster| {
        let mut list = cluster.core(0).unwrap().nodes();
        list.nodes.iter_mut().for_each(|node| node.rtt_ms = None);
        list
    };
    let (before, sent) = (seen(&cluster), cluster.core(0).unwrap().counters().datagrams_sent);
    let count = DATAGRAMS - DATAGRAMS / UNSEALED_ONE_IN;
    bombard(&mut cluster, count);
    let counters = cluster.core(0).unwrap().counters();
    assert_eq!(seen(&cluster), before);
    assert_eq!(counters.datagrams_sent, sent, "something drew an answer");
    assert!(counters.strangers + counters.malformed + counters.duplicates >= count as u64);
    cluster.run(Duration::from_secs(20));
    assert_eq!(seen(&cluster), before);
}

#[test]
fn without_a_key_they_do_no_lasting_harm() {
    let mut cluster = calm(false);
    bombard(&mut cluster, DATAGRAMS / UNSEALED_ONE_IN);
    cluster.run(Duration::from_secs(60));
    for host in 0..5 {
        for other in (0..5).filter(|other| *other != host) {
            let state = cluster.core(host).unwrap().state_of(cluster.id(other));
            assert_eq!(state, Some(NodeState::Alive), "{host} of {other}");
        }
    }
}

#[test]
fn a_node_without_the_key_stays_out() {
    for ring in [None, Some(&[9][..])] {
        let mut cluster = calm(true);
        let stranger = match ring {
            // Of another cluster, whose datagrams arrive here.
            None => calm(false),
            Some(keys) => {
                let mut other = calm(true);
                (0..5).for_each(|host| other.set_keys(host, keys));
                other.run(Duration::from_secs(30));
                other
            }
        };
        let before = cluster.core(0).unwrap().nodes().nodes.len();
        let heard: Vec<Vec<u8>> = stranger.overheard().map(<[u8]>::to_vec).collect();
        let strangers = cluster.total(|counters| counters.strangers);
        for bytes in &heard {
            cluster.inject(1, 0, bytes.clone());
        }
        cluster.run(Duration::from_secs(5));
        let counted = cluster.total(|counters| counters.strangers) - strangers;
        assert_eq!(counted, heard.len() as u64);
        assert_eq!(cluster.core(0).unwrap().nodes().nodes.len(), before);
    }
}
