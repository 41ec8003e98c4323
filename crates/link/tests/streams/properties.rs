//! What holds whatever comes in whatever order.

use bytes::Bytes;
use link::frame::{Content, Frame, Kind, Outgoing, head};
use link::mux::{Mux, Read, Role};
use proptest::prelude::*;
use protocol::peer::{Open, PeerLoad, Refused, Reset, ResetCode, Response, Window};

use crate::pair::{Job, Pair, cut, encoded, open, response};

fn jobs() -> impl Strategy<Value = Vec<Job>> {
    let size = prop_oneof![0..200_usize, 16_000..17_000_usize, 60_000..70_000_usize, 200_000..600_000_usize];
    let job = (size.clone(), size, prop::collection::vec(0..150_000_usize, 0..6), any::<bool>());
    let job = job.prop_map(|(call, reply, cuts, length_known)| Job { call, reply, cuts, length_known });
    prop::collection::vec(job, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_events_gives_the_same_bodies_within_the_credit(
        jobs in jobs(),
        steps in prop::collection::vec((0..5_u8, any::<prop::sample::Index>()), 0..400),
    ) {
        let mut pair = Pair::new();
        let mut waiting = jobs;
        for (step, index) in steps {
            match step {
                0 if !waiting.is_empty() => {
                    let job = waiting.swap_remove(index.index(waiting.len()));
                    pair.start(job);
                }
                1 => { pair.send(index.index(2) == 0); }
                2 | 3 => { pair.deliver(index.index(2) == 0); }
                _ => {
                    let streams: Vec<u32> = pair.jobs.keys().copied().collect();
                    if !streams.is_empty() {
                        pair.work(streams[index.index(streams.len())]);
                    }
                }
            }
        }
        waiting.into_iter().for_each(|job| pair.start(job));
        pair.settle();
        let whole = |bytes| cut(bytes, &[]).iter().flatten().copied().collect::<Vec<u8>>();
        for (stream, (job, progress)) in &pair.jobs {
            prop_assert!(progress.call == whole(job.call), "{:?}", job);
            prop_assert!(progress.reply == whole(job.reply), "{:?}", job);
            prop_assert_eq!(pair.caller.read(*stream), Read::End);
            pair.caller.abandon(*stream);
        }
        pair.settle();
        prop_assert_eq!((pair.caller.streams(), pair.callee.streams()), (0, 0));
        prop_assert!(!pair.caller.has_frames() && !pair.callee.has_frames());
    }

    #[test]
    fn no_bytes_make_the_decoder_or_the_streams_panic(
        messages in prop::collection::vec(frame_like(), 0..40),
        caller in any::<bool>(),
    ) {
        let mut mux: Mux<()> = Mux::new(if caller { Role::Caller } else { Role::Callee });
        if caller {
            mux.open(head(&open(300_000)).unwrap(), cut(300_000, &[]), ()).unwrap();
        }
        for message in messages {
            if let Ok(frame) = Frame::decode(message.into())
                && mux.receive(frame).is_err()
            {
                break;
            }
            while mux.next_frame().is_some() {}
            mux.read(1);
        }
    }

    #[test]
    fn frames_read_back_as_they_were_written(frame in any_frame()) {
        let (outgoing, expected) = frame;
        prop_assert_eq!(Frame::decode(encoded(&outgoing)).unwrap(), expected);
    }
}

/// Bytes of which a good part gets past the first checks.
fn frame_like() -> impl Strategy<Value = Vec<u8>> {
    let heads = prop::sample::select(vec![
        serde_json::to_vec(&open(100)).unwrap(),
        serde_json::to_vec(&response(Some(10))).unwrap(),
        serde_json::to_vec(&response(None)).unwrap(),
        serde_json::to_vec(&Window { bytes: u32::MAX }).unwrap(),
        serde_json::to_vec(&Window { bytes: 5 }).unwrap(),
        serde_json::to_vec(&Reset { code: ResetCode::Cancelled }).unwrap(),
        serde_json::to_vec(&PeerLoad::default()).unwrap(),
        Vec::new(),
        b"{}".to_vec(),
    ]);
    let built = (0..12_u8, 0..4_u32, heads, prop::collection::vec(any::<u8>(), 0..200)).prop_map(
        |(kind, stream, head, body)| {
            let mut wire = vec![kind];
            wire.extend(stream.to_be_bytes());
            wire.extend((head.len() as u16).to_be_bytes());
            wire.extend(head);
            wire.extend(body);
            wire
        },
    );
    prop_oneof![4 => built, 1 => prop::collection::vec(any::<u8>(), 0..100)]
}

fn any_frame() -> impl Strategy<Value = (Outgoing, Frame)> {
    let body = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20_000), 0..3);
    (1..=u32::MAX, 0..10_usize, body, any::<(u32, u64, bool, String)>()).prop_map(
        |(stream, kind, pieces, (number, long, flag, text))| {
            let body: Vec<Bytes> = pieces.iter().cloned().map(Bytes::from).collect();
            let joined = Bytes::from(pieces.concat());
            let load = PeerLoad { running: number, epoch: long, draining: flag, ..PeerLoad::default() };
            let none = Bytes::new();
            let (kind, head, body, content) = match kind {
                0 => {
                    let open = Open { call_id: text, deadline_ms: flag.then_some(long), ..open(long) };
                    (Kind::Open, head(&open).unwrap(), body, Content::Open(Box::new(open), joined))
                }
                1 => (Kind::Data, none, body, Content::Data(joined)),
                2 => (Kind::End, none, Vec::new(), Content::End),
                3 => (Kind::Accepted, none, Vec::new(), Content::Accepted),
                4 => {
                    let response = Response { load: Some(load), ..response(flag.then_some(long)) };
                    (
                        Kind::Response,
                        head(&response).unwrap(),
                        body,
                        Content::Response(Box::new(response), joined),
                    )
                }
                5 => {
                    let refused = Refused { code: 400, message: text, load: flag.then_some(load) };
                    (Kind::Refused, head(&refused).unwrap(), Vec::new(), Content::Refused(refused))
                }
                6 => {
                    let reset = Reset { code: ResetCode::BrokeOff };
                    (Kind::Reset, head(&reset).unwrap(), Vec::new(), Content::Reset(reset))
                }
                7 => {
                    let window = Window { bytes: number };
                    (Kind::Window, head(&window).unwrap(), Vec::new(), Content::Window(window))
                }
                8 => (Kind::Probe, none, Vec::new(), Content::Probe),
                _ => (Kind::Load, head(&load).unwrap(), Vec::new(), Content::Load(load)),
            };
            (Outgoing { kind, stream, head, body }, Frame { stream, content })
        },
    )
}
