//! How a node gets in: it greets addresses until each has answered, and learns from the answers who is
//! there, how it is seen itself, and which generation it must exceed.

use std::net::SocketAddr;
use std::time::Duration;

use rand::seq::IndexedRandom;

use super::{Membership, encode};
use crate::agenda::Chore;
use crate::copies::Repeat;
use crate::identity::Identity;
use crate::message::{Hello, Welcome};
use crate::seal::{Kind, To};
use crate::settings::OwnAddress;
use crate::time::Time;

/// The first wait for an answer; each later one is half as long again.
const GREET_AGAIN: Duration = Duration::from_millis(400);
const GREET_GROWTH: f64 = 1.5;
/// The longest wait while nobody is known.
const GREET_ALONE_MAX: Duration = Duration::from_secs(4);
/// The longest wait for a seed that does not answer a node that has already joined: that seed may be in a
/// part of the cluster that knows nothing of this one.
const GREET_JOINED_MAX: Duration = Duration::from_secs(30);
/// Seeds and addresses to join that are greeted at a time; further ones are refused.
const GREETINGS_MAX: usize = 64;
/// A node that was asked to join through an address gives that up after this time; seeds are greeted for ever.
const JOIN_SPAN: Duration = Duration::from_secs(60);
/// A node that heard nothing for so many periods of probing and pulses, of several datagrams each, asks how it
/// is seen.
const DEAF_PERIODS: u32 = 3;
/// Members asked, beside the seeds; any one of them may be dead.
const ASKED_MAX: usize = 3;
/// A greeting is sent twice from the start: no loss is measured before a member is known.
const GREETING: Repeat = Repeat::times(2);

/// An address that has not answered yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Greeting {
    attempts: u16,
    next_at: Time,
    /// `None` for a seed.
    until: Option<Time>,
}

impl Membership {
    /// Joins the cluster that the node at `address` is in, beside the seeds of the settings. It is greeted
    /// until it answers, for a minute at most. Returns whether there was room for one more.
    pub fn join(&mut self, address: SocketAddr, now: Time) -> bool {
        self.now = now;
        let is_seed = self.settings.seeds.contains(&address);
        self.begin_greeting(address, (!is_seed).then_some(now + JOIN_SPAN))
    }

    fn begin_greeting(&mut self, address: SocketAddr, until: Option<Time>) -> bool {
        let has_room = self.greetings.len() < GREETINGS_MAX || self.greetings.contains_key(&address);
        if has_room && !self.has_left() {
            self.greetings.insert(address, Greeting { attempts: 0, next_at: self.now, until });
            self.agenda.no_later_than(Chore::Greet, self.now);
        }
        has_room
    }

    /// Greets the seeds that are not being greeted already, and no longer those that were seeds once.
    pub(super) fn greet_seeds(&mut self, now: Time) {
        self.now = now;
        let seeds = self.settings.seeds.clone();
        self.greetings.retain(|address, greeting| greeting.until.is_some() || seeds.contains(address));
        for seed in seeds {
            if !self.greetings.contains_key(&seed) {
                self.begin_greeting(seed, None);
            }
        }
    }

    /// Greets whom it is time to greet.
    pub(super) fn greet(&mut self) {
        let now = self.now;
        self.greetings.retain(|_, greeting| greeting.until.is_none_or(|until| until > now));
        let due: Vec<SocketAddr> = self
            .greetings
            .iter()
            .filter(|(_, greeting)| greeting.next_at <= now)
            .map(|(address, _)| *address)
            .collect();
        for address in due {
            self.say_hello(address);
            let longest = if self.foca.num_members() == 0 { GREET_ALONE_MAX } else { GREET_JOINED_MAX };
            if let Some(mut greeting) = self.greetings.get(&address).copied() {
                let wait = GREET_AGAIN.mul_f64(GREET_GROWTH.powi(i32::from(greeting.attempts.min(16))));
                let wait = wait.min(longest);
                greeting.attempts = greeting.attempts.saturating_add(1);
                greeting.next_at = self.soon(wait.mul_f64(0.8), wait.mul_f64(1.2));
                self.greetings.insert(address, greeting);
            }
        }
        if let Some(next_at) = self.greetings.values().map(|greeting| greeting.next_at).min() {
            self.agenda.no_later_than(Chore::Greet, next_at);
        }
    }

    pub(super) fn say_hello(&mut self, to: SocketAddr) {
        let hello = Hello { from: self.identity(), to };
        self.send_datagram(to, Kind::Hello, To::Anybody, &encode(&hello), GREETING);
    }

    pub(super) fn hear_hello(&mut self, from: SocketAddr, hello: &Hello) {
        if hello.from.node == self.node_id() {
            // A seed list may name this node too.
            self.greetings.remove(&hello.to);
            return;
        }
        // While nobody is known, a better address may come with the next greeting: the first one may have
        // been sent from this very machine.
        let is_alone = self.foca.num_members() == 0;
        if !self.identity().is_reachable() || (is_alone && self.finds_its_address()) {
            self.adopt_address(hello.to, None);
        }
        let known = self.foca.iter_membership_state().find(|member| member.id().node == hello.from.node);
        let known_generation = known
            .filter(|member| {
                member.id().generation() >= hello.from.generation() && *member.id() != hello.from
            })
            .map(|member| member.id().generation());
        let welcome = Welcome { from: self.identity(), observed: from, known_generation };
        let whom = To::Node(hello.from.node);
        self.send_datagram(from, Kind::Welcome, whom, &encode(&welcome), GREETING);
    }

    /// Only an answer that was asked for counts, so an old one that is sent again finds nobody waiting.
    pub(super) fn hear_welcome(&mut self, from: SocketAddr, welcome: &Welcome) {
        if self.greetings.remove(&from).is_none() && !self.is_dialled_elsewhere(welcome) {
            return;
        }
        if welcome.from.node == self.node_id() || !welcome.from.is_reachable() {
            return;
        }
        let is_lost = !self.identity().is_reachable() || self.foca.num_members() == 0 || self.is_deaf();
        if is_lost || welcome.known_generation.is_some() {
            self.adopt_address(welcome.observed, welcome.known_generation);
        }
        let seed = welcome.from;
        self.drive_surely(|foca, effects| foca.announce(seed, effects));
        self.push_pull_with(seed);
        if self.foca.num_members() == 0 {
            // The seed answers but the join may still fail on the way.
            self.join(from, self.now);
            self.delay_greeting(from);
        }
    }

    /// A seed with several addresses answers from another one than it was greeted at; it is in the list
    /// under the one that it is known by.
    fn is_dialled_elsewhere(&mut self, welcome: &Welcome) -> bool {
        self.greetings.remove(&welcome.from.address()).is_some()
    }

    fn delay_greeting(&mut self, address: SocketAddr) {
        let next_at = self.now + GREET_AGAIN * 2;
        if let Some(greeting) = self.greetings.get_mut(&address) {
            *greeting = Greeting { attempts: 1, next_at, ..*greeting };
        }
    }

    /// Asks how this node is seen, if nothing comes in where the others think that it is. One that moved
    /// without a pause is heard as before, so nobody takes it for dead, and nobody would tell it.
    pub(super) fn ask_where_it_is(&mut self) {
        if !self.is_deaf() || self.has_left() {
            return;
        }
        let mut asked = self.settings.seeds.clone();
        let known: Vec<SocketAddr> = self.others().map(|member| member.id().address()).collect();
        asked.extend(known.sample(&mut self.rng, ASKED_MAX));
        for address in asked {
            if !self.greetings.contains_key(&address) {
                self.join(address, self.now);
            }
        }
    }

    /// The answer to a greeting comes to wherever that was sent from; all else comes to the own address.
    fn is_deaf(&self) -> bool {
        let silence = self.now.since(self.heard_at);
        self.finds_its_address() && silence > self.profile().probe_period() * DEAF_PERIODS
    }

    /// Another address for this node, from now on: the others take it for the same node that has moved.
    pub fn move_to(&mut self, address: OwnAddress, now: Time) {
        self.now = now;
        self.address = address;
        if let OwnAddress::Given(address) = address {
            self.adopt_address(address, None);
        }
    }

    fn finds_its_address(&self) -> bool {
        matches!(self.address, OwnAddress::Observed { .. })
    }

    /// Takes the address that another node sees, where none was given, and a generation above `exceed`.
    pub(super) fn adopt_address(&mut self, observed: SocketAddr, exceed: Option<u32>) {
        let own = self.identity();
        let address = match self.address {
            OwnAddress::Given(address) => address,
            OwnAddress::Observed { port } => SocketAddr::new(observed.ip(), port.unwrap_or(observed.port())),
        };
        let least = exceed.map_or(own.generation(), |known| known.max(own.generation()));
        if Identity::new(own.node, address, least) == own {
            return;
        }
        let adopted = Identity::new(own.node, address, least.saturating_add(1));
        if adopted != own {
            self.heard_at = self.now;
            self.drive_surely(|foca, effects| foca.change_identity(adopted, effects));
            self.tell_record();
        }
    }
}
