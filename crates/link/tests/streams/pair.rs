//! Two ends, and the frames between them.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode};
use link::bounds::{CREDIT_BYTES, DATA_BYTES_MAX};
use link::frame::{Content, Frame, Outgoing, head};
use link::mux::{Event, Mux, Read, Role};
use protocol::peer::{Open, Response, Window};

pub(crate) fn open(length: u64) -> Open {
    Open {
        function: "echo".parse().unwrap(),
        method: Method::POST,
        path: "/".parse().unwrap(),
        headers: HeaderMap::new(),
        call_id: String::new(),
        tracing_id: None,
        task_type: 0,
        hops: 1,
        visited: Vec::new(),
        deadline_ms: None,
        idempotent: false,
        body_length: length,
    }
}

pub(crate) fn response(length: Option<u64>) -> Response {
    Response {
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        nodes: Vec::new(),
        execution_seconds: None,
        body_length: length,
        load: None,
    }
}

/// A body whose bytes tell their place, cut as asked.
pub(crate) fn cut(bytes: usize, cuts: &[usize]) -> VecDeque<Bytes> {
    let mut rest: Bytes = (0..bytes).map(|index| (index % 251) as u8).collect::<Vec<_>>().into();
    let mut pieces = VecDeque::new();
    for &cut in cuts {
        pieces.push_back(rest.split_to(cut.min(rest.len())));
    }
    pieces.push_back(rest);
    pieces
}

/// One job of the model: what goes, what comes back, and how.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) call: usize,
    pub(crate) reply: usize,
    pub(crate) cuts: Vec<usize>,
    pub(crate) length_known: bool,
}

/// What the callee still has to send, and what both have read.
#[derive(Default)]
pub(crate) struct Progress {
    to_send: VecDeque<Bytes>,
    pub(crate) call: Vec<u8>,
    pub(crate) reply: Vec<u8>,
    responded: bool,
    finished: bool,
}

/// Both ends, the frames between them, and the credit that each has at most.
pub(crate) struct Pair {
    pub(crate) caller: Mux<()>,
    pub(crate) callee: Mux<()>,
    pub(crate) there: VecDeque<Bytes>,
    pub(crate) back: VecDeque<Bytes>,
    pub(crate) jobs: BTreeMap<u32, (Job, Progress)>,
    pub(crate) credit: HashMap<(bool, u32), i64>,
}

pub(crate) fn encoded(frame: &Outgoing) -> Bytes {
    let mut wire = BytesMut::new();
    frame.encode(&mut wire);
    assert_eq!(wire.len(), frame.encoded_bytes());
    wire.freeze()
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self {
            caller: Mux::new(Role::Caller),
            callee: Mux::new(Role::Callee),
            there: VecDeque::new(),
            back: VecDeque::new(),
            jobs: BTreeMap::new(),
            credit: HashMap::new(),
        }
    }

    pub(crate) fn start(&mut self, job: Job) {
        let body = cut(job.call, &job.cuts);
        let stream = self.caller.open(head(&open(job.call as u64)).unwrap(), body, ()).unwrap();
        let progress = Progress { to_send: cut(job.reply, &job.cuts), ..Progress::default() };
        self.jobs.insert(stream, (job, progress));
    }

    /// Counts what a side sends against the credit that it was given.
    pub(crate) fn sent(&mut self, by_caller: bool, frame: &Outgoing) {
        let bytes: usize = frame.body.iter().map(Bytes::len).sum();
        assert!(bytes <= DATA_BYTES_MAX);
        let credit = self.credit.entry((by_caller, frame.stream)).or_insert(i64::from(CREDIT_BYTES));
        *credit -= bytes as i64;
        assert!(*credit >= 0, "more than the credit was sent");
    }

    pub(crate) fn send(&mut self, by_caller: bool) -> bool {
        let side = if by_caller { &mut self.caller } else { &mut self.callee };
        let Some(frame) = side.next_frame() else { return false };
        self.sent(by_caller, &frame);
        let wire = encoded(&frame);
        if by_caller { &mut self.there } else { &mut self.back }.push_back(wire);
        true
    }

    pub(crate) fn deliver(&mut self, to_callee: bool) -> bool {
        let queue = if to_callee { &mut self.there } else { &mut self.back };
        let Some(wire) = queue.pop_front() else { return false };
        let frame = Frame::decode(wire).unwrap();
        if let Content::Window(Window { bytes }) = frame.content {
            // It is credit for what the side that gets it sends.
            *self.credit.get_mut(&(!to_callee, frame.stream)).unwrap() += i64::from(bytes);
        }
        let side = if to_callee { &mut self.callee } else { &mut self.caller };
        let event = side.receive(frame).unwrap();
        if let Event::Opened(stream, open) = event {
            assert_eq!(open.body_length, self.jobs[&stream].0.call as u64);
            self.callee.accept(stream).unwrap();
        }
        true
    }

    /// Reads a piece of each body, and answers jobs whose body has been read.
    pub(crate) fn work(&mut self, stream: u32) -> bool {
        let Some((job, progress)) = self.jobs.get_mut(&stream) else { return false };
        let mut worked = false;
        if let Read::Piece(piece) = self.callee.read(stream) {
            progress.call.extend_from_slice(&piece);
            worked = true;
        }
        if let Read::Piece(piece) = self.caller.read(stream) {
            progress.reply.extend_from_slice(&piece);
            worked = true;
        }
        if progress.call.len() < job.call || !self.callee.is_accepted(stream) || progress.finished {
            return worked;
        }
        if !progress.responded {
            let length = job.length_known.then_some(job.reply as u64);
            let head = head(&response(length)).unwrap();
            let first = progress.to_send.pop_front().into_iter().collect();
            self.callee.respond(stream, head, length, first).unwrap();
            progress.responded = true;
            progress.finished = job.length_known && progress.to_send.iter().all(Bytes::is_empty);
            return true;
        }
        if !self.callee.has_room(stream).unwrap() {
            return worked;
        }
        match progress.to_send.pop_front() {
            Some(piece) => self.callee.send(stream, piece).unwrap(),
            None => {
                self.callee.finish(stream).unwrap();
                progress.finished = true;
            }
        }
        progress.finished |= job.length_known && progress.to_send.iter().all(Bytes::is_empty);
        true
    }

    pub(crate) fn settle(&mut self) {
        let streams: Vec<u32> = self.jobs.keys().copied().collect();
        loop {
            let mut moved = false;
            for side in [true, false] {
                while self.send(side) {
                    moved = true;
                }
                while self.deliver(side) {
                    moved = true;
                }
            }
            for &stream in &streams {
                moved |= self.work(stream);
            }
            if !moved {
                return;
            }
        }
    }
}

/// A pair with a job of this size under way that the callee has seen.
pub(crate) fn under_way(call: usize) -> Pair {
    let mut pair = Pair::new();
    pair.start(Job { call, reply: 0, cuts: Vec::new(), length_known: true });
    while pair.send(true) {}
    while pair.deliver(true) {}
    pair
}
