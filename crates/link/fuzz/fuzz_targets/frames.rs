//! Whatever a peer sends, no side of a link panics, and what reads as a frame is taken or refused.
//!
//! `cargo fuzz run frames`. The input is cut into messages: two bytes of length, then so many bytes; the first
//! byte chooses the side.

#![no_main]

use std::collections::VecDeque;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use link::frame::Frame;
use link::mux::{Event, Mux, Read, Role};

fuzz_target!(|input: &[u8]| {
    let Some((&side, mut rest)) = input.split_first() else { return };
    let role = if side & 1 == 0 { Role::Caller } else { Role::Callee };
    let mut mux: Mux<()> = Mux::new(role);
    if role == Role::Caller {
        for length in [0_usize, 10, 300_000] {
            let body = VecDeque::from([Bytes::from(vec![0; length])]);
            // The head is not looked at on this side.
            let _ = mux.open(Bytes::from_static(b"{}"), body, ());
        }
    }
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(after.len());
        let (message, after) = after.split_at(length);
        rest = after;
        let Ok(frame) = Frame::decode(Bytes::copy_from_slice(message)) else { return };
        let stream = frame.stream;
        match mux.receive(frame) {
            Ok(Event::Opened(stream, _)) => {
                if mux.accept(stream).is_ok() {
                    let _ = mux.respond(stream, Bytes::from_static(b"{}"), None, VecDeque::new());
                    let _ = mux.send(stream, Bytes::from(vec![0; 100_000]));
                    let _ = mux.finish(stream);
                }
            }
            Ok(_) => {}
            Err(_malformed) => return,
        }
        while let Read::Piece(_) = mux.read(stream) {}
        while mux.next_frame().is_some() {}
    }
});
