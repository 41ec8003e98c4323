//! One event after the other: a host is handed what arrives, and what it asks for is carried out.

use std::time::Duration;

use membership::{ExchangeId, Membership, Output, Time};
use protocol::NodeId;
use protocol::nodes::NodeState;

use super::{Cluster, Event, OVERHEARD_MAX, Sight};

impl Cluster {
    pub(super) fn happen(&mut self, event: Event) {
        let index = event.host();
        if self.hosts[index].stalled_until > self.now {
            self.put_off(event);
            return;
        }
        if matches!(event, Event::Wake(_))
            && self.hosts[index].wake_at.take_if(|at| *at == self.now).is_none()
        {
            // An earlier waking took this one's place.
            return;
        }
        let now = Time::after_epoch(self.now);
        let from_address =
            if let Event::Datagram { from, .. } = event { Some(self.address(from)) } else { None };
        let Some(core) = &mut self.hosts[index].core else {
            return self.happen_to_the_dead(event);
        };
        match event {
            Event::Wake(_) => {
                if core.wake_at().is_some_and(|at| at <= now) {
                    core.tick(now);
                }
            }
            Event::Datagram { bytes, .. } => {
                if let Some(from) = from_address {
                    core.receive(from, &bytes, now);
                }
            }
            Event::Request { from, exchange, bytes, .. } => {
                let answer = core.serve(&bytes, now).ok();
                self.send_answer(index, from, exchange, answer);
            }
            Event::Answer { exchange, bytes, .. } => core.answered(exchange, bytes.as_deref(), now),
        }
        self.settle(index);
    }

    /// A stalled node finds its datagrams first and its timers after them.
    fn put_off(&mut self, event: Event) {
        let host = event.host();
        let until = self.hosts[host].stalled_until;
        if !matches!(event, Event::Wake(_)) {
            self.events.add(until, event);
        } else if self.hosts[host].wake_at.take_if(|at| *at == self.now).is_some() {
            self.wake(host, until + Duration::from_nanos(1));
        }
    }

    fn happen_to_the_dead(&mut self, event: Event) {
        if let Event::Request { from, to, exchange, .. } = event {
            self.send_answer(to, from, exchange, None);
        }
    }

    fn send_answer(&mut self, from: usize, to: usize, exchange: ExchangeId, bytes: Option<Vec<u8>>) {
        let length = bytes.as_ref().map_or(0, Vec::len);
        let (delay, bytes) = match self.network.stream(from, to, length, false) {
            Ok(delay) => (delay, bytes),
            Err(delay) => (delay, None),
        };
        self.events.add(self.now + delay, Event::Answer { to, exchange, bytes });
    }

    /// Carries out what a node asks for.
    pub(super) fn settle(&mut self, host: usize) {
        while let Some(output) = self.hosts[host].core.as_mut().and_then(Membership::output) {
            self.carry_out(host, output);
        }
        let Some(core) = &self.hosts[host].core else { return };
        let members = core.member_count();
        let wake_at = core.wake_at();
        if !self.hosts[host].has_left {
            self.members_seen = self.members_seen + members - self.hosts[host].members;
            self.hosts[host].members = members;
        }
        if let Some(at) = wake_at {
            self.wake(host, at.since_epoch().max(self.now));
        }
    }

    fn carry_out(&mut self, host: usize, output: Output) {
        match output {
            Output::Send { to, datagram } => {
                let to = self.host_at(to);
                self.note(host, to, &datagram);
                self.overhear(&datagram);
                if to < self.hosts.len() {
                    for delay in self.network.datagram(host, to) {
                        let bytes = datagram.clone();
                        self.events.add(self.now + delay, Event::Datagram { from: host, to, bytes });
                    }
                }
            }
            Output::Dial { exchange, to, request } => {
                let to = self.host_at(to);
                self.note(host, to, &request);
                self.overhear(&request);
                let event = match self.network.stream(host, to, request.len(), true) {
                    Ok(delay) if to < self.hosts.len() => {
                        (delay, Event::Request { from: host, to, exchange, bytes: request })
                    }
                    Ok(delay) | Err(delay) => (delay, Event::Answer { to: host, exchange, bytes: None }),
                };
                self.events.add(self.now + event.0, event.1);
            }
            Output::Changed { id, .. } => self.observe(host, id),
            Output::Removed { .. } => {}
        }
    }

    fn observe(&mut self, observer: usize, id: NodeId) {
        let Some(core) = &self.hosts[observer].core else { return };
        let state = core.state_of(id);
        if let Some(watched) = &mut self.watched
            && observer != watched.host
            && self.hosts[watched.host].id == id
        {
            let sees = match watched.what {
                Sight::Gone => matches!(state, Some(NodeState::Dead | NodeState::Left)),
                Sight::Record(stamp) => core.record_stamp(id).is_some_and(|held| held >= stamp),
            };
            if sees && watched.seen[observer].is_none() && self.hosts[observer].is_up() {
                watched.seen[observer] = Some(self.now);
                watched.missing -= 1;
            }
        }
        if self.counts_false_deaths && state == Some(NodeState::Dead) {
            let is_false = self.hosts.iter().any(|host| host.id == id && host.is_up());
            self.false_deaths += u64::from(is_false);
        }
    }

    fn overhear(&mut self, bytes: &[u8]) {
        if self.overheard.len() == OVERHEARD_MAX {
            self.overheard.pop_front();
        }
        self.overheard.push_back(bytes.to_vec());
    }

    /// Folds a message into the trace: when, between whom, how long, and its random nonce.
    fn note(&mut self, from: usize, to: usize, bytes: &[u8]) {
        let head =
            bytes.iter().take(11).fold(0_u64, |hash, byte| hash << 8 ^ u64::from(*byte) ^ (hash >> 56));
        for part in [self.now.as_nanos() as u64, from as u64, to as u64, bytes.len() as u64, head] {
            self.trace = (self.trace ^ part).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17);
        }
    }
}
