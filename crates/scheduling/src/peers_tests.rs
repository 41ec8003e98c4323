use rand::SeedableRng;
use rand_pcg::Pcg64;

use super::*;

fn sighting(id: u64, functions: &[&str]) -> Sighting {
    Sighting {
        id: NodeId::new(id),
        generation: 1,
        functions: functions.iter().map(|name| name.parse().unwrap()).collect(),
        rtt: None,
        report: None,
    }
}

fn report(running: usize, epoch: u64) -> Report {
    Report { load: Load { running, slots: 4, ..Load::default() }, epoch, ..Report::default() }
}

fn at(ms: u64) -> Time {
    Time::from_origin(Duration::from_millis(ms))
}

fn peers(count: u64) -> Peers {
    let mut peers = Peers::default();
    peers.replace((0..count).map(|id| sighting(id, &["echo"])).collect(), at(0));
    peers
}

fn ids<'a>(chosen: impl IntoIterator<Item = &'a Peer>) -> Vec<u64> {
    chosen.into_iter().map(|peer| peer.id.bits()).collect()
}

#[test]
fn candidates_have_the_function_are_usable_and_were_not_visited() {
    let mut peers = Peers::default();
    let functions: [&[&str]; 6] = [&["echo"], &["sum"], &["echo"], &["echo"], &["echo"], &[]];
    let sightings = (0..).zip(functions).map(|(id, functions)| sighting(id, functions));
    peers.replace(sightings.collect(), at(0));
    peers.fail(NodeId::new(2));
    peers.report(NodeId::new(3), Report { draining: true, ..report(0, 1) }, at(1));
    let echo = "echo".parse().unwrap();
    let visited = [NodeId::new(0)];
    let candidates = peers.candidates(&echo, &visited);
    assert_eq!(ids(candidates.iter()), [4]);
    assert!(candidates.get(NodeId::new(0)).is_none() && candidates.get(NodeId::new(1)).is_none());
    assert!(peers.candidates(&"other".parse().unwrap(), &[]).is_empty());
}

#[test]
fn a_sample_has_no_duplicates_and_finds_the_few_that_are_left() {
    let mut peers = peers(200);
    let mut rng = Pcg64::seed_from_u64(7);
    let echo = "echo".parse().unwrap();
    for count in [1, 2, 3, 16] {
        let mut drawn = ids(peers.candidates(&echo, &[]).sample(count, &mut rng));
        assert_eq!(drawn.len(), count);
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), count);
    }
    for id in 3..200 {
        peers.fail(NodeId::new(id));
    }
    let mut drawn = ids(peers.candidates(&echo, &[]).sample(2, &mut rng));
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn.len(), 2);
    assert_eq!(ids(peers.candidates(&echo, &[]).sample(5, &mut rng)).len(), 3);
}

#[test]
fn every_candidate_is_as_likely_as_any_other() {
    let peers = peers(10);
    let mut rng = Pcg64::seed_from_u64(7);
    let echo = "echo".parse().unwrap();
    let mut counts = [0_u32; 10];
    for _ in 0..10_000 {
        for id in ids(peers.candidates(&echo, &[]).sample(2, &mut rng)) {
            counts[id as usize] += 1;
        }
    }
    assert!(counts.iter().all(|count| (1_800..2_200).contains(count)), "{counts:?}");
}

#[test]
fn the_round_begins_anew_after_the_last() {
    let peers = peers(3);
    let echo = "echo".parse().unwrap();
    let candidates = peers.candidates(&echo, &[]);
    let next = |id| candidates.next_after(id).unwrap().id.bits();
    assert_eq!([next(None), next(Some(NodeId::new(0))), next(Some(NodeId::new(2)))], [0, 1, 0]);
}

#[test]
fn own_sends_count_until_the_next_report() {
    let mut peers = peers(1);
    let id = NodeId::new(0);
    peers.report(id, report(2, 5), at(1));
    peers.count_sent(id);
    peers.count_sent(id);
    assert_eq!(peers.get(id).unwrap().jobs(), 4);
    peers.report(id, report(1, 4), at(2));
    assert_eq!(peers.get(id).unwrap().jobs(), 4, "a report that was overtaken changes nothing");
    peers.report(id, report(3, 6), at(3));
    assert_eq!(peers.get(id).unwrap().jobs(), 3);
}

#[test]
fn a_peer_that_started_again_with_its_clock_set_back_is_heard() {
    let mut peers = peers(1);
    let id = NodeId::new(0);
    let (then, hour) = (1_800_000_000_000_000, 3_600_000_000);
    peers.report(id, report(4, then), at(1));
    peers.report(id, report(1, then - hour), at(2));
    assert_eq!(peers.get(id).unwrap().jobs(), 1);
    peers.report(id, report(2, then - hour + 1), at(3));
    assert_eq!(peers.get(id).unwrap().jobs(), 2);
}

#[test]
fn gossip_counts_only_where_the_peer_was_silent() {
    let mut peers = peers(1);
    let id = NodeId::new(0);
    peers.report(id, report(2, 5), at(0));
    let gossip = || vec![Sighting { report: Some(report(9, 0)), ..sighting(0, &["echo"]) }];
    peers.replace(gossip(), at(500));
    assert_eq!(peers.get(id).unwrap().jobs(), 2);
    peers.replace(gossip(), at(1_500));
    assert_eq!(peers.get(id).unwrap().jobs(), 9);
    peers.report(id, report(1, 6), at(1_600));
    assert_eq!(peers.get(id).unwrap().jobs(), 1);
}

#[test]
fn a_peer_that_failed_is_back_with_its_next_report_or_its_next_life() {
    let mut peers = peers(2);
    let echo = "echo".parse().unwrap();
    peers.fail(NodeId::new(0));
    peers.fail(NodeId::new(1));
    assert_eq!(peers.failed().count(), 2);
    peers.replace(vec![sighting(0, &["echo"]), sighting(1, &["echo"])], at(1));
    assert!(peers.candidates(&echo, &[]).is_empty(), "gossip alone does not bring it back");
    peers.report(NodeId::new(0), report(0, 1), at(2));
    let next_life = Sighting { generation: 2, ..sighting(1, &["echo"]) };
    peers.replace(vec![sighting(0, &["echo"]), next_life], at(3));
    assert_eq!(ids(peers.candidates(&echo, &[]).iter()), [0, 1]);
}
