//! What becomes of a job on a link that holds.

use std::time::Duration;

use http_body_util::BodyExt;
use link::{CallError, ClusterKeys, Timing};
use protocol::peer::ResetCode;

use crate::harness::{CALLEE, body, hasty, job, joined, links, node, soon, until};

#[tokio::test]
async fn bodies_of_all_sizes_go_and_come() {
    let node = node(Timing::default(), ClusterKeys::none()).await;
    let (links, loads) = links(Timing::default(), ClusterKeys::none());
    let link = links.link(node.address, Some(CALLEE));
    for function in ["echo", "stream"] {
        for bytes in [0, 1, 128, 16 * 1024, 16 * 1024 + 1, 65_536, 65_537, 300_000, 5_000_000] {
            let sent = body(bytes);
            let call = soon(link.open(&mut job(function), sent.clone())).await.unwrap();
            let (response, reader) = soon(call.response()).await.unwrap();
            assert_eq!(response.status, 200);
            let came = soon(reader.collect()).await.unwrap().to_bytes();
            assert!(came == joined(&sent), "{function} {bytes}");
        }
    }
    assert_eq!(loads.lock().unwrap().len(), 18);
    assert_eq!(links.stats().streams_open, 0);
    until("the callee frees its streams", || node.callee.stats().streams_open == 0).await;
    until("its jobs end", || node.callee.jobs() == 0).await;
    assert_eq!(links.stats().links_opened, 1);
}

#[tokio::test]
async fn a_refused_job_may_be_tried_elsewhere_and_a_failed_one_not() {
    let node = node(hasty(), ClusterKeys::none()).await;
    let (links, loads) = links(hasty(), ClusterKeys::none());
    let link = links.link(node.address, None);
    let call = soon(link.open(&mut job("refuse"), body(10))).await.unwrap();
    let error = soon(call.response()).await.unwrap_err();
    assert!(matches!(&error, CallError::Refused(refused) if refused.code == 400), "{error}");
    assert!(!error.may_have_run());
    assert_eq!(loads.lock().unwrap()[0].0, CALLEE);

    let call = soon(link.open(&mut job("drop"), body(10))).await.unwrap();
    assert!(!soon(call.response()).await.unwrap_err().may_have_run());

    let call = soon(link.open(&mut job("drop-accepted"), body(10))).await.unwrap();
    let error = soon(call.response()).await.unwrap_err();
    assert!(matches!(error, CallError::Reset(ResetCode::Failed)), "{error}");
    assert!(error.may_have_run());

    let call = soon(link.open(&mut job("break"), body(10))).await.unwrap();
    // The reset may be there before anybody looked at the reply.
    match soon(call.response()).await {
        Ok((_, reader)) => assert!(soon(reader.collect()).await.is_err()),
        Err(error) => assert!(matches!(error, CallError::Reset(ResetCode::BrokeOff)), "{error}"),
    }
    assert_eq!(links.stats().streams_open, 0);
}

#[tokio::test]
async fn a_caller_that_goes_away_stops_the_job() {
    let node = node(hasty(), ClusterKeys::none()).await;
    let (links, _) = links(hasty(), ClusterKeys::none());
    let link = links.link(node.address, None);
    let mut call = soon(link.open(&mut job("held"), body(10))).await.unwrap();
    soon(call.accepted()).await.unwrap();
    drop(call);
    until("the job is dropped", || node.handler.stopped.load(std::sync::atomic::Ordering::Relaxed) == 1)
        .await;
    until("nothing is left", || node.callee.jobs() == 0 && node.callee.stats().streams_open == 0).await;

    let call = soon(link.open(&mut job("echo"), body(5_000_000))).await.unwrap();
    let (_, mut reader) = soon(call.response()).await.unwrap();
    soon(reader.frame()).await.unwrap().unwrap();
    drop(reader);
    until("nothing is left", || node.callee.jobs() == 0 && node.callee.stats().streams_open == 0).await;
    assert_eq!(links.stats().streams_open, 0);
}

#[tokio::test]
async fn a_reply_needs_not_wait_for_the_body_of_the_call() {
    let node = node(hasty(), ClusterKeys::none()).await;
    let (links, _) = links(hasty(), ClusterKeys::none());
    let link = links.link(node.address, None);
    let call = soon(link.open(&mut job("ignore-body"), body(5_000_000))).await.unwrap();
    let (_, reader) = soon(call.response()).await.unwrap();
    assert_eq!(soon(reader.collect()).await.unwrap().to_bytes(), vec![1; 1_000_000]);
}

#[tokio::test]
async fn a_probe_is_answered_while_bodies_move() {
    let node = node(Timing::default(), ClusterKeys::none()).await;
    let (links, _) = links(Timing::default(), ClusterKeys::none());
    let link = links.link(node.address, None);
    let call = soon(link.open(&mut job("echo"), body(20_000_000))).await.unwrap();
    assert_eq!(soon(link.probe(Duration::from_secs(10))).await.unwrap().slots, 4);
    let (_, reader) = soon(call.response()).await.unwrap();
    assert_eq!(soon(link.probe(Duration::from_secs(10))).await.unwrap().slots, 4);
    assert_eq!(soon(reader.collect()).await.unwrap().to_bytes().len(), 20_000_000);
}
