//! Links that break in the middle.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use link::bounds::STREAMS_MAX;
use link::{BodyError, CallError, ClusterKeys, DialError, Link, Lost, ProbeError, Timing};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::harness::{Node, body, hasty, job, links, node, node_at, soon, until};
use crate::proxy::Proxy;
use crate::raw::by_hand;

fn no_keys() -> ClusterKeys {
    ClusterKeys::none()
}

/// Tries until the link is there again.
pub(crate) async fn works_again(link: &Link) {
    for _ in 0..2_000 {
        if let Ok(call) = soon(link.open(&mut job("echo"), body(10))).await
            && soon(call.response()).await.is_ok()
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("the link did not come back");
}

async fn nothing_is_left(node: &Node) {
    until("jobs and streams end", || node.callee.jobs() == 0 && node.callee.stats().streams_open == 0).await;
}

#[tokio::test]
async fn cut_before_accepted_the_job_does_not_run_and_may_be_tried_elsewhere() {
    let node = node(hasty(), no_keys()).await;
    let proxy = Proxy::before(node.address).await;
    let (links, _) = links(hasty(), no_keys());
    let link = links.link(proxy.address, None);
    let call = soon(link.open(&mut job("hold"), body(10))).await.unwrap();
    until("the job is there", || node.handler.seen.lock().unwrap().len() == 1).await;
    proxy.cut();
    let error = soon(call.response()).await.unwrap_err();
    assert!(matches!(error, CallError::LostBeforeAccepted(Lost::Closed)), "{error}");
    nothing_is_left(&node).await;
    node.handler.permits.add_permits(1);
    assert_eq!(node.handler.started.load(Ordering::Relaxed), 0);
    assert_eq!(links.stats().streams_open, 0);
    proxy.heal();
    works_again(&link).await;
}

#[tokio::test]
async fn cut_after_accepted_the_job_is_stopped_and_must_not_be_tried_elsewhere() {
    let node = node(hasty(), no_keys()).await;
    let proxy = Proxy::before(node.address).await;
    let (links, _) = links(hasty(), no_keys());
    let link = links.link(proxy.address, None);
    let mut call = soon(link.open(&mut job("held"), body(10))).await.unwrap();
    soon(call.accepted()).await.unwrap();
    proxy.cut();
    let error = soon(call.response()).await.unwrap_err();
    assert!(matches!(error, CallError::LostWhileRunning(Lost::Closed)), "{error}");
    nothing_is_left(&node).await;
    assert_eq!(node.handler.started.load(Ordering::Relaxed), 1);
}

/// Whether a peer that fell silent has begun cannot be known.
#[tokio::test]
async fn silent_before_accepted_the_job_may_have_run() {
    let node = node(hasty(), no_keys()).await;
    let proxy = Proxy::before(node.address).await;
    let (links, _) = links(hasty(), no_keys());
    let link = links.link(proxy.address, None);
    let call = soon(link.open(&mut job("hold"), body(10))).await.unwrap();
    until("the job is there", || node.handler.seen.lock().unwrap().len() == 1).await;
    proxy.fall_silent();
    let error = soon(call.response()).await.unwrap_err();
    assert!(matches!(error, CallError::LostWhileRunning(Lost::Silent)), "{error}");
    assert!(error.may_have_run());
    assert!(links.stats().pings_missed >= 3);
    nothing_is_left(&node).await;
    assert_eq!(node.handler.started.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn bodies_that_are_cut_break_off_on_both_sides() {
    let node = node(hasty(), no_keys()).await;
    let proxy = Proxy::before(node.address).await;
    let (links, _) = links(hasty(), no_keys());
    let link = links.link(proxy.address, None);
    let call = soon(link.open(&mut job("echo"), body(3_000_000))).await.unwrap();
    let (_, mut reader) = soon(call.response()).await.unwrap();
    soon(reader.frame()).await.unwrap().unwrap();
    proxy.cut();
    assert_eq!(soon(reader.collect()).await.unwrap_err(), BodyError::Lost(Lost::Closed));
    nothing_is_left(&node).await;

    proxy.heal();
    works_again(&link).await;
    let started = node.handler.started.load(Ordering::Relaxed);
    let seen = node.handler.seen.lock().unwrap().len();
    let call = soon(link.open(&mut job("hold"), body(3_000_000))).await.unwrap();
    until("the job is there", || node.handler.seen.lock().unwrap().len() > seen).await;
    proxy.cut();
    assert!(!soon(call.response()).await.unwrap_err().may_have_run());
    nothing_is_left(&node).await;
    assert_eq!(node.handler.started.load(Ordering::Relaxed), started);
    assert_eq!(links.stats().streams_open, 0);
}

#[tokio::test]
async fn streams_are_bounded_and_come_back() {
    let node = node(Timing::default(), no_keys()).await;
    let (links, _) = links(Timing::default(), no_keys());
    let link = links.link(node.address, None);
    let mut calls = Vec::new();
    for _ in 0..STREAMS_MAX {
        calls.push(soon(link.open(&mut job("held"), body(10))).await.unwrap());
    }
    let one_more = soon(link.open(&mut job("held"), body(10))).await;
    assert!(matches!(one_more, Err(CallError::Full)));
    assert_eq!(links.stats().streams_open, STREAMS_MAX as u64);
    node.handler.permits.add_permits(STREAMS_MAX);
    for call in calls {
        soon(call.response()).await.unwrap();
    }
    assert_eq!(links.stats().streams_open, 0);
    nothing_is_left(&node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_jobs_leave_nothing_behind() {
    const CALLERS: usize = 50;
    let node = node(Timing::default(), no_keys()).await;
    let (links, _) = links(Timing::default(), no_keys());
    let link = links.link(node.address, None);
    works_again(&link).await;
    nothing_is_left(&node).await;
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let link = link.clone();
            tokio::spawn(async move {
                for number in 0..100_000 / CALLERS {
                    let call = soon(link.open(&mut job("echo"), body(number % 200))).await.unwrap();
                    if number % 100 == 0 {
                        continue;
                    }
                    let (_, reader) = soon(call.response()).await.unwrap();
                    assert_eq!(soon(reader.collect()).await.unwrap().to_bytes().len(), number % 200);
                }
            })
        })
        .collect();
    for caller in callers {
        // Each of its jobs is bounded.
        caller.await.unwrap();
    }
    assert_eq!(links.stats().streams_open, 0);
    nothing_is_left(&node).await;
    until("tasks end", || tokio::runtime::Handle::current().metrics().num_alive_tasks() <= tasks).await;
    assert_eq!(links.stats().links_opened, 1);
}

#[tokio::test]
async fn a_peer_that_is_not_there_is_dialled_ever_more_seldom_until_it_is() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (links, _) = links(hasty(), no_keys());
    let link = links.link(address, None);
    let first = soon(link.open(&mut job("echo"), body(10))).await.map(|_| ()).unwrap_err();
    assert!(
        matches!(&first, CallError::Unreachable(why) if matches!(**why, DialError::Connect(_))),
        "{first}"
    );
    let second = soon(link.open(&mut job("echo"), body(10))).await.map(|_| ()).unwrap_err();
    assert!(
        matches!(&second, CallError::Unreachable(why) if matches!(**why, DialError::BackingOff(_))),
        "{second}"
    );
    let _node = node_at(address, hasty(), no_keys()).await;
    works_again(&link).await;
}

#[tokio::test]
async fn calls_that_wait_for_a_dial_share_it() {
    let node = node(hasty(), no_keys()).await;
    let (links, _) = links(hasty(), no_keys());
    let link = links.link(node.address, None);
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let link = link.clone();
            tokio::spawn(async move {
                soon(soon(link.open(&mut job("echo"), body(10))).await.unwrap().response()).await.unwrap();
            })
        })
        .collect();
    for call in calls {
        soon(call).await.unwrap();
    }
    assert_eq!((links.stats().links_opened, node.callee.stats().links_opened), (1, 1));
}

/// What accepts connections and never answers is no reason to wait for ever, for each as long as it likes.
#[tokio::test]
async fn a_dial_that_hangs_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let timing = Timing { handshake_timeout: Duration::from_millis(200), ..hasty() };
    let (links, _) = links(timing, no_keys());
    let link = links.link(listener.local_addr().unwrap(), None);
    let error = soon(link.probe(Duration::from_millis(20))).await.unwrap_err();
    assert!(matches!(error, ProbeError::TooSlow(_)), "{error}");
    let error = soon(link.open(&mut job("echo"), body(10))).await.map(|_| ()).unwrap_err();
    assert!(
        matches!(&error, CallError::Unreachable(why) if matches!(**why, DialError::TooSlow(_))),
        "{error}"
    );
}

#[tokio::test]
async fn a_probe_of_a_silent_peer_takes_as_long_as_it_may() {
    let node = node(Timing::default(), no_keys()).await;
    let proxy = Proxy::before(node.address).await;
    let (links, _) = links(Timing::default(), no_keys());
    let link = links.link(proxy.address, None);
    soon(link.probe(Duration::from_secs(10))).await.unwrap();
    proxy.fall_silent();
    let error = soon(link.probe(Duration::from_millis(50))).await.unwrap_err();
    assert!(matches!(error, ProbeError::TooSlow(_)), "{error}");
}

#[tokio::test]
async fn a_closing_node_lets_its_jobs_end() {
    let node = node(hasty(), no_keys()).await;
    let (links, loads) = links(hasty(), no_keys());
    let link = links.link(node.address, None);
    let mut call = soon(link.open(&mut job("held"), body(10))).await.unwrap();
    soon(call.accepted()).await.unwrap();
    node.callee.tell_load();
    until("the load is told unasked", || loads.lock().unwrap().len() == 1).await;
    let callee = node.callee.clone();
    let closing = tokio::spawn(async move { callee.close().await });
    node.handler.permits.add_permits(1);
    soon(call.response()).await.unwrap();
    soon(closing).await.unwrap();
    assert_eq!(node.callee.stats().links_open, 0);
    until("the caller sees it", || !link.is_up()).await;
    let refused = soon(link.open(&mut job("echo"), body(10))).await.map(|_| ()).unwrap_err();
    assert!(!refused.may_have_run(), "{refused}");
}

#[tokio::test]
async fn links_that_are_closed_let_their_jobs_end() {
    let node = node(hasty(), no_keys()).await;
    let (links, _) = links(hasty(), no_keys());
    let link = links.link(node.address, None);
    let mut call = soon(link.open(&mut job("held"), body(10))).await.unwrap();
    soon(call.accepted()).await.unwrap();
    let closer = links.clone();
    let closing = tokio::spawn(async move { closer.close().await });
    until("no more is taken", || !link.is_up()).await;
    assert!(soon(link.open(&mut job("echo"), body(10))).await.is_err());
    node.handler.permits.add_permits(1);
    soon(call.response()).await.unwrap();
    soon(closing).await.unwrap();
    until("the callee sees it", || node.callee.stats().links_open == 0).await;
}

#[tokio::test]
async fn a_forgotten_peer_is_hung_up_on() {
    let node = node(hasty(), no_keys()).await;
    let (links, _) = links(hasty(), no_keys());
    works_again(&links.link(node.address, None)).await;
    links.retain(|_, _| false);
    until("the callee sees it", || node.callee.stats().links_open == 0).await;
}

/// Its system tells a peer's end by a reset where input was unread. What it had said before still counts, also
/// where the answer to its ping cannot be sent any more.
#[tokio::test]
async fn accepted_counts_also_where_a_reset_follows() {
    for pings in [0, 1] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (links, _) = links(hasty(), no_keys());
        let link = links.link(listener.local_addr().unwrap(), None);
        let callee = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = by_hand(stream).await;
            soon(socket.next()).await.unwrap().unwrap();
            for _ in 0..pings {
                socket.feed(Message::Ping(Bytes::new())).await.unwrap();
            }
            socket.send(Message::binary(vec![4, 0, 0, 0, 1, 0, 0])).await.unwrap();
        });
        let call = soon(link.open(&mut job("echo"), body(5_000_000))).await.unwrap();
        let error = soon(call.response()).await.unwrap_err();
        assert!(error.may_have_run(), "{pings} pings: {error}");
        soon(callee).await.unwrap();
    }
}

/// A peer that breaks the protocol is hung up on, and who waits for it is told.
#[tokio::test]
async fn a_callee_that_speaks_nonsense_is_hung_up_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (links, _) = links(hasty(), no_keys());
    let link = links.link(listener.local_addr().unwrap(), None);
    let callee = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = by_hand(stream).await;
        soon(socket.next()).await.unwrap().unwrap();
        socket.send(Message::binary(vec![99, 0, 0, 0, 1, 0, 0])).await.unwrap();
        soon(socket.next()).await
    });
    let call = soon(link.open(&mut job("echo"), body(10))).await.unwrap();
    let error = soon(call.response()).await.unwrap_err();
    assert!(matches!(error, CallError::LostWhileRunning(Lost::Malformed)), "{error}");
    assert_eq!(links.stats().malformed, 1);
    let close = soon(callee).await.unwrap();
    assert!(matches!(&close, Some(Ok(Message::Close(Some(close)))) if close.code == CloseCode::Protocol));
}
