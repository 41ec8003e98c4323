use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;
use pin_project_lite::pin_project;

/// A future that wakes itself so often in a row lets other tasks go first.
const POLLS_MAX: usize = 3;

const IDLE: u8 = 0;
const POLLED: u8 = 1;
const WOKEN: u8 = 2;

/// Stands between a future and the task that polls it.
#[derive(Default)]
struct Between {
    task: AtomicWaker,
    state: AtomicU8,
}

pin_project! {
    /// See [`poll_again_if_woken`].
    #[must_use = "futures do nothing unless they are polled"]
    pub struct PollAgain<F> {
        #[pin]
        future: F,
        between: Arc<Between>,
        waker: Waker,
    }
}

/// Polls `future` again at once where it is woken while it is polled.
///
/// hyper wakes the task of a connection, from within, when the handler asks for the body. tokio takes a task that
/// wakes itself for one that steps back in favour of others: it goes to the end of the queue, and an idle thread is
/// woken to help with it. That is a system call for each request, and the request goes on on another core.
pub fn poll_again_if_woken<F: Future>(future: F) -> PollAgain<F> {
    let between = Arc::new(Between::default());
    let waker = Waker::from(Arc::clone(&between));
    PollAgain { future, between, waker }
}

impl<F: Future> Future for PollAgain<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        this.between.task.register(cx.waker());
        for _ in 0..POLLS_MAX {
            this.between.state.store(POLLED, Ordering::Release);
            if let Poll::Ready(output) = this.future.as_mut().poll(&mut Context::from_waker(this.waker)) {
                return Poll::Ready(output);
            }
            if this.between.state.swap(IDLE, Ordering::AcqRel) != WOKEN {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Wake for Between {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let while_polled = self.state.compare_exchange(POLLED, WOKEN, Ordering::AcqRel, Ordering::Acquire);
        if while_polled == Err(IDLE) {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Counts how often a task was woken.
    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Task {
        fn woken(&self) -> usize {
            self.0.swap(0, Ordering::Relaxed)
        }
    }

    #[test]
    fn who_wakes_itself_once_is_polled_again_and_its_task_not_woken() {
        let (task, polls) = (Arc::new(Task::default()), Cell::new(0));
        let once = poll_fn(|cx| {
            polls.set(polls.get() + 1);
            if polls.get() == 1 {
                cx.waker().wake_by_ref();
            }
            Poll::<()>::Pending
        });
        let mut once = pin!(poll_again_if_woken(once));
        assert!(once.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&task)))).is_pending());
        assert_eq!((polls.get(), task.woken()), (2, 0));
    }

    #[test]
    fn who_wakes_itself_for_ever_lets_others_go_first() {
        let (task, polls) = (Arc::new(Task::default()), Cell::new(0));
        let for_ever = poll_fn(|cx| {
            polls.set(polls.get() + 1);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        let mut for_ever = pin!(poll_again_if_woken(for_ever));
        assert!(
            for_ever.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&task)))).is_pending()
        );
        assert_eq!((polls.get(), task.woken()), (POLLS_MAX, 1));
    }

    #[test]
    fn who_is_woken_while_it_waits_wakes_its_task_each_time_it_was_polled() {
        let (task, waker) = (Arc::new(Task::default()), RefCell::new(None));
        let waiting = poll_fn(|cx| {
            *waker.borrow_mut() = Some(cx.waker().clone());
            Poll::<()>::Pending
        });
        let mut waiting = pin!(poll_again_if_woken(waiting));
        for _ in 0..2 {
            assert!(
                waiting.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&task)))).is_pending()
            );
            assert_eq!(task.woken(), 0);
            waker.take().unwrap().wake();
            assert_eq!(task.woken(), 1);
        }
    }
}
