//! Who is let in.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::Request;
use link::{CallError, ClusterKeys, DialError, Link};
use protocol::NodeId;
use protocol::peer::{EXPECTED_ID, NODE_ID, NONCE, SUBPROTOCOL};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::harness::{CALLEE, body, hasty, job, links, node, soon, until};
use crate::raw::{ID, SUBPROTOCOL_HEADER, Socket, client};

fn keys(bytes: &[u8]) -> ClusterKeys {
    ClusterKeys::new(bytes.iter().map(|&byte| [byte; 32]).collect()).unwrap()
}

/// Calls once; gives why that was in vain.
async fn call(link: &Link) -> Result<(), CallError> {
    soon(soon(link.open(&mut job("echo"), body(10))).await?.response()).await.map(|_| ())
}

#[tokio::test]
async fn one_key_in_common_is_enough() {
    for (callers, callees) in
        [(vec![], vec![]), (vec![1], vec![1]), (vec![1, 2], vec![2, 1]), (vec![1, 2, 3], vec![3, 1])]
    {
        let node = node(hasty(), keys(&callees)).await;
        let (links, _) = links(hasty(), keys(&callers));
        call(&links.link(node.address, Some(CALLEE))).await.unwrap();
        assert_eq!((links.stats().handshakes_refused, node.callee.stats().handshakes_refused), (0, 0));
    }
}

#[tokio::test]
async fn a_stranger_is_refused_and_both_sides_count_it() {
    for (callers, callees) in [(vec![1], vec![2]), (vec![1], vec![]), (vec![], vec![1])] {
        let node = node(hasty(), keys(&callees)).await;
        let (links, _) = links(hasty(), keys(&callers));
        let error = call(&links.link(node.address, None)).await.unwrap_err();
        assert!(
            matches!(&error, CallError::Unreachable(why) if matches!(**why, DialError::Key(_))),
            "{error}"
        );
        assert!(!error.may_have_run());
        assert_eq!(links.stats().handshakes_refused, 1);
        if !callees.is_empty() {
            until("the callee counts it", || node.callee.stats().handshakes_refused == 1).await;
        }
        until("nothing is left", || node.callee.stats().links_open == 0).await;
        assert!(node.handler.seen.lock().unwrap().is_empty());
    }
}

/// The callee's key is known to the caller, and the caller's not to the callee: only the callee can tell.
#[tokio::test]
async fn a_caller_whose_proof_is_refused_hears_of_it() {
    let node = node(hasty(), keys(&[2])).await;
    let (links, _) = links(hasty(), keys(&[1, 2]));
    let error = call(&links.link(node.address, None)).await.unwrap_err();
    assert!(!error.may_have_run(), "{error}");
    until("both count it", || {
        links.stats().handshakes_refused == 1 && node.callee.stats().handshakes_refused == 1
    })
    .await;
    assert!(node.handler.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn another_node_than_expected_is_refused() {
    let node = node(hasty(), ClusterKeys::none()).await;
    let (links, _) = links(hasty(), ClusterKeys::none());
    let error = call(&links.link(node.address, Some(NodeId::new(99)))).await.unwrap_err();
    assert!(error.to_string().contains("this is node 0000000000000002"), "{error}");
    assert_eq!(node.callee.stats().handshakes_refused, 1);
}

fn refusal(result: Result<Socket, Error>) -> (u16, String) {
    match result {
        Err(Error::Http(response)) => {
            let body = String::from_utf8(response.body().clone().unwrap_or_default()).unwrap();
            (response.status().as_u16(), body)
        }
        other => panic!("{other:?}"),
    }
}

/// The close frame that ends a connection, whatever comes before.
async fn close_of(mut socket: Socket) -> (CloseCode, String) {
    loop {
        match soon(socket.next()).await {
            Some(Ok(Message::Close(Some(close)))) => return (close.code, close.reason.to_string()),
            Some(Ok(_)) => {}
            other => panic!("no close frame but {other:?}"),
        }
    }
}

#[tokio::test]
async fn what_offers_no_known_version_is_told_so() {
    let node = node(hasty(), ClusterKeys::none()).await;
    let nonce = "5".repeat(64);
    let whole = [(NODE_ID, ID), (NONCE, nonce.as_str())];
    for offered in [None, Some("p2pfaas.peer.2"), Some("chat, p2pfaas.nodes.1")] {
        let mut headers = whole.to_vec();
        headers.extend(offered.map(|offered| (SUBPROTOCOL_HEADER, offered)));
        let (status, message) = refusal(client(node.address, &headers).await);
        assert_eq!(status, 400);
        assert!(message.contains(SUBPROTOCOL), "{message}");
    }
    let both = format!("p2pfaas.peer.2, {SUBPROTOCOL}");
    let headers = [whole[0], whole[1], (SUBPROTOCOL_HEADER, both.as_str())];
    client(node.address, &headers).await.unwrap();
    for headers in [[whole[0], headers[2]], [whole[1], headers[2]]] {
        assert_eq!(refusal(client(node.address, &headers).await).0, 400);
    }
    let misdirected = [whole[0], whole[1], headers[2], (EXPECTED_ID, ID)];
    assert_eq!(refusal(client(node.address, &misdirected).await).0, 421);
}

#[tokio::test]
async fn a_request_that_is_no_websocket_is_told_so() {
    let node = node(hasty(), ClusterKeys::none()).await;
    let answer = node.callee.upgrade(Request::new(()));
    assert_eq!(answer.status(), 426);
    assert!(answer.body().contains(SUBPROTOCOL), "{}", answer.body());
}

/// Records what a caller sends through here, and plays it to the callee again.
#[tokio::test]
async fn a_replayed_handshake_fails() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let node = node(hasty(), keys(&[1])).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let callee = node.address;
    let recorder = tokio::spawn(async move {
        let (caller, _) = listener.accept().await.unwrap();
        let callee = TcpStream::connect(callee).await.unwrap();
        let (mut from_caller, mut to_caller) = caller.into_split();
        let (mut from_callee, mut to_callee) = callee.into_split();
        tokio::spawn(async move { tokio::io::copy(&mut from_callee, &mut to_caller).await });
        let mut recorded = Vec::new();
        let mut buffer = [0; 4_096];
        while let Ok(read @ 1..) = from_caller.read(&mut buffer).await {
            recorded.extend_from_slice(&buffer[..read]);
            to_callee.write_all(&buffer[..read]).await.unwrap();
        }
        recorded
    });
    let (links, _) = links(hasty(), keys(&[1]));
    call(&links.link(address, None)).await.unwrap();
    soon(links.close()).await;
    let recorded = soon(recorder).await.unwrap();
    assert_eq!(node.handler.seen.lock().unwrap().len(), 1);

    let mut replay = TcpStream::connect(node.address).await.unwrap();
    replay.write_all(&recorded).await.unwrap();
    let mut answer = Vec::new();
    // The callee closes while part of the replay is unread, which may reset the connection.
    let _ = soon(replay.read_to_end(&mut answer)).await;
    until("it is refused", || node.callee.stats().handshakes_refused == 1).await;
    until("the link is gone", || node.callee.stats().links_open == 0).await;
    assert_eq!(node.handler.seen.lock().unwrap().len(), 1, "the job of the replay did not run");
}

#[tokio::test]
async fn a_client_that_does_not_prove_itself_gets_no_further() {
    let node = node(hasty(), keys(&[1])).await;
    let nonce = "5".repeat(64);
    let headers = [(NODE_ID, ID), (NONCE, nonce.as_str()), (SUBPROTOCOL_HEADER, SUBPROTOCOL)];
    for first in [Message::binary(vec![9, 0, 0, 0, 1, 0, 0]), Message::text("{\"proof\":\"00\"}")] {
        let mut socket = client(node.address, &headers).await.unwrap();
        socket.send(first).await.unwrap();
        assert_eq!(close_of(socket).await.0, CloseCode::Policy);
    }
    let silent = client(node.address, &headers).await.unwrap();
    assert_eq!(close_of(silent).await.0, CloseCode::Policy);
    assert_eq!(node.callee.stats().handshakes_refused, 3);
}

#[tokio::test]
async fn a_malformed_frame_closes_with_1002_and_is_counted() {
    let node = node(hasty(), ClusterKeys::none()).await;
    let nonce = "5".repeat(64);
    let headers = [(NODE_ID, ID), (NONCE, nonce.as_str()), (SUBPROTOCOL_HEADER, SUBPROTOCOL)];
    let (links, _) = links(hasty(), ClusterKeys::none());
    let other = links.link(node.address, None);
    call(&other).await.unwrap();
    let wrong = [
        Message::text("hello"),
        Message::binary(vec![1, 2]),
        Message::binary(vec![77, 0, 0, 0, 1, 0, 0]),
        Message::binary(vec![1, 0, 0, 0, 1, 0, 2, b'{', b'}']),
        Message::binary(vec![0; 200_000]),
        Message::binary(vec![2, 0, 0, 0, 1, 0, 0, 1]),
    ];
    let count = wrong.len() as u64;
    for message in wrong {
        let mut socket = client(node.address, &headers).await.unwrap();
        // The callee may close before it has read all of the longest.
        let _ = socket.send(message).await;
        let (code, reason) = close_of(socket).await;
        assert_eq!(code, CloseCode::Protocol);
        assert!(!reason.is_empty());
    }
    assert_eq!(node.callee.stats().malformed, count);
    call(&other).await.unwrap();
    assert_eq!(links.stats().links_opened, 1, "the link of another peer holds");
}

#[tokio::test]
async fn keys_that_change_count_from_the_next_link_on() {
    use std::sync::{Arc, Mutex};

    use link::{Identity, Links};

    let node = node(hasty(), keys(&[2])).await;
    let current = Arc::new(Mutex::new(keys(&[1])));
    let source = Arc::clone(&current);
    let identity = Identity { node: NodeId::new(1), keys: Arc::new(move || source.lock().unwrap().clone()) };
    let links = Links::new(identity, Arc::new(|_, _, _| {}), hasty());
    let link = links.link(node.address, None);
    call(&link).await.unwrap_err();
    *current.lock().unwrap() = keys(&[2, 1]);
    let mut tries = 0;
    while call(&link).await.is_err() {
        tries += 1;
        assert!(tries < 1_000, "the new key is not used");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
