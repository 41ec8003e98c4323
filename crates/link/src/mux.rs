//! The streams of one connection, for both of its sides. No I/O, no clock: frames go in, events and frames
//! come out.
//!
//! Who dialled is the caller and opens streams; the other side is the callee. A stream is open on the wire
//! until the callee's last frame of it, or the RESET of either: what comes for it later is passed over, for
//! the two sides learn of the end at different times.

mod callee;
mod caller;
mod outbox;

pub use self::callee::Ended;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use protocol::peer::{Open, PeerLoad, Refused, Reset, ResetCode, Response, Window};

use crate::body::{IncomingBody, OutgoingBody};
use crate::bounds::{CONTROL_FRAMES_MAX, STREAMS_MAX};
use crate::frame::{Content, Frame, Kind, Outgoing, head};
use crate::malformed::Malformed;

/// Which side of a connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Dialled, and hands jobs over.
    Caller,
    /// Was dialled, and takes jobs.
    Callee,
}

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opened,
    Accepted,
    Answered,
}

/// All streams of a connection. `T` is what the shell keeps with each.
#[derive(Debug)]
pub struct Mux<T> {
    role: Role,
    streams: BTreeMap<u32, Stream<T>>,
    /// The number of the newest stream or probe.
    last: u32,
    /// Frames that do not take turns.
    control: VecDeque<Outgoing>,
    /// Streams with a part of a body to send, in turn.
    turns: VecDeque<u32>,
    /// Frames without turn that went since the last with one.
    burst: u32,
}

#[derive(Debug)]
struct Stream<T> {
    phase: Phase,
    /// Nothing more of it will be sent or received.
    closed: bool,
    /// The frame has gone that its body follows.
    head_sent: bool,
    /// It has its turn in the outbox.
    waits_for_turn: bool,
    incoming: IncomingBody,
    outgoing: OutgoingBody,
    tag: T,
}

/// What came of a frame.
#[derive(Debug, PartialEq)]
pub enum Event<T> {
    /// A job came; its stream has been made.
    Opened(u32, Box<Open>),
    /// The job will run.
    Accepted(u32),
    /// The reply's head came; its body can be read.
    Answered(u32, Box<Response>),
    /// The job was not run.
    Refused(u32, Refused),
    /// There is more of a body to read, or it ended.
    Readable(u32),
    /// There may be room for more of a body to be sent.
    Granted(u32),
    /// The caller's stream was given up by the callee.
    Reset(u32, ResetCode),
    /// The callee's stream was given up by the caller, and is gone.
    Cancelled(T),
    /// The load is asked for.
    Probed(u32),
    /// The callee's load; 0 where it was not asked for.
    Loaded(u32, PeerLoad),
    /// It was for a stream that has ended.
    Late,
}

/// What a reader gets of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// The next piece.
    Piece(Bytes),
    /// Nothing yet.
    Pending,
    /// That was all.
    End,
    /// The stream is gone, and with it the rest.
    Gone,
}

/// No stream can be opened now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl<T: Default> Mux<T> {
    /// A connection without streams.
    pub fn new(role: Role) -> Self {
        Self {
            role,
            streams: BTreeMap::new(),
            last: 0,
            control: VecDeque::new(),
            turns: VecDeque::new(),
            burst: 0,
        }
    }

    /// Takes a frame in.
    ///
    /// # Errors
    /// The other side broke the protocol; the connection cannot go on.
    pub fn receive(&mut self, frame: Frame) -> Result<Event<T>, Malformed> {
        let Frame { stream, content } = frame;
        match (self.role, content) {
            (Role::Callee, Content::Open(open, body)) => self.opened(stream, open, body),
            (Role::Callee, Content::Probe) => self.number(stream).map(|()| Event::Probed(stream)),
            (Role::Callee, Content::Reset(_)) => self.known(stream).map(|()| self.cancelled(stream)),
            (Role::Caller, Content::Accepted) => self.accepted(stream),
            (Role::Caller, Content::Response(response, body)) => self.answered(stream, response, body),
            (Role::Caller, Content::Refused(refused)) => self.refused(stream, refused),
            (Role::Caller, Content::Reset(reset)) => self.given_up(stream, &reset),
            (Role::Caller, Content::Load(load)) if stream <= self.last => Ok(Event::Loaded(stream, load)),
            (_, Content::Data(body)) => self.data(stream, body),
            (_, Content::End) => self.end(stream),
            (_, Content::Window(window)) => self.granted(stream, window),
            (_, content) => Err(Malformed::OutOfPlace(kind(&content))),
        }
    }

    /// Reads on in a body, and returns credit for what was read.
    pub fn read(&mut self, id: u32) -> Read {
        let Some(stream) = self.streams.get_mut(&id) else {
            return Read::Gone;
        };
        let Some(piece) = stream.incoming.read() else {
            return match (stream.incoming.is_read(), stream.closed) {
                (true, _) => Read::End,
                (false, true) => Read::Gone,
                (false, false) => Read::Pending,
            };
        };
        if !stream.closed
            && let Some(bytes) = stream.incoming.credit_to_return()
            && let Ok(head) = head(&Window { bytes })
        {
            self.control.push_back(Outgoing::bare(Kind::Window, id, head));
        }
        Read::Piece(piece)
    }

    /// Bytes of an incoming body that are still to be read, where that is known.
    pub fn unread(&self, id: u32) -> Option<u64> {
        self.streams.get(&id)?.incoming.unread()
    }

    /// Whether all of an incoming body has been read.
    pub fn is_read(&self, id: u32) -> bool {
        self.streams.get(&id).is_some_and(|stream| stream.incoming.is_read())
    }

    /// Whether all of an incoming body has come, in one piece.
    pub fn is_whole(&self, id: u32) -> bool {
        self.streams.get(&id).is_some_and(|stream| stream.incoming.is_whole())
    }

    /// What the shell keeps with a stream.
    pub fn tag(&mut self, id: u32) -> Option<&mut T> {
        self.streams.get_mut(&id).map(|stream| &mut stream.tag)
    }

    /// Streams that someone holds or that have something to send.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Frames that wait to be sent without a turn.
    pub fn control_frames(&self) -> usize {
        self.control.len()
    }

    /// Whether the other side has to read before more may be taken from it.
    pub fn is_congested(&self) -> bool {
        self.control.len() >= CONTROL_FRAMES_MAX
    }

    /// Whether the first frame of a stream has been taken for sending.
    pub fn has_left(&self, id: u32) -> bool {
        self.streams.get(&id).is_some_and(|stream| stream.head_sent)
    }

    /// The numbers of all streams, in order.
    pub fn numbers(&self) -> Vec<u32> {
        self.streams.keys().copied().collect()
    }

    /// The connection is gone. What has come of a body can still be read, nothing else will happen.
    pub fn dissolve(&mut self) {
        self.control.clear();
        self.turns.clear();
        match self.role {
            Role::Callee => self.streams.clear(),
            Role::Caller => self.streams.values_mut().for_each(Stream::close),
        }
    }

    fn known(&self, id: u32) -> Result<(), Malformed> {
        if id == 0 || id > self.last { Err(Malformed::UnknownStream) } else { Ok(()) }
    }

    /// Checks and keeps the number of a new stream or probe.
    fn number(&mut self, id: u32) -> Result<(), Malformed> {
        if id <= self.last {
            return Err(Malformed::StreamUsed);
        }
        self.last = id;
        Ok(())
    }

    /// The stream, or none where it has ended.
    fn open_stream(&mut self, id: u32) -> Result<Option<&mut Stream<T>>, Malformed> {
        self.known(id)?;
        Ok(self.streams.get_mut(&id).filter(|stream| !stream.closed))
    }

    fn data(&mut self, id: u32, body: Bytes) -> Result<Event<T>, Malformed> {
        let role = self.role;
        let Some(stream) = self.open_stream(id)? else {
            return Ok(Event::Late);
        };
        if role == Role::Caller && stream.phase != Phase::Answered {
            return Err(Malformed::OutOfPlace(Kind::Data));
        }
        stream.incoming.receive(body)?;
        stream.close_when_answered(role);
        Ok(Event::Readable(id))
    }

    fn end(&mut self, id: u32) -> Result<Event<T>, Malformed> {
        let role = self.role;
        let Some(stream) = self.open_stream(id)? else {
            return Ok(Event::Late);
        };
        if role == Role::Caller && stream.phase != Phase::Answered {
            return Err(Malformed::OutOfPlace(Kind::End));
        }
        stream.incoming.end()?;
        stream.close_when_answered(role);
        Ok(Event::Readable(id))
    }

    fn granted(&mut self, id: u32, window: Window) -> Result<Event<T>, Malformed> {
        let Some(stream) = self.open_stream(id)? else {
            return Ok(Event::Late);
        };
        stream.outgoing.grant(window.bytes)?;
        self.take_turn(id);
        Ok(Event::Granted(id))
    }

    fn reset(&mut self, id: u32, code: ResetCode) {
        if let Ok(head) = head(&Reset { code }) {
            self.control.push_back(Outgoing::bare(Kind::Reset, id, head));
        }
    }
}

impl<T> Stream<T> {
    fn new(incoming: IncomingBody, outgoing: OutgoingBody, tag: T) -> Self {
        Self {
            phase: Phase::Opened,
            closed: false,
            head_sent: false,
            waits_for_turn: false,
            incoming,
            outgoing,
            tag,
        }
    }

    /// The callee's last frame ends the stream, whatever of the call's body was not sent.
    fn close_when_answered(&mut self, role: Role) {
        if role == Role::Caller && self.incoming.has_ended() {
            self.closed = true;
            self.outgoing = OutgoingBody::nothing();
        }
    }
}

fn kind(content: &Content) -> Kind {
    match content {
        Content::Open(..) => Kind::Open,
        Content::Data(_) => Kind::Data,
        Content::End => Kind::End,
        Content::Accepted => Kind::Accepted,
        Content::Response(..) => Kind::Response,
        Content::Refused(_) => Kind::Refused,
        Content::Reset(_) => Kind::Reset,
        Content::Window(_) => Kind::Window,
        Content::Probe => Kind::Probe,
        Content::Load(_) => Kind::Load,
    }
}
