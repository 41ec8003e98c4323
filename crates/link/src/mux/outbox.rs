use super::{Mux, Role};
use crate::body::Part;
use crate::bounds::{CONTROL_BURST, DATA_BYTES_MAX};
use crate::frame::{Kind, Outgoing};

impl<T: Default> Mux<T> {
    /// The next frame to be sent. Small frames go first; bodies take turns, a frame each, and get one after
    /// [`CONTROL_BURST`] small frames at the latest.
    pub fn next_frame(&mut self) -> Option<Outgoing> {
        if self.burst < CONTROL_BURST
            && let Some(frame) = self.next_control()
        {
            self.burst += 1;
            return Some(frame);
        }
        self.burst = 0;
        self.next_body().or_else(|| self.next_control())
    }

    /// Whether [`Self::next_frame`] would give one.
    pub fn has_frames(&self) -> bool {
        !self.control.is_empty() || !self.turns.is_empty()
    }

    /// Whether all that is to be sent is small, and no body has its turn.
    pub fn has_small_frames_only(&self) -> bool {
        !self.control.is_empty() && self.turns.is_empty()
    }

    fn next_control(&mut self) -> Option<Outgoing> {
        let frame = self.control.pop_front()?;
        if matches!(frame.kind, Kind::Open | Kind::Response)
            && let Some(stream) = self.streams.get_mut(&frame.stream)
        {
            stream.head_sent = true;
            self.take_turn(frame.stream);
        }
        Some(frame)
    }

    fn next_body(&mut self) -> Option<Outgoing> {
        while let Some(id) = self.turns.pop_front() {
            let Some(stream) = self.streams.get_mut(&id) else {
                continue;
            };
            stream.waits_for_turn = false;
            let Some(part) = stream.outgoing.take(DATA_BYTES_MAX) else {
                continue;
            };
            if self.role == Role::Callee && stream.outgoing.is_through() {
                self.streams.remove(&id);
            } else {
                self.take_turn(id);
            }
            return Some(match part {
                Part::Data(body) => {
                    Outgoing { kind: Kind::Data, stream: id, head: bytes::Bytes::new(), body }
                }
                Part::End => Outgoing::bare(Kind::End, id, bytes::Bytes::new()),
            });
        }
        None
    }

    /// Puts a stream at the end of the turns if it has something to send.
    pub(super) fn take_turn(&mut self, id: u32) {
        if let Some(stream) = self.streams.get_mut(&id)
            && stream.head_sent
            && !stream.waits_for_turn
            && stream.outgoing.is_ready()
        {
            stream.waits_for_turn = true;
            self.turns.push_back(id);
        }
    }
}
