//! Who does not read is sent no more.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use link::bounds::{CONTROL_FRAMES_MAX, CREDIT_BYTES, QUEUED_BYTES_MAX};
use link::{ClusterKeys, Timing};
use tokio_tungstenite::tungstenite::Message;

use crate::faults::works_again;
use crate::harness::{body, hasty, job, links, node, soon, until};
use crate::raw::{open, welcome_client};

/// Waits until a number does not grow any more. What could still grow it runs on the same thread, and has its
/// turn between two looks.
async fn standstill(mut number: impl FnMut() -> u64) -> u64 {
    const LOOKS: u32 = 50;
    let (mut last, mut looks) = (0, 0);
    until("it stands still", || {
        let now = number();
        looks = if now == last { looks + 1 } else { 0 };
        last = now;
        now > 0 && looks > LOOKS
    })
    .await;
    last
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_the_sender_back() {
    const SLACK: u64 = 10_000;
    let node = node(hasty(), ClusterKeys::none()).await;
    let (links, _) = links(hasty(), ClusterKeys::none());
    let link = links.link(node.address, None);

    // The callee does not read the call's body.
    let call = soon(link.open(&mut job("hold"), body(5_000_000))).await.unwrap();
    until("the credit is used", || links.stats().bytes_out >= u64::from(CREDIT_BYTES)).await;
    soon(link.probe(Duration::from_secs(10))).await.unwrap();
    assert!(links.stats().bytes_out < u64::from(CREDIT_BYTES) + SLACK);

    // Then the caller does not read the reply's.
    node.handler.permits.add_permits(1);
    let (_, mut reader) = soon(call.response()).await.unwrap();
    until("the credit is used", || node.callee.stats().bytes_out >= u64::from(CREDIT_BYTES)).await;
    soon(link.probe(Duration::from_secs(10))).await.unwrap();
    assert!(node.callee.stats().bytes_out < u64::from(CREDIT_BYTES) + QUEUED_BYTES_MAX as u64 + SLACK);
    let mut bytes = 0;
    while let Some(frame) = soon(reader.frame()).await {
        bytes += frame.unwrap().data_ref().unwrap().len();
    }
    assert_eq!(bytes, 5_000_000);
}

/// The system of a caller that does not read takes no more at some point. Before it has taken ACCEPTED, the
/// job must not start.
#[tokio::test]
async fn no_job_starts_before_accepted_is_on_its_way() {
    const STREAMS: u32 = 100;
    let node = node(Timing::default(), ClusterKeys::none()).await;
    let mut socket = welcome_client(node.address).await;
    for stream in 1..=STREAMS {
        soon(socket.send(open(stream, "ignore-body"))).await.unwrap();
    }
    let sent = standstill(|| node.callee.stats().bytes_out).await;
    assert!(sent < u64::from(STREAMS * CREDIT_BYTES), "the wire took everything");

    soon(socket.send(open(STREAMS + 1, "echo"))).await.unwrap();
    let seen = || node.handler.seen.lock().unwrap().iter().any(|job| job.function.as_str() == "echo");
    until("the job is there", seen).await;
    // What is done for another caller meanwhile shows that it had time to start.
    let (links, _) = links(Timing::default(), ClusterKeys::none());
    works_again(&links.link(node.address, None)).await;
    assert_eq!(node.handler.started.load(Ordering::Relaxed), 1, "only the other caller's has started");

    let reader = tokio::spawn(async move { while let Some(Ok(_)) = socket.next().await {} });
    until("it starts", || node.handler.started.load(Ordering::Relaxed) == 2).await;
    reader.abort();
}

/// Questions that nobody waits for the answers of are not collected without end.
#[tokio::test]
async fn a_flood_of_probes_is_not_read_further_than_it_is_answered() {
    let node = node(Timing::default(), ClusterKeys::none()).await;
    let mut socket = welcome_client(node.address).await;
    let flood = tokio::spawn(async move {
        for stream in 1..=u32::MAX {
            let mut probe = vec![9, 0, 0, 0, 0, 0, 0];
            probe[1..5].copy_from_slice(&stream.to_be_bytes());
            if socket.send(Message::binary(probe)).await.is_err() {
                return;
            }
        }
    });
    standstill(|| node.callee.stats().frames_in).await;
    let stats = node.callee.stats();
    let waiting = stats.frames_in - stats.frames_out;
    assert!(waiting <= CONTROL_FRAMES_MAX as u64, "{waiting}");
    flood.abort();
    until("the link goes", || node.callee.stats().links_open == 0).await;
}
