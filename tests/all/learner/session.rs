//! The learner session, `GET /ws`.

use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tests::wait;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{Node, sample};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn dial(node: &Node, subprotocol: Option<&str>) -> Result<Socket, Error> {
    let mut request = format!("ws://{}/ws", node.running.address()).into_client_request()?;
    if let Some(subprotocol) = subprotocol {
        request.headers_mut().insert("sec-websocket-protocol", subprotocol.parse().unwrap());
    }
    let (socket, response) = connect_async(request).await?;
    let chosen = response.headers().get("sec-websocket-protocol").map(|name| name.to_str().unwrap());
    assert_eq!(chosen, subprotocol.map(|_| "p2pfaas.learner.1"));
    Ok(socket)
}

async fn open(node: &Node) -> Socket {
    dial(node, Some("p2pfaas.learner.1")).await.unwrap()
}

async fn text(socket: &mut Socket) -> String {
    socket.next().await.unwrap().unwrap().to_text().unwrap().to_owned()
}

async fn ask(socket: &mut Socket, message: Value) -> Value {
    socket.send(message.to_string().into()).await.unwrap();
    serde_json::from_str(&text(socket).await).unwrap()
}

async fn closed(socket: &mut Socket) -> (CloseCode, String) {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Close(frame) => {
                let frame = frame.unwrap();
                return (frame.code, frame.reason.to_string());
            }
            _ => continue,
        }
    }
}

#[tokio::test]
async fn many_questions_in_flight_are_answered_in_order() {
    let node = Node::start(&[]).await;
    let mut socket = open(&node).await;
    for id in 0..1_000u64 {
        let message = if id % 10 == 0 {
            json!({"train": [sample(id, &[0.0, 1.0], 1, 1.0)]})
        } else {
            let candidates = json!([{"action": 4, "features": [1, 0]}, {"action": 5, "features": [0, 1]}]);
            json!({"act": {"id": id, "state": [0, 1], "candidates": candidates}})
        };
        socket.feed(message.to_string().into()).await.unwrap();
    }
    socket.flush().await.unwrap();
    for id in 0..1_000u64 {
        let answer: Value = serde_json::from_str(&text(&mut socket).await).unwrap();
        if id % 10 == 0 {
            assert_eq!(answer, json!({"trained": {"accepted": 1, "refused": []}}));
        } else {
            assert_eq!(answer["acted"]["id"], id);
            assert!([4, 5].contains(&answer["acted"]["action"].as_u64().unwrap()), "{answer}");
            assert_eq!(answer["acted"]["agent"], "LinearThompson");
        }
    }
}

#[tokio::test]
async fn bad_messages_are_answered_and_cost_nothing_else() {
    let node = Node::start(&[]).await;
    let mut socket = open(&node).await;
    let good = sample(1, &[0.0, 1.0], 1, 1.0);
    let answer = ask(&mut socket, json!({"train": [good, {"eid": 2}, sample(1, &[0.0, 1.0], 1, 1.0)]})).await;
    assert_eq!(answer["trained"]["accepted"], 1, "{answer}");
    let eids: Vec<_> = answer["trained"]["refused"].as_array().unwrap().iter().map(|r| &r["eid"]).collect();
    assert_eq!(eids, [&json!(1), &json!(2)]);
    for (message, id) in [
        (json!({"act": {"id": 5, "state": [0]}}), json!(5)),
        (json!({"act": {"id": 6, "state": ["x", 1]}}), json!(6)),
        (json!({"act": {"state": [0, 1]}}), Value::Null),
        (json!({"dance": {}}), Value::Null),
        (json!([0, 1]), Value::Null),
        (json!({"train": 7}), Value::Null),
    ] {
        let answer = ask(&mut socket, message.clone()).await;
        assert_eq!(answer["error"]["id"], id, "{message}: {answer}");
        assert!(answer["error"]["why"].is_string());
    }
    socket.send("no JSON".into()).await.unwrap();
    assert!(text(&mut socket).await.contains("error"));
    let answer = ask(&mut socket, json!({"act": {"id": 9, "state": [0, 1]}})).await;
    assert_eq!(answer["acted"]["id"], 9);
}

#[tokio::test]
async fn a_client_of_the_original_sends_a_list_and_gets_action_and_epsilon() {
    let node = Node::start(&[("P2PFAAS_AGENT", r#"{"name": "SarsaQTable"}"#)]).await;
    let mut socket = dial(&node, None).await.unwrap();
    socket.send("[0.0,1.0,2.0]".into()).await.unwrap();
    let answer = text(&mut socket).await;
    assert!(["1.00000,0.30000", "2.00000,0.30000"].contains(&answer.as_str()), "{answer}");
    socket.send("[0.0,".into()).await.unwrap();
    assert_eq!(closed(&mut socket).await.0, CloseCode::Policy);
}

#[tokio::test]
async fn who_speaks_another_subprotocol_is_told_ours() {
    let node = Node::start(&[]).await;
    let refused = dial(&node, Some("p2pfaas.learner.2")).await.unwrap_err();
    let Error::Http(response) = refused else { panic!("{refused}") };
    assert_eq!(response.status(), 400);
    let body = String::from_utf8(response.body().clone().unwrap_or_default()).unwrap();
    assert!(body.contains("p2pfaas.learner.1"), "{body}");
    let plain = node.request(Method::GET, "/ws").send().await.unwrap();
    assert_eq!(plain.status(), 426);
}

#[tokio::test]
async fn messages_and_sessions_are_bounded() {
    let bounds = [("P2PFAAS_MESSAGE_BYTES_MAX", "2048"), ("P2PFAAS_SESSIONS_MAX", "2")];
    let node = Node::start(&bounds).await;
    let mut one = open(&node).await;
    let _other = open(&node).await;
    let Error::Http(response) = dial(&node, None).await.unwrap_err() else { panic!("a third session") };
    assert_eq!(response.status(), 503);
    one.send("x".repeat(4096).into()).await.unwrap();
    assert_eq!(closed(&mut one).await.0, CloseCode::Size);
    drop(one);
    wait::until("there is room for another session", async || dial(&node, None).await.is_ok()).await;

    let node = Node::start(&[("P2PFAAS_SAMPLES_BATCH_MAX", "2")]).await;
    let mut socket = open(&node).await;
    let three: Value = (0..3).map(|eid| sample(eid, &[0.0], 1, 1.0)).collect();
    assert!(ask(&mut socket, json!({"train": three})).await["error"]["why"].is_string());
    socket.send(Message::Binary(vec![1].into())).await.unwrap();
    assert_eq!(closed(&mut socket).await.0, CloseCode::Unsupported);
}

#[tokio::test]
async fn the_agent_changes_under_a_session() {
    let node = Node::start(&[]).await;
    let mut socket = open(&node).await;
    for (version, agent) in [(2, "QLearning"), (3, "TileSarsa"), (4, "LinUcb")] {
        node.post("/learner/parameters", json!({"name": agent})).await;
        let answer = ask(&mut socket, json!({"act": {"id": 1, "state": [0, 1]}})).await;
        assert_eq!(
            (&answer["acted"]["agent"], &answer["acted"]["version"]),
            (&json!(agent), &json!(version))
        );
    }
}

#[tokio::test]
async fn a_stop_closes_sessions_with_a_reason_after_their_answers() {
    let node = Node::start(&[]).await;
    let mut socket = open(&node).await;
    assert_eq!(ask(&mut socket, json!({"act": {"id": 1, "state": [0]}})).await["acted"]["id"], 1);
    let stopped = tokio::spawn(node.stop());
    let (code, reason) = closed(&mut socket).await;
    assert_eq!(code, CloseCode::Away);
    assert!(reason.contains("stopping"), "{reason}");
    stopped.await.unwrap();
}

#[tokio::test]
async fn a_client_that_never_pauses_does_not_hold_up_the_stop() {
    let node = Node::start(&[("P2PFAAS_DRAIN_TIMEOUT_MS", "3600000")]).await;
    let (mut questions, mut answers) = open(&node).await.split();
    let question = json!({"act": {"id": 1, "state": [0]}}).to_string();
    let asking = tokio::spawn(async move { while questions.feed(question.clone().into()).await.is_ok() {} });
    answers.next().await.unwrap().unwrap();
    let reading = tokio::spawn(async move { while let Some(Ok(_)) = answers.next().await {} });
    tokio::time::timeout(wait::PATIENCE, node.stop()).await.unwrap();
    reading.await.unwrap();
    asking.await.unwrap();
}
