use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;

use futures_util::{SinkExt, StreamExt};
use protocol::learner::{Choice, OneOrMany, Reply, Request, SUBPROTOCOL, Trained};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use super::*;

/// What the tests allow a learner that answers; far more than it takes.
const PATIENT: Duration = Duration::from_secs(10);
const HASTY: Duration = Duration::from_millis(5);

/// The learner's side, driven by a test.
struct Fake {
    listener: TcpListener,
}

type Socket = WebSocketStream<TcpStream>;

impl Fake {
    async fn listen() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    #[expect(clippy::result_large_err, reason = "the shape that the library wants")]
    async fn accept(&self) -> Socket {
        let (stream, _) = self.listener.accept().await.unwrap();
        let choose = |request: &server::Request, mut response: server::Response| {
            assert_eq!(request.headers()["sec-websocket-protocol"], SUBPROTOCOL);
            response.headers_mut().insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
            Ok(response)
        };
        accept_hdr_async(stream, choose).await.unwrap()
    }

    /// Accepts a session, and answers everything until it ends.
    async fn serve(&self) {
        let mut socket = self.accept().await;
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Text(text) = message {
                let reply = answer(serde_json::from_str(&text).unwrap());
                if socket.send(reply).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Chooses the last candidate; without any, the action that the state begins with.
fn answer(request: Request) -> Message {
    let reply = match request {
        Request::Act(act) => {
            let last = act.candidates.last().map(|candidate| candidate.action);
            let action = last.unwrap_or(act.state[0] as u32);
            Reply::Acted(Acted::new(
                act.id,
                Choice { action, epsilon: 0.1, agent: "Fake".into(), version: 1 },
            ))
        }
        Request::Train(OneOrMany::Many(samples)) => {
            Reply::Trained(Trained { accepted: samples.len(), refused: vec![] })
        }
        Request::Train(OneOrMany::One(_)) => panic!("samples come in batches"),
    };
    Message::text(serde_json::to_string(&reply).unwrap())
}

async fn next(socket: &mut Socket) -> Request {
    loop {
        if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

async fn next_samples(socket: &mut Socket) -> Vec<Sample> {
    match next(socket).await {
        Request::Train(OneOrMany::Many(samples)) => samples,
        other => panic!("only samples were sent, not {other:?}"),
    }
}

fn client(address: SocketAddr) -> Arc<Learner> {
    let health = Arc::new(Health::new("scheduler"));
    let (learner, session) = Learner::new(format!("ws://{address}/ws"), health);
    tokio::spawn(session.run());
    Arc::new(learner)
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENT, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn connected(learner: &Learner) {
    until("the session is open", || learner.is_connected()).await;
}

async fn open_session() -> (Fake, Arc<Learner>, Socket) {
    let fake = Fake::listen().await;
    let learner = client(fake.address());
    let socket = fake.accept().await;
    connected(&learner).await;
    (fake, learner, socket)
}

fn sample(eid: u64) -> Sample {
    Sample { eid, state: vec![0.0], action: 1, reward: 1.0, ..Sample::default() }
}

#[tokio::test]
async fn each_of_many_questions_gets_its_own_answer() {
    let fake = Fake::listen().await;
    let learner = client(fake.address());
    tokio::spawn(async move { fake.serve().await });
    connected(&learner).await;
    let ask = |number: u32| {
        let learner = Arc::clone(&learner);
        tokio::spawn(async move {
            let offered = [3, number].map(|action| Candidate { action, features: vec![1.0] });
            let candidates = if number.is_multiple_of(2) { offered.to_vec() } else { vec![] };
            learner.act(vec![number.into()], candidates, PATIENT).await.unwrap().action
        })
    };
    let answers: Vec<_> = (0..1_000).map(ask).collect();
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.await.unwrap(), number as u32);
    }
    assert_eq!(learner.counts().answered.load(Relaxed), 1_000);
}

#[tokio::test]
async fn a_learner_that_is_away_is_not_waited_for_and_found_again() {
    let fake = Fake::listen().await;
    let learner = client(fake.address());
    // Nobody accepts yet: an answer would take all the patience, and the test with it.
    assert_eq!(learner.act(vec![1.0], vec![], PATIENT).await, None);
    let socket = fake.accept().await;
    connected(&learner).await;
    drop(socket);
    until("the loss is seen", || !learner.is_connected()).await;
    assert_eq!(learner.act(vec![1.0], vec![], PATIENT).await, None);
    assert_eq!(learner.counts().unasked.load(Relaxed), 2);
    tokio::spawn(async move { fake.serve().await });
    connected(&learner).await;
    assert_eq!(learner.act(vec![1.0], vec![], PATIENT).await.unwrap().action, 1);
}

#[tokio::test]
async fn who_asked_a_learner_that_is_lost_is_told_at_once() {
    let (_fake, learner, mut socket) = open_session().await;
    let asked = tokio::spawn({
        let learner = Arc::clone(&learner);
        async move { learner.act(vec![1.0], vec![], Duration::from_secs(3_600)).await }
    });
    assert!(matches!(next(&mut socket).await, Request::Act(_)));
    drop(socket);
    assert_eq!(asked.await.unwrap(), None);
    assert_eq!(learner.counts().missed.load(Relaxed), 1);
}

#[tokio::test]
async fn a_slow_learner_is_left_alone_and_tried_again() {
    let (_fake, learner, mut socket) = open_session().await;
    while learner.counts().unasked.load(Relaxed) == 0 {
        assert_eq!(learner.act(vec![1.0], vec![], HASTY).await, None);
    }
    let missed = learner.counts().missed.load(Relaxed);
    assert_eq!(missed, 5);
    // It comes to itself, and answers what it was asked meanwhile.
    tokio::spawn(async move {
        loop {
            let request = next(&mut socket).await;
            socket.send(answer(request)).await.unwrap();
        }
    });
    let begun = Instant::now();
    while learner.act(vec![7.0], vec![], PATIENT).await.is_none() {
        assert!(begun.elapsed() < PATIENT, "it is never tried again");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(learner.act(vec![8.0], vec![], PATIENT).await.unwrap().action, 8, "not an old answer");
    assert_eq!(learner.counts().missed.load(Relaxed), missed);
}

#[tokio::test]
async fn samples_wait_for_the_learner_in_order_and_are_dropped_beyond_a_bound() {
    let fake = Fake::listen().await;
    let learner = client(fake.address());
    for eid in 0..SAMPLES_MAX as u64 + 10 {
        learner.train(sample(eid));
    }
    assert_eq!(learner.counts().samples_dropped.load(Relaxed), 10);
    let mut socket = fake.accept().await;
    let mut eids = vec![];
    let mut messages = 0;
    while eids.len() < SAMPLES_MAX {
        let samples = next_samples(&mut socket).await;
        eids.extend(samples.iter().map(|sample| sample.eid));
        messages += 1;
    }
    assert!(eids.iter().copied().eq(0..SAMPLES_MAX as u64));
    assert!(messages < 50, "{messages} messages are no batches");
}

#[tokio::test]
async fn samples_that_come_one_soon_after_the_other_go_together() {
    let (_fake, learner, mut socket) = open_session().await;
    // A machine that is busy may let the first go before the second is there; not every time.
    for _ in 0..100 {
        learner.train(sample(1));
        until("the session has taken it up", || learner.samples.capacity() == SAMPLES_MAX).await;
        learner.train(sample(2));
        if next_samples(&mut socket).await.len() == 2 {
            return;
        }
        next_samples(&mut socket).await;
    }
    panic!("a sample waits for no other");
}

#[tokio::test]
async fn a_question_that_the_learner_refuses_is_no_miss() {
    let fake = Fake::listen().await;
    let learner = client(fake.address());
    tokio::spawn(async move {
        let mut socket = fake.accept().await;
        while let Request::Act(act) = next(&mut socket).await {
            let why = format!(r#"{{"error": {{"id": {}, "why": "no"}}}}"#, act.id);
            socket.send(Message::text(why)).await.unwrap();
        }
    });
    connected(&learner).await;
    for _ in 0..20 {
        assert_eq!(learner.act(vec![1.0], vec![], PATIENT).await, None);
    }
    let counts = learner.counts();
    assert_eq!((counts.refused.load(Relaxed), counts.missed.load(Relaxed)), (20, 0));
}
