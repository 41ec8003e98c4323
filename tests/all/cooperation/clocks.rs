//! A node whose wall clock is wrong by an hour, before, while and after it works with others.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tests::cluster::{Cluster, Member};
use tests::ledger::Ledger;
use tests::wait;
use tests::wall_clock::WallClock;

use super::{assert_error, list, nodes, ran_elsewhere};

const HOUR_S: i64 = 3_600;
/// The longest that a start or a call takes, and far less than the hour that would show.
const NOW_S: f64 = 60.0;

fn unix_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// What a node's function is told about when its call arrived, as seconds from now.
async fn start_time_s(node: &Member) -> f64 {
    let answer = node.call("?info=1").header("x-p2pfaas-scheduler-bypass", "1").send().await.unwrap();
    let told: Value = answer.json().await.unwrap();
    let headers = told["headers"].as_array().unwrap();
    let start = headers.iter().find(|header| header[0] == "x-start-time").unwrap();
    start[1].as_str().unwrap().parse::<f64>().unwrap() / 1e9 - unix_s()
}

/// Calls of each node, handed on to some other: each has its answer in its time, and a time that is plausible.
async fn work(cluster: &Cluster) {
    for node in cluster.nodes() {
        for _ in 0..6 {
            let call = node.forward("?delay_ms=20").header("x-p2pfaas-deadline-ms", "20000");
            let answer = call.send().await.unwrap();
            assert_eq!((answer.status().as_u16(), ran_elsewhere(&answer)), (200, true));
            for header in ["total", "scheduling", "probing"] {
                for seconds in list(&answer, &format!("x-p2pfaas-timing-{header}-seconds-list")) {
                    let seconds = seconds.as_f64().unwrap();
                    assert!((0.0..NOW_S).contains(&seconds), "{header}: {seconds}");
                }
            }
        }
        let late = node.forward("/hold").header("x-p2pfaas-deadline-ms", "250");
        assert_error(late.send().await.unwrap(), 504, 408).await;
    }
    cluster.until_idle().await;
}

#[tokio::test]
async fn a_node_whose_clock_is_wrong_by_an_hour_works_with_the_others() {
    for hours in [1, -1] {
        let ledger = Ledger::new();
        let mut setup = nodes(3, &ledger).await;
        setup.places(4, 0);
        let clock = WallClock::wrong_by(hours * HOUR_S);
        clock.give_to(&mut setup, 2);
        let mut cluster = setup.start().await;
        let shift_s = (hours * HOUR_S) as f64;

        // The clock really is wrong: lives are numbered by it, and functions are told what it says.
        let life = f64::from(cluster.node(2).list().await.own.generation) - unix_s();
        assert!((life - shift_s).abs() < NOW_S, "{life}");
        let told = start_time_s(cluster.node(2)).await;
        assert!((told - shift_s).abs() < NOW_S, "{told}");
        work(&cluster).await;

        // It is set while the node runs, and nothing happens.
        let lives = async |cluster: &Cluster| {
            let mut lives = Vec::new();
            for node in cluster.nodes() {
                lives.push(node.list().await.own.generation);
            }
            lives
        };
        let before = lives(&cluster).await;
        for shift_s in [-hours * HOUR_S, 0] {
            clock.set(shift_s);
            let told = start_time_s(cluster.node(2)).await;
            assert!((told - shift_s as f64).abs() < NOW_S, "{told}");
            work(&cluster).await;
        }
        assert_eq!(lives(&cluster).await, before, "nobody was taken for dead");

        // Its next life begins by the right clock, and is later for the others than the one that they know.
        cluster.node_mut(2).kill_all().await.unwrap();
        cluster.node_mut(2).restart_all().await.unwrap();
        cluster.meet().await;
        wait::until("the new life is seen by all", async || {
            let new = cluster.node(2).list().await.own;
            let mut seen = 0;
            for number in [1, 3] {
                let nodes = cluster.node(number).list().await.nodes;
                let is_it = |generation: u32| generation > before[1] && generation == new.generation;
                seen += nodes.iter().filter(|node| node.id == new.id && is_it(node.generation)).count();
            }
            seen == 2
        })
        .await;
        work(&cluster).await;
        ledger.assert_nothing_ran_twice();
    }
}

/// Deadlines travel as what remains of them, so a peer whose clock is wrong takes its share of a burst as well.
#[tokio::test]
async fn a_burst_is_shared_with_a_node_whose_clock_is_wrong() {
    let ledger = Ledger::new();
    let mut setup = nodes(3, &ledger).await;
    setup.places(2, 2);
    setup.policy("PowerOfTwoScheduler", &[]);
    let clock = WallClock::wrong_by(HOUR_S);
    clock.give_to(&mut setup, 2);
    let cluster = setup.start().await;
    // As many as the three nodes have places for.
    let calls = (0..12).map(|_| {
        let call = cluster.node(1).call("?delay_ms=300").header("x-p2pfaas-deadline-ms", "20000");
        async { call.send().await.unwrap().status().as_u16() }
    });
    let answers = tokio::time::timeout(Duration::from_secs(20), futures_util::future::join_all(calls)).await;
    let served = answers.unwrap().into_iter().filter(|status| *status == 200).count();
    cluster.until_idle().await;
    assert_eq!(ledger.assert_nothing_ran_twice(), served);
    let nodes = ledger.nodes();
    let ran_on_2 = nodes.iter().filter(|node| *node == "2").count();
    assert!(ran_on_2 >= 2, "{nodes:?}");
}
