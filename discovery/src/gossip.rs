//! The shell around [`membership::Membership`]: one task, the keeper, owns it; everybody else asks that task.

mod inputs;
mod keeper;
mod reports;
mod socket;
mod stats;
mod streams;
mod watchers;

use std::net::SocketAddr;
use std::sync::Arc;

use membership::{CannotForget, ExchangeId};
use protocol::NodeId;
use protocol::nodes::{NodeList, NodeReport};
use tokio::sync::{mpsc, oneshot};

pub(crate) use inputs::Inputs;
pub(crate) use keeper::{Clock, Keeper};
pub(crate) use reports::BadReport;
pub(crate) use socket::{GossipSocket, bind};
pub(crate) use stats::{Figures, StateCounts, Stats};
pub(crate) use streams::listen;
pub(crate) use watchers::{Subscription, TooManyWatchers, WatcherId};

/// Requests that wait for the keeper, which answers each in well under a millisecond. Who finds it full waits.
const COMMANDS_MAX: usize = 256;

/// What is asked of the keeper.
pub(crate) enum Command {
    Nodes(oneshot::Sender<NodeList>),
    Watch(oneshot::Sender<Result<Subscription, TooManyWatchers>>),
    Unwatch(WatcherId),
    Report { from: WatcherId, report: NodeReport, answer: oneshot::Sender<Result<(), BadReport>> },
    Join { addresses: Vec<SocketAddr>, answer: oneshot::Sender<Vec<SocketAddr>> },
    Forget { id: NodeId, answer: oneshot::Sender<Result<(), CannotForget>> },
    Reset(oneshot::Sender<usize>),
    Serve { request: Vec<u8>, answer: oneshot::Sender<Option<Vec<u8>>> },
    Answered { exchange: ExchangeId, answer: Option<Vec<u8>> },
    Leave(oneshot::Sender<()>),
}

/// The way to the keeper.
#[derive(Clone)]
pub(crate) struct Gossip {
    commands: mpsc::Sender<Command>,
    stats: Arc<Stats>,
}

/// The keeper has ended: the service is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the gossip has stopped")]
pub(crate) struct Stopped;

impl Gossip {
    /// A way to a keeper that does not run yet, and its end of it.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Command>) {
        let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
        (Self { commands, stats: Arc::default() }, receiver)
    }

    /// The figures for metrics and health.
    pub(crate) fn stats(&self) -> &Arc<Stats> {
        &self.stats
    }

    /// All nodes.
    pub(crate) async fn nodes(&self) -> Result<NodeList, Stopped> {
        self.ask(Command::Nodes).await
    }

    /// Begins to watch the nodes.
    pub(crate) async fn watch(&self) -> Result<Result<Subscription, TooManyWatchers>, Stopped> {
        self.ask(Command::Watch).await
    }

    /// Ends a watch; a report that came by it counts for a moment more.
    pub(crate) async fn unwatch(&self, id: WatcherId) {
        // Without a keeper there is nothing to end.
        let _ = self.commands.send(Command::Unwatch(id)).await;
    }

    /// What the scheduler says about this node.
    pub(crate) async fn report(
        &self,
        from: WatcherId,
        report: NodeReport,
    ) -> Result<Result<(), BadReport>, Stopped> {
        self.ask(|answer| Command::Report { from, report, answer }).await
    }

    /// Joins through these addresses; answers those for which there was room.
    pub(crate) async fn join(&self, addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Stopped> {
        self.ask(|answer| Command::Join { addresses, answer }).await
    }

    /// Forgets a node that is dead or has left.
    pub(crate) async fn forget(&self, id: NodeId) -> Result<Result<(), CannotForget>, Stopped> {
        self.ask(|answer| Command::Forget { id, answer }).await
    }

    /// Forgets all that are dead or have left, and greets the seeds anew; answers how many were forgotten.
    pub(crate) async fn reset(&self) -> Result<usize, Stopped> {
        self.ask(Command::Reset).await
    }

    /// Answers a request on a stream; `None` for one that is refused.
    pub(crate) async fn serve(&self, request: Vec<u8>) -> Result<Option<Vec<u8>>, Stopped> {
        self.ask(|answer| Command::Serve { request, answer }).await
    }

    /// Hands in the answer to a request that the keeper made.
    pub(crate) async fn answered(&self, exchange: ExchangeId, answer: Option<Vec<u8>>) {
        let _ = self.commands.send(Command::Answered { exchange, answer }).await;
    }

    /// Says good-bye to all; returns when that has been said often enough.
    pub(crate) async fn leave(&self) -> Result<(), Stopped> {
        self.ask(Command::Leave).await
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Stopped> {
        let (sender, answer) = oneshot::channel();
        self.commands.send(command(sender)).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }
}
