//! The life of one caller: it has at most one call in flight, and never stops by itself.

use std::{
    cell::RefCell,
    convert::Infallible,
    net::SocketAddr,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use tokio::{
    select,
    time::{Sleep, sleep, sleep_until},
};

use super::{
    Plan,
    failure::Failure,
    link::{Answer, Link, OPEN_TIMEOUT, exchange},
    pace::{Pace, counted_start},
    tally::Tally,
};

/// Pause after a connection could not be opened, so that a server that is down does not make us spin.
const REOPEN_PAUSE: Duration = Duration::from_millis(10);

/// One caller of a thread; its counts are the thread's.
pub(super) struct Caller {
    pub(super) plan: Arc<Plan>,
    pub(super) address: SocketAddr,
    pub(super) pace: Option<Pace>,
    pub(super) tally: Rc<RefCell<Tally>>,
}

impl Caller {
    /// Calls over one connection, beginning with `link`, and opens another whenever it is lost.
    pub(super) async fn keep_calling(mut self, mut link: Option<Link>) -> Infallible {
        // One timer for all calls: moving its deadline onward is far cheaper than arming a new one.
        let mut timer = pin!(sleep(self.plan.timeout));
        loop {
            let opened = match link.take() {
                Some(link) => Ok(link),
                None => Link::open(self.address, Instant::now() + OPEN_TIMEOUT).await,
            };
            match opened {
                Ok(link) => link.converse(async |sender| self.use_up(sender, timer.as_mut()).await).await,
                Err(failure) => {
                    self.tally.borrow_mut().fail(failure);
                    sleep(REOPEN_PAUSE).await;
                }
            }
        }
    }

    /// Opens a connection for each call; its latency holds that of connecting.
    pub(super) async fn call_anew(mut self) -> Infallible {
        let mut timer = pin!(sleep(self.plan.timeout));
        loop {
            let start = self.next_start().await;
            let call = async {
                let link = Link::open(self.address, Instant::now() + OPEN_TIMEOUT).await?;
                link.converse(async |sender| exchange(sender, &self.plan.template).await).await
            };
            if self.observe(start, timer.as_mut(), call).await.is_err() {
                sleep(REOPEN_PAUSE).await;
            }
        }
    }

    /// Calls until the connection is lost. A server may close between two calls; that is no failure.
    async fn use_up(&mut self, sender: &mut SendRequest<Full<Bytes>>, mut timer: Pin<&mut Sleep>) {
        loop {
            let start = self.next_start().await;
            if sender.ready().await.is_err() {
                return;
            }
            let call = exchange(sender, &self.plan.template);
            if self.observe(start, timer.as_mut(), call).await.is_err() {
                return;
            }
        }
    }

    /// Waits for `call`, no longer than the plan allows, and counts how it ended.
    async fn observe(
        &self,
        start: Instant,
        mut timer: Pin<&mut Sleep>,
        call: impl Future<Output = Result<Answer, Failure>>,
    ) -> Result<(), Failure> {
        self.tally.borrow_mut().begin();
        timer.as_mut().reset(tokio::time::Instant::now() + self.plan.timeout);
        let outcome = select! {
            biased;
            outcome = call => outcome,
            () = timer => Err(Failure::Timeout),
        };
        let mut tally = self.tally.borrow_mut();
        match outcome {
            Ok(Answer { status, received_bytes }) => {
                tally.answer(status, start.elapsed(), self.plan.template.body_bytes(), received_bytes);
                Ok(())
            }
            Err(failure) => {
                tally.break_off(failure);
                Err(failure)
            }
        }
    }

    /// Waits until the next call is due and gives the start from which its latency counts.
    async fn next_start(&mut self) -> Instant {
        let now = Instant::now();
        let Some(pace) = &mut self.pace else { return now };
        let intended = pace.advance();
        let is_idle = now < intended;
        if is_idle {
            sleep_until(intended.into()).await;
        }
        counted_start(intended, is_idle, Instant::now())
    }
}
