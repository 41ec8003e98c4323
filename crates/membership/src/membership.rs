mod arrivals;
mod chores;
mod healing;
mod joining;
mod news;
mod nodes;
mod own_record;
mod pulse;
mod streams;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use foca::{NoCustomBroadcast, PostcardCodec, State};
use protocol::NodeId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

use crate::agenda::{Agenda, Chore};
use crate::copies::{Copies, Repeat};
use crate::counters::Counters;
use crate::effects::{Effects, Purpose};
use crate::identity::Identity;
use crate::probes::Probes;
use crate::publish::Publisher;
use crate::recent::Recent;
use crate::record::Description;
use crate::records::Records;
use crate::seal::{Kind, Seal, To};
use crate::settings::{OwnAddress, Profile, Settings};
use crate::time::Time;
use crate::timers::Timers;
use crate::view::View;

pub use nodes::CannotForget;
pub use own_record::DescriptionTooLong;
pub use streams::{Refused, STREAM_BYTES_MAX};

use healing::Verdict;
use joining::Greeting;
use pulse::Watched;
use streams::Exchange;

type Foca = foca::Foca<Identity, PostcardCodec, StdRng, NoCustomBroadcast>;

/// The caller drains after each input, which makes a few hundred outputs at most; this is for one that does
/// not.
const OUTPUTS_MAX: usize = 65_536;
/// Announcements come early or late by up to this part of their period.
const ANNOUNCE_JITTER: f64 = 0.5;

/// What a node starts with.
#[derive(Debug, Clone)]
pub struct Boot {
    /// The node's id, kept over restarts.
    pub node: NodeId,
    /// Larger than in any earlier life of this node. The Unix time in seconds serves: a node renews its
    /// generation less than once a second. After a clock that went back, the first seed that answers says
    /// from where to go on.
    pub generation: u32,
    /// Where the others reach this node.
    pub address: OwnAddress,
    /// Seeds the generator, which also makes the nonces of the seal: from the operating system.
    pub seed: [u8; 32],
}

/// Names an exchange on a stream between [`Output::Dial`] and [`Membership::answered`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId(u64);

/// What the caller has to do, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send one datagram.
    Send {
        /// Where to.
        to: SocketAddr,
        /// At most 1,400 bytes.
        datagram: Vec<u8>,
    },
    /// Connect, send the request, read one answer, and hand that to [`Membership::answered`].
    Dial {
        /// For the answer.
        exchange: ExchangeId,
        /// Where to, over TCP.
        to: SocketAddr,
        /// At most [`STREAM_BYTES_MAX`](crate::STREAM_BYTES_MAX) bytes.
        request: Vec<u8>,
    },
    /// Something about a node changed; [`Membership::node`] shows it.
    Changed {
        /// Which.
        id: NodeId,
        /// The version of the view with this change.
        version: u64,
    },
    /// A node was forgotten.
    Removed {
        /// Which.
        id: NodeId,
        /// The version of the view with this change.
        version: u64,
    },
}

/// One node's part in the gossip: who is in the cluster, and what each says about itself.
///
/// It has no socket and no clock. The caller hands in what arrives and what time it is, and after each call
/// carries out what [`output`](Self::output) yields until it yields nothing. At
/// [`wake_at`](Self::wake_at) it calls [`tick`](Self::tick); before that it hands in all datagrams that have
/// already arrived, or a node that was stalled would take the others for dead.
pub struct Membership {
    foca: Foca,
    settings: Settings,
    address: OwnAddress,
    seal: Seal,
    rng: StdRng,
    now: Time,
    effects: Effects,
    timers: Timers,
    agenda: Agenda,
    outputs: VecDeque<Output>,
    copies: Copies,
    recent: Recent,
    probes: Probes,
    view: View,
    counters: Counters,
    /// The own incarnation as the last message carried it; foca does not tell it otherwise.
    incarnation: u16,
    /// The cluster's size that foca is configured for.
    configured_for: usize,
    started_at: Time,
    /// Members that came, went or were renamed, ever: what an exchange brought is the difference.
    news: u64,
    gossiped_at: Time,

    greetings: BTreeMap<SocketAddr, Greeting>,
    exchanges: BTreeMap<ExchangeId, Exchange>,
    exchange_count: u64,
    quick_push_pulls: u8,
    /// Whom to push-pull with next.
    reunion: Option<Identity>,
    /// Nodes that came back from the dead since the last regular push-pull.
    returned: u8,
    restless_until: Time,
    verdicts: BTreeMap<NodeId, Verdict>,
    /// When nodes were last told that they are taken for dead.
    noticed: BTreeMap<NodeId, Time>,
    watched: Option<Watched>,
    pulsed_at: Time,
    /// When something last came in at the address that the others know.
    heard_at: Time,

    records: Records,
    publisher: Publisher,
    description: Arc<Description>,
    record_version: u32,
    spread_at: Time,
    leave_rounds_left: Option<u8>,
}

impl Membership {
    /// A node that knows nobody yet; it greets the seeds at the first [`tick`](Self::tick).
    pub fn new(settings: Settings, boot: Boot, now: Time) -> Self {
        let address = match boot.address {
            OwnAddress::Given(address) => address,
            OwnAddress::Observed { .. } => SocketAddr::from(([0, 0, 0, 0], 0)),
        };
        let identity = Identity::new(boot.node, address, boot.generation);
        let mut rng = StdRng::from_seed(boot.seed);
        let foca_rng = StdRng::from_rng(&mut rng);
        let foca = Foca::new(identity, settings.profile.foca_config(1), foca_rng, PostcardCodec);
        let mut membership = Self {
            foca,
            seal: Seal::new(settings.cluster.clone(), settings.keys.clone()),
            settings,
            address: boot.address,
            rng,
            now,
            effects: Effects::default(),
            timers: Timers::default(),
            agenda: Agenda::default(),
            outputs: VecDeque::new(),
            copies: Copies::default(),
            recent: Recent::default(),
            probes: Probes::default(),
            view: View::default(),
            counters: Counters::default(),
            incarnation: 0,
            configured_for: 1,
            started_at: now,
            news: 0,
            gossiped_at: Time::default(),
            greetings: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            exchange_count: 0,
            quick_push_pulls: 0,
            reunion: None,
            returned: 0,
            restless_until: Time::default(),
            verdicts: BTreeMap::new(),
            noticed: BTreeMap::new(),
            watched: None,
            pulsed_at: now,
            heard_at: now,
            records: Records::default(),
            publisher: Publisher::new(),
            description: Arc::default(),
            record_version: 0,
            spread_at: Time::default(),
            leave_rounds_left: None,
        };
        membership.greet_seeds(now);
        membership.plan_push_pull(now);
        membership.agenda_soon(Chore::Pulse, 0, 1000);
        membership
    }

    /// The next thing to do; `None` until the next input.
    pub fn output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`tick`](Self::tick) next; `None` for a node alone without seeds.
    pub fn wake_at(&self) -> Option<Time> {
        [self.timers.next_at(), self.agenda.next_at(), self.copies.next_at()].into_iter().flatten().min()
    }

    /// Who this node is now. The generation grows when it rejoins.
    pub fn identity(&self) -> Identity {
        *self.foca.identity()
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Datagrams lost on the way, 0 to 1, as the probes show it.
    pub fn loss(&self) -> f64 {
        self.probes.loss.estimate()
    }

    /// Puts new settings in force: keys and seeds at once, the profile at the next start.
    pub fn reconfigure(&mut self, settings: Settings, now: Time) {
        let profile = self.settings.profile;
        self.seal = Seal::new(settings.cluster.clone(), settings.keys.clone());
        self.settings = Settings { profile, ..settings };
        self.greet_seeds(now);
    }

    fn profile(&self) -> Profile {
        self.settings.profile
    }

    fn node_id(&self) -> NodeId {
        self.foca.identity().node
    }

    /// Members and this node.
    fn cluster_size(&self) -> usize {
        self.foca.num_members() + 1
    }

    fn has_left(&self) -> bool {
        self.leave_rounds_left.is_some()
    }

    /// Lets foca act, then does what it asked for.
    fn drive(
        &mut self,
        act: impl FnOnce(&mut Foca, &mut Effects) -> foca_result::Result,
    ) -> foca_result::Result {
        let mut effects = std::mem::take(&mut self.effects);
        let result = act(&mut self.foca, &mut effects);
        for (after, timer) in effects.timers.drain(..) {
            let after = if is_announcement(&timer) { self.jittered(after) } else { after };
            self.timers.add(self.now + after, timer);
        }
        for send in effects.sends.drain(..) {
            let copies = self.probes.loss.copies();
            let repeat = match send.purpose {
                Purpose::Gossip => Repeat::ONCE,
                Purpose::Vital => Repeat::times(copies),
                Purpose::Ping(number) => Repeat::ping(copies, send.to.node, number),
            };
            self.send(send.to, Kind::Membership, &send.content, repeat);
        }
        for note in effects.notes.drain(..) {
            self.take_note(note);
        }
        self.effects = effects;
        result
    }

    /// Lets foca act where an error would be a fault of ours.
    fn drive_surely(&mut self, act: impl FnOnce(&mut Foca, &mut Effects) -> foca_result::Result) {
        if self.drive(act).is_err() {
            self.counters.internal_errors += 1;
        }
    }

    fn send(&mut self, to: Identity, kind: Kind, content: &[u8], repeat: Repeat) {
        if to.is_reachable() {
            self.send_datagram(to.address(), kind, To::Node(to.node), content, repeat);
        }
    }

    fn send_datagram(&mut self, to: SocketAddr, kind: Kind, whom: To, content: &[u8], repeat: Repeat) {
        let (datagram, _) = self.seal.close(kind, whom, content, &mut self.rng);
        if !self.copies.add(self.now, to, &datagram, repeat) {
            self.counters.overflows += 1;
        }
        self.put_out(to, datagram);
    }

    fn put_out(&mut self, to: SocketAddr, datagram: Vec<u8>) {
        self.counters.datagrams_sent += 1;
        self.counters.datagram_bytes_sent += datagram.len() as u64;
        self.push_output(Output::Send { to, datagram });
    }

    fn push_output(&mut self, output: Output) {
        if self.outputs.len() < OUTPUTS_MAX {
            self.outputs.push_back(output);
        } else {
            self.counters.overflows += 1;
        }
    }

    fn jittered(&mut self, span: Duration) -> Duration {
        let part: f64 = self.rng.random_range(1.0 - ANNOUNCE_JITTER..1.0 + ANNOUNCE_JITTER);
        span.mul_f64(part)
    }

    /// A random moment between `from` and `to` from now.
    fn soon(&mut self, from: Duration, to: Duration) -> Time {
        let part: f64 = self.rng.random_range(0.0..1.0);
        self.now + from + (to - from).mul_f64(part)
    }

    /// Active members, at random, at most `count`.
    fn random_members(&mut self, count: usize) -> Vec<Identity> {
        use rand::seq::IteratorRandom;
        let mut chosen: Vec<Identity> =
            self.foca.iter_members().map(|member| *member.id()).sample(&mut self.rng, count);
        // Reservoir sampling keeps the first ones in their places; the order must not say who they were.
        chosen.sort_unstable_by_key(|identity| identity.node);
        chosen
    }

    /// Everybody else that is known, in whatever state. Foca remembers the former lives of this node as well.
    fn others(&self) -> impl Iterator<Item = &foca::Member<Identity>> {
        let me = self.node_id();
        self.foca.iter_membership_state().filter(move |member| member.id().node != me)
    }

    fn is_suspected(&self, identity: &Identity, incarnation: u16) -> bool {
        self.foca.iter_membership_state().any(|member| {
            member.id() == identity && member.incarnation() == incarnation && member.state() == State::Suspect
        })
    }

    fn agenda_soon(&mut self, chore: Chore, from_ms: u64, to_ms: u64) {
        let at = self.soon(Duration::from_millis(from_ms), Duration::from_millis(to_ms));
        self.agenda.no_later_than(chore, at);
    }
}

/// Nodes that started together would announce together for ever, and a partition that heals between two
/// such moments would wait for the next.
fn is_announcement(timer: &foca::Timer<Identity>) -> bool {
    matches!(timer, foca::Timer::PeriodicAnnounce(_) | foca::Timer::PeriodicAnnounceDown(_))
}

/// What foca's calls return.
mod foca_result {
    pub(super) type Result = std::result::Result<(), foca::Error>;
}

/// The bytes of a message of ours. Its parts are all of bounded size, so encoding cannot fail; an empty
/// message is one that no node understands.
fn encode(message: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(message).unwrap_or_default()
}

/// The message of these bytes, all of them.
fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Some(message),
        _ => None,
    }
}
