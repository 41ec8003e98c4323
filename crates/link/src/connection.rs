//! One connection: the streams behind a short lock, and the driver that moves their frames.

mod driver;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use protocol::NodeId;
use protocol::peer::{Open, PeerLoad, Refused, ResetCode, Response};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

pub(crate) use self::driver::Driver;
use crate::bounds::STREAMS_MAX;
use crate::frame::Frame;
use crate::malformed::Malformed;
use crate::mux::{Event, Full, Mux, Role};
use crate::stats::Counters;

/// What the owner of a connection does as frames come in.
pub(crate) trait Side: Send + Sync + 'static {
    /// A job came.
    fn opened(&self, connection: &Arc<Connection>, stream: u32, open: Box<Open>, cancel: CancellationToken);
    /// The load of this node.
    fn load(&self) -> PeerLoad;
    /// The peer told its load.
    fn loaded(&self, peer: NodeId, load: PeerLoad);
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The peer closed it, or its process or machine went away and its system said so. All that it had sent
    /// has been read.
    #[error("the peer closed the link")]
    Closed,
    /// The peer gave no sign of life, or the network failed: what it sent last is not known.
    #[error("the peer gave no sign of life")]
    Silent,
    /// The peer did not speak the protocol.
    #[error("the peer does not speak the protocol")]
    Malformed,
    /// The peer refused the handshake, and looked at nothing else.
    #[error("the peer refused the handshake")]
    Refused,
    /// This side gave it up.
    #[error("the link was given up")]
    GivenUp,
}

impl Lost {
    /// Whether all that the peer had sent has been read: a job of which it had not said that it will run
    /// does not run.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Closed | Self::Refused)
    }
}

/// What the shell keeps with a stream.
#[derive(Debug, Default)]
pub(crate) struct Tag {
    pub(crate) answer: Answer,
    /// ACCEPTED came, or went out.
    pub(crate) accepted: bool,
    /// Who waits for the answer, or for more of a body to read.
    pub(crate) reader: Option<Waker>,
    /// Who waits for ACCEPTED to be handed to the socket, or for room for more of a body.
    pub(crate) writer: Option<Waker>,
    /// The job that a callee runs.
    pub(crate) cancel: Option<CancellationToken>,
}

/// What a caller heard of its job.
#[derive(Debug, Default)]
pub(crate) enum Answer {
    #[default]
    None,
    Response(Box<Response>),
    Refused(Refused),
    Reset(ResetCode),
    /// Given to who asked for it.
    Taken,
}

pub(crate) struct Connection {
    pub(crate) peer: NodeId,
    state: Mutex<State>,
    driver: AtomicWaker,
    pub(crate) side: Box<dyn Side>,
    pub(crate) counters: Arc<Counters>,
    /// Jobs that run for the peer, also those that it has given up and that have not ended yet.
    pub(crate) jobs: AtomicUsize,
    closing: AtomicBool,
    /// Cancelled when the connection has ended.
    pub(crate) ended: CancellationToken,
}

pub(crate) struct State {
    pub(crate) mux: Mux<Tag>,
    pub(crate) probes: HashMap<u32, oneshot::Sender<PeerLoad>>,
    pub(crate) lost: Option<Lost>,
}

impl Connection {
    pub(crate) fn new(role: Role, peer: NodeId, side: Box<dyn Side>, counters: Arc<Counters>) -> Arc<Self> {
        let state = State { mux: Mux::new(role), probes: HashMap::new(), lost: None };
        Arc::new(Self {
            peer,
            state: Mutex::new(state),
            driver: AtomicWaker::new(),
            side,
            counters,
            jobs: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            ended: CancellationToken::new(),
        })
    }

    /// Nothing panics while it holds the lock; if something did, the streams would be as good as before.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is to be sent.
    pub(crate) fn wake(&self) {
        self.driver.wake();
    }

    pub(crate) fn lost(&self) -> Option<Lost> {
        self.lock().lost
    }

    /// Whether a new stream may be opened on it.
    pub(crate) fn is_usable(&self) -> bool {
        let state = self.lock();
        state.lost.is_none() && !state.mux.is_exhausted() && !self.closing.load(Ordering::Relaxed)
    }

    /// Closes it as soon as no stream is open.
    pub(crate) fn close_when_idle(&self) {
        self.closing.store(true, Ordering::Relaxed);
        self.wake();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    pub(crate) fn open(&self, head: Bytes, body: VecDeque<Bytes>) -> Result<u32, Full> {
        let mut state = self.lock();
        if state.lost.is_some() {
            return Err(Full);
        }
        let stream = state.mux.open(head, body, Tag::default())?;
        drop(state);
        self.wake();
        Ok(stream)
    }

    /// Nobody wants to know of a job any more.
    pub(crate) fn abandon(&self, stream: u32) {
        let mut state = self.lock();
        let tag = state.mux.abandon(stream);
        let reset = state.mux.has_frames();
        drop(state);
        if tag.is_some() && (reset || self.is_closing()) {
            self.wake();
        }
    }

    /// Asks for the load; the answer comes through the channel, which breaks with the connection.
    pub(crate) fn probe(&self) -> Result<(u32, oneshot::Receiver<PeerLoad>), Full> {
        let mut state = self.lock();
        if state.lost.is_some() || state.probes.len() >= STREAMS_MAX {
            return Err(Full);
        }
        let stream = state.mux.probe()?;
        let (sender, receiver) = oneshot::channel();
        state.probes.insert(stream, sender);
        drop(state);
        self.wake();
        Ok((stream, receiver))
    }

    /// Nobody waits for the answer to a probe any more.
    pub(crate) fn forget_probe(&self, stream: u32) {
        self.lock().probes.remove(&stream);
    }

    /// Takes a frame in and wakes who waits for it.
    fn take(self: &Arc<Self>, frame: Frame) -> Result<(), Malformed> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let mut load = None;
        let mut probe = None;
        let waker = match state.mux.receive(frame)? {
            Event::Opened(stream, open) => {
                let cancel = CancellationToken::new();
                if let Some(tag) = state.mux.tag(stream) {
                    tag.cancel = Some(cancel.clone());
                }
                drop(guard);
                self.side.opened(self, stream, open, cancel);
                return Ok(());
            }
            Event::Accepted(stream) => state.mux.tag(stream).and_then(|tag| {
                tag.accepted = true;
                tag.writer.take()
            }),
            Event::Answered(stream, mut response) => {
                load = response.load.take();
                state.answer(stream, Answer::Response(response))
            }
            Event::Refused(stream, mut refused) => {
                load = refused.load.take();
                state.answer(stream, Answer::Refused(refused))
            }
            Event::Reset(stream, code) => state.answer(stream, Answer::Reset(code)),
            Event::Readable(stream) => state.mux.tag(stream).and_then(|tag| tag.reader.take()),
            Event::Cancelled(tag) => {
                drop(guard);
                tag.wake_all();
                return Ok(());
            }
            Event::Probed(stream) => {
                drop(guard);
                self.tell_load(stream);
                return Ok(());
            }
            Event::Loaded(stream, told) => {
                load = Some(told);
                probe = state.probes.remove(&stream);
                None
            }
            Event::Granted(_) | Event::Late => None,
        };
        drop(guard);
        if let Some(load) = load {
            self.side.loaded(self.peer, load);
            if let Some(probe) = probe {
                // Who asked may have given up waiting.
                let _ = probe.send(load);
            }
        }
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Tells this node's load: as the answer to a probe, or unasked on stream 0.
    pub(crate) fn tell_load(&self, stream: u32) {
        if let Ok(head) = crate::frame::head(&self.side.load()) {
            self.lock().mux.tell_load(stream, head);
            self.wake();
        }
    }

    /// The connection is gone: tells everybody.
    fn lose(&self, lost: Lost) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.lost = Some(lost);
        state.probes.clear();
        let tags: Vec<Tag> =
            state.mux.numbers().into_iter().filter_map(|id| state.mux.tag(id).map(Tag::split)).collect();
        state.mux.dissolve();
        drop(guard);
        tags.into_iter().for_each(Tag::wake_all);
        self.ended.cancel();
    }
}

impl State {
    fn answer(&mut self, stream: u32, answer: Answer) -> Option<Waker> {
        let tag = self.mux.tag(stream)?;
        tag.answer = answer;
        // Who waits for ACCEPTED learns from the answer, too.
        match (tag.reader.take(), tag.writer.take()) {
            (Some(reader), Some(writer)) => {
                writer.wake();
                Some(reader)
            }
            (reader, writer) => reader.or(writer),
        }
    }
}

impl Tag {
    /// Takes what is to be woken, and leaves what was heard.
    fn split(&mut self) -> Self {
        Self {
            reader: self.reader.take(),
            writer: self.writer.take(),
            cancel: self.cancel.take(),
            ..Self::default()
        }
    }

    fn wake_all(self) {
        if let Some(cancel) = self.cancel {
            cancel.cancel();
        }
        if let Some(reader) = self.reader {
            reader.wake();
        }
        if let Some(writer) = self.writer {
            writer.wake();
        }
    }
}
