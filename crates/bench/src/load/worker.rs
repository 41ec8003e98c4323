//! One thread of callers.

use std::{
    cell::{Cell, RefCell},
    io,
    net::SocketAddr,
    ops::Range,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use tokio::{
    runtime::{Builder, LocalOptions},
    select,
    sync::Barrier,
    task::spawn_local,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    Plan,
    caller::Caller,
    link::{Link, OPEN_TIMEOUT},
    pace::Pace,
    tally::Tally,
};

/// Connections of a thread being opened at once; more would overflow the server's backlog, and what the
/// kernel drops there returns a second later.
const OPENING_AT_ONCE: usize = 64;
/// How long opening all connections may take; those that miss it are opened while measuring.
const OPENING_MAX: Duration = Duration::from_secs(30);

/// Some of a plan's connections, and when they begin and end.
pub(super) struct Worker {
    pub(super) plan: Arc<Plan>,
    pub(super) address: SocketAddr,
    pub(super) connections: Range<usize>,
    pub(super) all_open: Arc<Barrier>,
    pub(super) stop: CancellationToken,
}

impl Worker {
    /// Measures on the calling thread, until the plan's time is over or `stop` is cancelled. Calls then in
    /// flight are dropped.
    pub(super) fn run(self) -> io::Result<Tally> {
        let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
        let tally = Rc::new(RefCell::new(Tally::default()));
        let begun = Cell::new(None);
        runtime.block_on(async {
            select! {
                () = self.stop.cancelled() => {}
                () = self.measure(&tally, &begun) => {}
            }
        });
        let mut tally = tally.take();
        tally.elapsed = begun.get().map_or(Duration::ZERO, |begun: Instant| begun.elapsed());
        Ok(tally)
    }

    async fn measure(&self, tally: &Rc<RefCell<Tally>>, begun: &Cell<Option<Instant>>) {
        let links = self.open_links(tally).await;
        self.all_open.wait().await;
        let begin = Instant::now();
        begun.set(Some(begin));
        for (index, link) in self.connections.clone().zip(links) {
            let pace = self.plan.rate.map(|rate| Pace::new(begin, rate, index, self.plan.connections.get()));
            let caller =
                Caller { plan: self.plan.clone(), address: self.address, pace, tally: tally.clone() };
            if self.plan.new_connections {
                spawn_local(caller.call_anew());
            } else {
                spawn_local(caller.keep_calling(link));
            }
        }
        sleep(self.plan.duration).await;
    }

    /// Opens a connection for each caller before the clock starts; a caller without one opens its own.
    async fn open_links(&self, tally: &RefCell<Tally>) -> Vec<Option<Link>> {
        if self.plan.new_connections {
            return self.connections.clone().map(|_| None).collect();
        }
        let last = Instant::now() + OPENING_MAX;
        stream::iter(self.connections.clone())
            .map(async |_| match Link::open(self.address, last.min(Instant::now() + OPEN_TIMEOUT)).await {
                Ok(link) => Some(link),
                Err(failure) => {
                    tally.borrow_mut().fail(failure);
                    None
                }
            })
            .buffer_unordered(OPENING_AT_ONCE)
            .collect()
            .await
    }
}
