//! The rules one by one.

use std::collections::VecDeque;

use bytes::Bytes;
use link::Malformed;
use link::bounds::STREAMS_MAX;
use link::frame::{Content, Frame, Kind, head};
use link::mux::{Event, Mux, Role};
use protocol::peer::{PeerLoad, Reset, ResetCode};

use crate::pair::{Job, Pair, cut, open, under_way};

fn frame(content: Content) -> Frame {
    Frame { stream: 1, content }
}

#[test]
fn a_sender_stops_at_the_credit_and_goes_on_when_it_is_returned() {
    let mut pair = under_way(1_000_000);
    assert_eq!(pair.credit[&(true, 1)], 0);
    assert!(!pair.send(true));
    while pair.work(1) {}
    assert!(pair.send(false));
    while pair.send(false) {}
    while pair.deliver(false) {}
    assert!(pair.send(true));
}

#[test]
fn more_than_the_credit_is_malformed() {
    let mut pair = under_way(1_000_000);
    let beyond = Frame { stream: 1, content: Content::Data(Bytes::from_static(b"x")) };
    assert_eq!(pair.callee.receive(beyond), Err(Malformed::Credit));
}

#[test]
fn a_body_has_the_length_that_was_announced() {
    let mut pair = under_way(10);
    let more = frame(Content::Data(Bytes::from_static(b"x")));
    assert_eq!(pair.callee.receive(more), Err(Malformed::Announced));
    let mut callee: Mux<()> = Mux::new(Role::Callee);
    callee.receive(frame(Content::Open(Box::new(open(10)), Bytes::new()))).unwrap();
    assert_eq!(callee.receive(frame(Content::End)), Err(Malformed::Announced));
}

#[test]
fn frames_from_the_wrong_side_or_at_the_wrong_time_are_malformed() {
    let mut callee: Mux<()> = Mux::new(Role::Callee);
    for content in [Content::Accepted, Content::Load(PeerLoad::default())] {
        assert!(matches!(callee.receive(frame(content)), Err(Malformed::OutOfPlace(_))));
    }
    assert_eq!(callee.receive(frame(Content::Data(Bytes::new()))), Err(Malformed::UnknownStream));
    let mut pair = under_way(10);
    let open = Content::Open(Box::new(open(0)), Bytes::new());
    assert_eq!(pair.callee.receive(frame(open.clone())), Err(Malformed::StreamUsed));
    assert_eq!(pair.caller.receive(frame(open)), Err(Malformed::OutOfPlace(Kind::Open)));
    assert_eq!(pair.caller.receive(frame(Content::Probe)), Err(Malformed::OutOfPlace(Kind::Probe)));
    let early = frame(Content::Data(Bytes::from_static(b"x")));
    assert_eq!(pair.caller.receive(early), Err(Malformed::OutOfPlace(Kind::Data)));
    pair.settle();
    let twice = frame(Content::Accepted);
    assert_eq!(pair.caller.receive(twice), Ok(Event::Late), "the stream has ended");
}

#[test]
fn no_more_streams_than_allowed() {
    let mut pair = Pair::new();
    for _ in 0..STREAMS_MAX {
        pair.start(Job { call: 1, reply: 1, cuts: Vec::new(), length_known: true });
    }
    assert!(pair.caller.open(head(&open(0)).unwrap(), VecDeque::new(), ()).is_err());
    while pair.send(true) {}
    while pair.deliver(true) {}
    let stream = STREAMS_MAX as u32 + 1;
    let one_more = Frame { stream, content: Content::Open(Box::new(open(0)), Bytes::new()) };
    assert_eq!(pair.callee.receive(one_more), Err(Malformed::TooManyStreams));
}

#[test]
fn small_frames_overtake_bodies_and_bodies_take_turns() {
    let mut caller: Mux<()> = Mux::new(Role::Caller);
    let open = |length| head(&open(length)).unwrap();
    for _ in 0..2 {
        caller.open(open(200_000), cut(200_000, &[]), ()).unwrap();
    }
    let kinds = |frames: &[(Kind, u32)], caller: &mut Mux<()>| {
        for expected in frames {
            let frame = caller.next_frame().unwrap();
            assert_eq!((frame.kind, frame.stream), *expected);
        }
    };
    kinds(&[(Kind::Open, 1), (Kind::Open, 2), (Kind::Data, 1), (Kind::Data, 2)], &mut caller);
    caller.probe().unwrap();
    caller.open(open(3), cut(3, &[]), ()).unwrap();
    kinds(&[(Kind::Probe, 3), (Kind::Open, 4), (Kind::Data, 1), (Kind::Data, 2)], &mut caller);
    // And small ones do not keep big ones waiting for ever.
    caller.open(open(200_000), cut(200_000, &[]), ()).unwrap();
    for _ in 0..200 {
        caller.probe().unwrap();
    }
    let until_data = (0..).position(|_| caller.next_frame().unwrap().kind == Kind::Data).unwrap();
    assert!(until_data <= link::bounds::CONTROL_BURST as usize);
}

#[test]
fn a_job_given_up_before_it_left_leaves_no_trace() {
    let mut caller: Mux<()> = Mux::new(Role::Caller);
    let body = cut(100_000, &[]);
    for _ in 0..10_000 {
        let stream = caller.open(head(&open(100_000)).unwrap(), body.clone(), ()).unwrap();
        caller.abandon(stream);
    }
    assert_eq!((caller.streams(), caller.next_frame()), (0, None));
}

#[test]
fn a_job_given_up_later_is_reset_once_and_its_rest_stays() {
    let mut pair = under_way(1_000_000);
    pair.caller.abandon(1).unwrap();
    assert_eq!(pair.caller.next_frame().unwrap().kind, Kind::Reset);
    assert_eq!(pair.caller.next_frame(), None);
    assert_eq!(
        pair.callee.receive(frame(Content::Reset(Reset { code: ResetCode::Cancelled }))),
        Ok(Event::Cancelled(()))
    );
    assert_eq!(pair.callee.streams(), 0);
    // The callee may have sent something before it knew.
    assert_eq!(pair.caller.receive(frame(Content::Accepted)), Ok(Event::Late));
}
