use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use membership::{Membership, Output, Settings, Time};
use protocol::NodeId;
use protocol::nodes::{NodeState, WatchMessage};
use tokio::sync::{mpsc, oneshot, watch};

use super::reports::Reports;
use super::stats::{Figures, StateCounts};
use super::streams;
use super::watchers::Watchers;
use super::{Command, Gossip, GossipSocket, Inputs, Stats};

/// Datagrams handed in before what is due is done, so that a flood cannot put that off for ever. A node that
/// was stalled for seconds finds fewer.
const ARRIVED_MAX: usize = 4096;
/// The longest sleep, of a node alone without seeds.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// Pause after a socket's error that is not about one datagram, so that a broken socket costs no core.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// The time that the gossip is told: Unix time at the start, carried on by the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    epoch: Duration,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), epoch }
    }

    pub(crate) fn now(&self) -> Time {
        Time::after_epoch(self.epoch + self.start.elapsed())
    }

    fn instant(&self, time: Time) -> Instant {
        self.start + time.since_epoch().saturating_sub(self.epoch).min(self.start.elapsed() + SLEEP_MAX)
    }
}

/// The task that owns the gossip.
pub(crate) struct Keeper {
    core: Membership,
    settings: Settings,
    clock: Clock,
    socket: GossipSocket,
    gossip: Gossip,
    commands: mpsc::Receiver<Command>,
    inputs: watch::Receiver<Inputs>,
    known: Inputs,
    watchers: Watchers,
    reports: Reports,
    states: BTreeMap<NodeId, NodeState>,
    counts: StateCounts,
    sends_failed: u64,
    leavers: Vec<oneshot::Sender<()>>,
}

impl Keeper {
    pub(crate) fn new(
        core: Membership,
        settings: Settings,
        clock: Clock,
        socket: GossipSocket,
        (gossip, commands): (Gossip, mpsc::Receiver<Command>),
        mut inputs: watch::Receiver<Inputs>,
    ) -> Self {
        let known = inputs.borrow_and_update().clone();
        let mut keeper = Self {
            core,
            settings,
            clock,
            socket,
            gossip,
            commands,
            inputs,
            known,
            watchers: Watchers::default(),
            reports: Reports::default(),
            states: BTreeMap::new(),
            counts: StateCounts::default(),
            sends_failed: 0,
            leavers: Vec::new(),
        };
        keeper.describe();
        keeper
    }

    /// Keeps the gossip going until it is dropped.
    pub(crate) async fn run(mut self) {
        if let Err(error) = self.socket.ready().await {
            tracing::error!(%error, "the gossip's socket is of no use");
        }
        loop {
            self.settle();
            let wake_at = self.wake_at();
            tokio::select! {
                received = self.socket.receive() => match received {
                    Ok((from, datagram)) => self.core.receive(from, datagram, self.clock.now()),
                    Err(error) => {
                        tracing::debug!(%error, "a datagram could not be received");
                        tokio::time::sleep(ERROR_PAUSE).await;
                    }
                },
                Some(command) = self.commands.recv() => self.obey(command),
                Ok(()) = self.inputs.changed() => self.take_inputs(),
                () = tokio::time::sleep_until(wake_at.into()) => {}
            }
            if wake_at <= Instant::now() {
                self.do_what_is_due();
            }
        }
    }

    fn wake_at(&self) -> Instant {
        let due = [self.core.wake_at(), self.reports.due_at()].into_iter().flatten().min();
        due.map_or_else(|| Instant::now() + SLEEP_MAX, |due| self.clock.instant(due))
    }

    /// A node that was stalled hears first what it was told meanwhile, or it would take the others for dead.
    fn do_what_is_due(&mut self) {
        for _ in 0..ARRIVED_MAX {
            let Ok((from, datagram)) = self.socket.receive_now() else { break };
            self.core.receive(from, datagram, self.clock.now());
        }
        let now = self.clock.now();
        self.reports.look(&mut self.core, now);
        self.core.tick(now);
    }

    fn obey(&mut self, command: Command) {
        let now = self.clock.now();
        match command {
            Command::Nodes(answer) => reply(answer, self.core.nodes()),
            Command::Watch(answer) => {
                // What is still to be told is in the snapshot already, and must not be told again.
                self.settle();
                let snapshot = WatchMessage::Snapshot(Box::new(self.core.nodes()));
                reply(answer, self.watchers.add(&snapshot));
            }
            Command::Unwatch(id) => {
                self.watchers.remove(id);
                self.reports.gone(id, now);
            }
            Command::Report { from, report, answer } => {
                let taken = self.reports.take(from, report, &self.known.own, &mut self.core, now);
                reply(answer, taken);
            }
            Command::Join { mut addresses, answer } => {
                addresses.retain(|address| self.core.join(*address, now));
                reply(answer, addresses);
            }
            Command::Forget { id, answer } => reply(answer, self.core.forget(id, now)),
            Command::Reset(answer) => reply(answer, self.reset()),
            Command::Serve { request, answer } => reply(answer, self.core.serve(&request, now).ok()),
            Command::Answered { exchange, answer } => self.core.answered(exchange, answer.as_deref(), now),
            Command::Leave(answer) => {
                self.reports.drain(&mut self.core, now);
                self.core.leave(now);
                self.leavers.push(answer);
            }
        }
    }

    fn reset(&mut self) -> usize {
        let now = self.clock.now();
        let ids: Vec<NodeId> = self.states.keys().copied().collect();
        let count = ids.into_iter().filter(|id| self.core.forget(*id, now).is_ok()).count();
        self.core.reconfigure(self.settings.clone(), now);
        count
    }

    fn take_inputs(&mut self) {
        let now = self.clock.now();
        let inputs = self.inputs.borrow_and_update().clone();
        let before = std::mem::replace(&mut self.known, inputs);
        if before.own != self.known.own {
            self.describe();
        }
        if before.address != self.known.address {
            self.core.move_to(self.known.address, now);
        }
        if before.keys != self.known.keys || before.seeds != self.known.seeds {
            self.settings.keys = self.known.key_ring();
            self.settings.seeds.clone_from(&self.known.seeds);
            self.core.reconfigure(self.settings.clone(), now);
        }
    }

    fn describe(&mut self) {
        let now = self.clock.now();
        if let Err(error) = self.reports.describe(&self.known.own, &mut self.core, now) {
            tracing::error!(%error, "the others go on with the description that they have");
        }
    }

    /// Carries out what the gossip asks for, and says what has changed.
    fn settle(&mut self) {
        while let Some(output) = self.core.output() {
            match output {
                Output::Send { to, datagram } => {
                    if let Err(error) = self.socket.send_now(to, &datagram) {
                        self.sends_failed += 1;
                        if error.kind() != io::ErrorKind::WouldBlock {
                            tracing::debug!(%to, %error, "a datagram could not be sent");
                        }
                    }
                }
                Output::Dial { exchange, to, request } => {
                    tokio::spawn(streams::ask(self.gossip.clone(), exchange, to, request));
                }
                Output::Changed { id, version } => self.show(id, version),
                Output::Removed { id, version } => self.show_removed(id, version),
            }
        }
        self.note_figures();
        if self.core.is_gone() {
            for leaver in self.leavers.drain(..) {
                reply(leaver, ());
            }
        }
    }

    fn show(&mut self, id: NodeId, version: u64) {
        let Some(node) = self.core.node(id) else {
            // It was forgotten right after.
            return self.show_removed(id, version);
        };
        if id != self.core.identity().node {
            let before = self.states.insert(id, node.state);
            self.counts.moved(before, Some(node.state));
            if before != Some(node.state) {
                tracing::info!(node = %id, address = %node.address, state = ?node.state, "a node is seen otherwise");
            }
        }
        self.watchers.tell(&WatchMessage::Changed { version, node: Box::new(node) });
    }

    fn show_removed(&mut self, id: NodeId, version: u64) {
        let before = self.states.remove(&id);
        self.counts.moved(before, None);
        self.watchers.tell(&WatchMessage::Removed { version, id });
    }

    fn note_figures(&self) {
        let stats: &Arc<Stats> = self.gossip.stats();
        stats.set(Figures {
            counters: self.core.counters(),
            loss: self.core.loss(),
            states: self.counts,
            members: self.core.member_count(),
            watchers: self.watchers.len(),
            watchers_dropped: self.watchers.dropped(),
            sends_failed: self.sends_failed,
        });
    }
}

/// Who asked may have gone; what was asked for is done all the same.
fn reply<T>(asker: oneshot::Sender<T>, answer: T) {
    let _ = asker.send(answer);
}
