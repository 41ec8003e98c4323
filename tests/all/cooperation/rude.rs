//! A peer that speaks rubbish in the middle of a job. The original's process ended on a reply that it could not read.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use link::frame::Kind;
use protocol::peer::{EXPECTED_ID, NODE_ID, NONCE};
use reqwest::Method;
use tests::cluster::Part;
use tests::ledger::Ledger;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{Message, handshake};

use super::{nodes, ran_elsewhere};

/// What it says on being given a job.
#[derive(Debug, Clone, Copy)]
enum Reply {
    Text,
    Frame { kind: u8, head: &'static str },
    AfterAccepting { kind: u8, head: &'static str },
    OfAnotherStream,
    HalfAFrame,
    NoWebSocket,
    Nothing,
}

const REPLIES: [Reply; 12] = [
    Reply::Text,
    Reply::Frame { kind: 255, head: "{}" },
    Reply::Frame { kind: Kind::Response as u8, head: "{" },
    Reply::Frame { kind: Kind::Response as u8, head: "{\"status\": 9999}" },
    Reply::Frame { kind: Kind::Response as u8, head: "[]" },
    Reply::Frame { kind: Kind::Refused as u8, head: "null" },
    Reply::AfterAccepting { kind: Kind::Response as u8, head: "{\"nodes\": 7}" },
    Reply::AfterAccepting { kind: Kind::Accepted as u8, head: "{}" },
    Reply::OfAnotherStream,
    Reply::HalfAFrame,
    Reply::NoWebSocket,
    Reply::Nothing,
];

fn frame(kind: u8, stream: &[u8], head: &str) -> Message {
    let length = (head.len() as u16).to_be_bytes();
    Message::binary([&[kind], stream, &length, head.as_bytes()].concat())
}

/// Takes links, and answers the first job on each with rubbish.
async fn rude_peer(host: IpAddr) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((host, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let turn = Arc::new(AtomicUsize::new(0));
    let which = Arc::clone(&turn);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let reply = REPLIES[which.load(Ordering::SeqCst)];
            tokio::spawn(answer(stream, reply));
        }
    });
    (port, turn)
}

async fn answer(mut stream: TcpStream, reply: Reply) -> Option<()> {
    if matches!(reply, Reply::NoWebSocket) {
        let _ = stream.write_all(b"\0\xffrubbish\r\n\r\n").await;
        return None;
    }
    #[expect(clippy::result_large_err, reason = "the type is that of tungstenite's callback")]
    let welcome = |request: &handshake::server::Request, mut answer: handshake::server::Response| {
        let own_id = request.headers()[EXPECTED_ID].clone();
        answer.headers_mut().insert(NODE_ID, own_id);
        answer.headers_mut().insert(NONCE, "7".repeat(64).parse().unwrap());
        let subprotocol = request.headers()["sec-websocket-protocol"].clone();
        answer.headers_mut().insert("sec-websocket-protocol", subprotocol);
        Ok(answer)
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, welcome).await.ok()?;
    let opened = loop {
        match socket.next().await? {
            Ok(Message::Binary(frame)) if frame[0] == Kind::Open as u8 => break frame,
            Ok(_) => {}
            Err(_) => return None,
        }
    };
    let stream = &opened[1..5];
    let replies = match reply {
        Reply::Text => vec![Message::text("hello")],
        Reply::Frame { kind, head } => vec![frame(kind, stream, head)],
        Reply::AfterAccepting { kind, head } => {
            vec![frame(Kind::Accepted as u8, stream, ""), frame(kind, stream, head)]
        }
        Reply::OfAnotherStream => vec![frame(Kind::Accepted as u8, &[9, 9, 9, 9], "")],
        Reply::HalfAFrame => vec![Message::binary(vec![Kind::Response as u8, 0])],
        Reply::NoWebSocket | Reply::Nothing => Vec::new(),
    };
    for message in replies {
        socket.send(message).await.ok()?;
    }
    if matches!(reply, Reply::Nothing) {
        return None;
    }
    // The other side closes a link on which nobody speaks its protocol.
    while let Some(Ok(_)) = socket.next().await {}
    None
}

#[tokio::test]
async fn rubbish_from_a_peer_costs_the_job_that_it_was_for() {
    let ledger = Ledger::new();
    let mut setup = nodes(2, &ledger).await;
    let (port, turn) = rude_peer(setup.scheduler(2).ip()).await;
    setup.set_on(2, Part::Discovery, "P2PFAAS_SCHEDULER_PORT", port);
    setup.set(Part::Scheduler, "P2PFAAS_ACCEPT_TIMEOUT_MS", 2_000);
    let mut cluster = setup.start().await;
    let pid = cluster.node_mut(1).pid(Part::Scheduler).unwrap();
    for (index, reply) in REPLIES.iter().enumerate() {
        turn.store(index, Ordering::SeqCst);
        for _ in 0..3 {
            let answer = cluster.node(1).forward("").send().await.unwrap();
            let status = answer.status().as_u16();
            assert!(!ran_elsewhere(&answer) && (status == 200 || status == 502), "{reply:?}: {status}");
        }
        let health = cluster.node(1).request(Method::GET, "/health").send().await.unwrap();
        assert_eq!(health.status(), 200, "{reply:?}");
    }
    assert_eq!(cluster.node_mut(1).pid(Part::Scheduler).unwrap(), pid, "the process that was there");
    assert!(cluster.node(1).metric("p2pfaas_link_malformed_total").await > 0.0);
    cluster.until_idle().await;
    ledger.assert_nothing_ran_twice();
}
