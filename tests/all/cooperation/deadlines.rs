//! Callers that go away, and deadlines, on the far node.

use tests::ledger::Ledger;
use tests::wait;

use super::{assert_error, one_way, ran_elsewhere};

#[tokio::test]
async fn a_caller_that_hangs_up_stops_the_job_on_the_far_node() {
    let ledger = Ledger::new();
    let mut setup = one_way(&ledger).await;
    setup.places(2, 1);
    let cluster = setup.start().await;
    let waiting = async |count: f64| {
        wait::until(&format!("{count} jobs wait there"), async || {
            cluster.node(2).metric("p2pfaas_jobs_waiting").await == count
        })
        .await;
    };
    for round in 1..=3 {
        let running: Vec<_> = (0..2).map(|_| tokio::spawn(cluster.node(1).call("/hold").send())).collect();
        ledger.started(2 * round).await;
        let queued = tokio::spawn(cluster.node(1).call("/hold").send());
        waiting(1.0).await;
        queued.abort();
        waiting(0.0).await;
        for call in running {
            call.abort();
        }
        ledger.until_gone(2 * round).await;
        cluster.until_idle().await;
        assert_eq!(ledger.assert_nothing_ran_twice(), 2 * round, "what waited never ran");
    }
}

#[tokio::test]
async fn a_caller_that_hangs_up_in_the_middle_of_a_reply_stops_it() {
    let ledger = Ledger::new();
    let cluster = one_way(&ledger).await.start().await;
    for _ in 0..5 {
        let mut answer = cluster.node(1).call("?size=1000000000").send().await.unwrap();
        assert!(answer.chunk().await.unwrap().is_some());
        drop(answer);
        cluster.until_idle().await;
    }
}

#[tokio::test]
async fn a_deadline_that_passes_on_the_far_node_is_504_and_stops_the_job() {
    let ledger = Ledger::new();
    let cluster = one_way(&ledger).await.start().await;
    let call = cluster.node(1).call("/hold").header("x-p2pfaas-deadline-ms", "250");
    assert_error(call.send().await.unwrap(), 504, 408).await;
    ledger.until_gone(1).await;
    cluster.until_idle().await;
    let in_time = cluster.node(1).call("").header("x-p2pfaas-deadline-ms", "20000").send().await.unwrap();
    assert_eq!((in_time.status().as_u16(), ran_elsewhere(&in_time)), (200, true));
    assert_eq!(ledger.assert_nothing_ran_twice(), 2);
}

/// The queue of the far node, too, gives a job up whose deadline has passed.
#[tokio::test]
async fn a_deadline_that_passes_in_the_queue_of_the_far_node_is_504_and_the_job_never_runs() {
    let ledger = Ledger::new();
    let mut setup = one_way(&ledger).await;
    setup.places(1, 5);
    let cluster = setup.start().await;
    let running = tokio::spawn(cluster.node(1).call("/hold").send());
    ledger.started(1).await;
    let late = cluster.node(1).call("").header("x-p2pfaas-deadline-ms", "250");
    assert_error(late.send().await.unwrap(), 504, 408).await;
    ledger.let_through(1);
    assert_eq!(running.await.unwrap().unwrap().status(), 200);
    cluster.until_idle().await;
    assert_eq!(ledger.assert_nothing_ran_twice(), 1, "only the first one ran");
}
