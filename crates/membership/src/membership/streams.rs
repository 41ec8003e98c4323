//! Push-pull and fetches: what two nodes tell each other on a stream, which loses nothing.
//!
//! A push-pull is two requests of one node to another. The first carries a digest of each bucket and brings
//! what the other knows in the buckets that differ; the second carries what the other lacks, and brings the
//! descriptions that are lacking here. Between two nodes that agree the first one is all.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use foca::{Member, State};
use protocol::NodeId;
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::{ExchangeId, Membership, Output, decode, encode};
use crate::agenda::Chore;
use crate::compare::{BUCKETS_MAX, bucket_count, bucket_of, differing, digests, is_news};
use crate::identity::Identity;
use crate::message::{NodeEntry, Request, Response};
use crate::record::{DESCRIPTION_BYTES_MAX, Description};
use crate::seal::{Kind, Opened, Shut, To};
use crate::time::Time;

/// A request or an answer is never longer: 8,192 nodes of 64 bytes, and as much again of descriptions.
pub const STREAM_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of descriptions in one message; the rest is fetched later.
const DESCRIPTIONS_BYTES_MAX: usize = STREAM_BYTES_MAX / 2 - DESCRIPTION_BYTES_MAX;
/// Descriptions asked for at a time.
const WANTED_MAX: usize = 256;
/// Exchanges under way: the shell's connections. A push-pull that finds no room waits for the next one.
const EXCHANGES_MAX: usize = 8;
/// An exchange without an answer is given up.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(5);

const PUSH_PULL_SMALL: Duration = Duration::from_secs(10);
/// From this size on the push-pulls of all together are frequent enough at a third of the pace.
const LARGE_CLUSTER: usize = 256;
const PUSH_PULL_LARGE: Duration = Duration::from_secs(30);
/// One push-pull in so many goes to a node that is down, or to a seed: it heals partitions.
const ASTRAY_ONE_IN: u32 = 10;
/// An exchange that changed more members than this is followed by another soon: a partition heals, or many
/// join. So is one that failed.
const NEWS_FOR_ANOTHER: u64 = 4;
const ANOTHER_PAUSE_MS: (u64, u64) = (300, 700);
/// So many in a row at most, until a push-pull at the regular pace brings no such news.
const QUICK_MAX: u8 = 10;
const FETCH_AGAIN_MS: (u64, u64) = (300, 1000);
/// A record of a node that is no member is dropped after this time: its membership never came.
const ORPHAN_KEPT: Duration = Duration::from_secs(60);

/// An exchange that waits for its answer.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    to: Identity,
    nonce: u64,
    begun_at: Time,
    bucket_count: Option<usize>,
}

/// Why a request on a stream gets no answer: the connection is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request is not of this cluster, or not for this node, or malformed")]
pub struct Refused;

impl Membership {
    /// Answers a request that came in on a stream, at most [`STREAM_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// [`Refused`], which is counted and changes nothing.
    pub fn serve(&mut self, request: &[u8], now: Time) -> Result<Vec<u8>, Refused> {
        self.now = now;
        self.counters.stream_bytes_received += request.len() as u64;
        if self.has_left() {
            return Err(Refused);
        }
        if request.len() > STREAM_BYTES_MAX {
            self.count_shut(Shut::Malformed);
            return Err(Refused);
        }
        let me = self.node_id();
        let opened = self.seal.open(request, |_| To::Node(me)).map_err(|shut| {
            self.count_shut(shut);
            Refused
        })?;
        let is_request = opened.kind == Kind::Request;
        let Some(request) = decode::<Request>(&opened.content).filter(|_| is_request) else {
            self.counters.malformed += 1;
            return Err(Refused);
        };
        let (asker, response) = self.answer(request);
        let whom = To::Asker(asker.node, opened.nonce);
        let (bytes, _) = self.seal.close(Kind::Response, whom, &encode(&response), &mut self.rng);
        self.counters.stream_bytes_sent += bytes.len() as u64;
        Ok(bytes)
    }

    /// Takes the answer of an exchange, or `None` if there was none. One that came too late, or that is no
    /// answer to what was asked, is counted and changes nothing else.
    pub fn answered(&mut self, exchange: ExchangeId, answer: Option<&[u8]>, now: Time) {
        self.now = now;
        self.counters.stream_bytes_received += answer.map_or(0, <[u8]>::len) as u64;
        let Some(asked) = self.exchanges.remove(&exchange) else { return };
        let response = answer.and_then(|bytes| self.open_response(&asked, bytes));
        match (response, asked.bucket_count) {
            _ if self.has_left() => {}
            (Some(Response::Differences { buckets, entries }), Some(count)) => {
                self.take_differences(&asked, count, &buckets, &entries);
            }
            (Some(Response::Descriptions(descriptions)), None) => self.take_descriptions(descriptions),
            (_, bucket_count) => {
                self.counters.exchanges_failed += 1;
                if bucket_count.is_none() {
                    self.agenda_soon(Chore::Fetch, FETCH_AGAIN_MS.0, FETCH_AGAIN_MS.1);
                } else {
                    // The one before may have been about to bring more.
                    self.push_pull_again();
                }
            }
        }
    }

    pub(super) fn plan_push_pull(&mut self, now: Time) {
        let is_large = self.cluster_size() > LARGE_CLUSTER;
        let period = if is_large { PUSH_PULL_LARGE } else { PUSH_PULL_SMALL };
        self.now = now;
        let at = self.soon(period.mul_f64(0.8), period.mul_f64(1.2));
        self.agenda.set(Chore::PushPull, at);
    }

    /// Push-pulls with somebody, and forgets what has waited too long.
    pub(super) fn push_pull(&mut self) {
        self.plan_push_pull(self.now);
        if self.now < self.restless_until {
            self.agenda_soon(Chore::PushPull, ANOTHER_PAUSE_MS.0, ANOTHER_PAUSE_MS.1);
        } else {
            self.returned = 0;
        }
        self.give_up_late();
        let astray = self.foca.num_members() == 0 || self.rng.random_range(0..ASTRAY_ONE_IN) == 0;
        let seed = self.settings.seeds.choose(&mut self.rng).copied();
        if let Some(member) = self.reunion.take() {
            self.push_pull_with(member);
        } else if astray && let Some(down) = self.random_down() {
            self.push_pull_with(down);
        } else if let Some(seed) = seed.filter(|seed| astray && !self.is_member_at(*seed)) {
            self.join(seed, self.now);
        } else if let Some(member) = self.random_members(1).first() {
            self.push_pull_with(*member);
        }
    }

    pub(super) fn push_pull_with(&mut self, to: Identity) {
        let salt = self.rng.random();
        let entries = self.entries();
        let count = bucket_count(entries.len());
        let digests = digests(entries.iter(), salt, count);
        let request = Request::Compare { from: self.identity(), salt, digests };
        self.ask(to, &request, Some(count));
    }

    /// Asks for descriptions that are named but not known: their owner, or by chance somebody who heard.
    pub(super) fn fetch(&mut self) {
        let is_present = |node: &NodeId| self.foca.iter_members().any(|member| member.id().node == *node);
        let Some(first) = self.records.wanting().find(is_present) else { return };
        let owner = self.identity_of(first);
        let other = self.random_members(1).first().copied();
        let to = if self.rng.random_bool(0.5) { owner.or(other) } else { other.or(owner) };
        let wanted = self.wanted();
        let Some(to) = to else { return };
        let (entries, descriptions) = (vec![], vec![]);
        self.ask(to, &Request::Exchange { from: self.identity(), entries, descriptions, wanted }, None);
    }

    fn ask(&mut self, to: Identity, request: &Request, bucket_count: Option<usize>) {
        if self.exchanges.len() >= EXCHANGES_MAX || !to.is_reachable() || to.node == self.node_id() {
            self.counters.overflows += u64::from(self.exchanges.len() >= EXCHANGES_MAX);
            return;
        }
        let (request, nonce) =
            self.seal.close(Kind::Request, To::Node(to.node), &encode(request), &mut self.rng);
        self.exchange_count += 1;
        let exchange = ExchangeId(self.exchange_count);
        self.exchanges.insert(exchange, Exchange { to, nonce, begun_at: self.now, bucket_count });
        self.counters.exchanges_begun += 1;
        self.counters.stream_bytes_sent += request.len() as u64;
        self.push_output(Output::Dial { exchange, to: to.address(), request });
    }

    fn answer(&mut self, request: Request) -> (Identity, Response) {
        match request {
            Request::Compare { from, salt, digests: theirs } => {
                let count = theirs.len().clamp(1, BUCKETS_MAX);
                let entries = self.entries();
                let buckets = differing(&digests(entries.iter(), salt, count), &theirs);
                let is_in = |entry: &NodeEntry| buckets.contains(&(bucket_of(entry, count) as u16));
                let entries = entries.into_iter().filter(is_in).collect();
                self.take_entries(&[], from);
                (from, Response::Differences { buckets, entries })
            }
            Request::Exchange { from, entries, descriptions, wanted } => {
                self.take_entries(&entries, from);
                self.take_descriptions(descriptions);
                (from, Response::Descriptions(self.descriptions(wanted.into_iter().take(WANTED_MAX))))
            }
        }
    }

    fn open_response(&mut self, asked: &Exchange, bytes: &[u8]) -> Option<Response> {
        let whom = To::Asker(self.node_id(), asked.nonce);
        match self.seal.open(bytes, |_| whom) {
            Ok(Opened { kind: Kind::Response, content, .. }) => decode(&content),
            Ok(_) => None,
            Err(shut) => {
                self.count_shut(shut);
                None
            }
        }
    }

    fn take_differences(&mut self, asked: &Exchange, count: usize, buckets: &[u16], entries: &[NodeEntry]) {
        self.take_entries(entries, asked.to);
        let theirs: BTreeMap<NodeId, &NodeEntry> =
            entries.iter().map(|entry| (entry.member.id().node, entry)).collect();
        let is_in = |entry: &NodeEntry| buckets.contains(&(bucket_of(entry, count) as u16));
        let of_theirs = |entry: &NodeEntry| theirs.get(&entry.member.id().node).copied();
        let mut news = self.entries();
        news.retain(|entry| is_in(entry) && is_news(entry, of_theirs(entry)));
        let described =
            news.iter().filter(|entry| entry.record.is_some()).map(|entry| entry.member.id().node);
        let descriptions = self.descriptions(described);
        let wanted = self.wanted();
        if !news.is_empty() || !wanted.is_empty() {
            let request = Request::Exchange { from: self.identity(), entries: news, descriptions, wanted };
            self.ask(asked.to, &request, None);
        }
    }

    /// Applies what another node knows, and that it is there.
    fn take_entries(&mut self, entries: &[NodeEntry], from: Identity) {
        let news = self.news;
        let sender = Member::new(from, 0, State::Alive);
        self.take_opinions(entries.iter().map(|entry| entry.member.clone()).chain([sender]));
        for record in entries.iter().filter_map(|entry| entry.record) {
            self.take_record(record);
        }
        self.refresh_view();
        self.plan_another(self.news - news);
    }

    fn plan_another(&mut self, news: u64) {
        if news <= NEWS_FOR_ANOTHER {
            self.quick_push_pulls = 0;
        } else {
            self.push_pull_again();
        }
    }

    fn push_pull_again(&mut self) {
        if self.quick_push_pulls < QUICK_MAX {
            self.quick_push_pulls += 1;
            self.agenda_soon(Chore::PushPull, ANOTHER_PAUSE_MS.0, ANOTHER_PAUSE_MS.1);
        }
    }

    fn take_descriptions(&mut self, descriptions: Vec<(NodeId, Description)>) {
        for (node, description) in descriptions {
            if description.fits() && self.records.describe(node, &Arc::new(description)) {
                self.show_record(node);
            }
        }
        if self.records.wanting().next().is_some() {
            self.agenda_soon(Chore::Fetch, FETCH_AGAIN_MS.0, FETCH_AGAIN_MS.1);
        }
    }

    /// The descriptions of `nodes` that are known here, as many as fit.
    fn descriptions(&self, nodes: impl Iterator<Item = NodeId>) -> Vec<(NodeId, Description)> {
        let mut bytes = 0;
        let known = nodes.filter_map(|node| {
            let entry = self.records.of(node).filter(|entry| entry.is_complete())?;
            Some((node, entry.description.as_deref()?.clone()))
        });
        let fits = |(_, description): &(NodeId, Description)| {
            bytes += encode(description).len();
            bytes <= DESCRIPTIONS_BYTES_MAX
        };
        known.take_while(fits).collect()
    }

    fn wanted(&self) -> Vec<NodeId> {
        self.records.wanting().filter(|node| *node != self.node_id()).take(WANTED_MAX).collect()
    }

    /// Everything that is known here, this node included.
    fn entries(&self) -> Vec<NodeEntry> {
        let own = Member::new(self.identity(), self.incarnation, State::Alive);
        let members = self.others().cloned().chain([own]);
        let with_record = |member: Member<Identity>| {
            let record = self.records.of(member.id().node).map(|entry| entry.record);
            NodeEntry { member, record }
        };
        members.map(with_record).filter(|entry| entry.member.id().is_reachable()).collect()
    }

    pub(super) fn random_down(&mut self) -> Option<Identity> {
        let down: Vec<_> =
            self.others().filter(|member| member.state() == State::Down).map(|member| *member.id()).collect();
        down.choose(&mut self.rng).copied()
    }

    fn is_member_at(&self, address: SocketAddr) -> bool {
        self.foca.iter_members().any(|member| member.id().address() == address)
    }

    fn give_up_late(&mut self) {
        let (now, waiting) = (self.now, self.exchanges.len());
        self.exchanges.retain(|_, exchange| now.since(exchange.begun_at) < EXCHANGE_TIMEOUT);
        self.counters.exchanges_failed += (waiting - self.exchanges.len()) as u64;
        let (view, own) = (&self.view, self.foca.identity().node);
        self.records.retain(|node, entry| {
            node == own || view.of(node).is_some() || now.since(entry.heard_at) < ORPHAN_KEPT
        });
    }
}
