//! A task that those who wait for it poll, too.

use crate::held_waker::{HeldWaker, Hold};
use localmap::lock;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, TryLockError};
use std::task::{Context, Poll, Waker};

type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A task. Those who wait for something that it does may poll it in place, as far as that brings
/// forward what is waited for; its own tokio task does the rest. So most requests are answered
/// without a hand-off from one task to another and back.
pub(crate) struct HelpedTask {
    /// The future, or `None` once it has ended.
    future: Mutex<Option<Boxed>>,
    waker: Arc<HeldWaker>,
}

/// The tokio task. The future ends with it, if it is dropped with the runtime.
struct Own(Arc<HelpedTask>);

/// Somebody who polls a task in place. Until this is dropped, wake-ups of the task are held back.
pub(crate) struct Help {
    task: Arc<HelpedTask>,
    _hold: Hold,
}

impl HelpedTask {
    /// Spawns a task.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime.
    pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Arc<Self> {
        let task = Arc::new(Self {
            future: Mutex::new(Some(Box::pin(future))),
            waker: Arc::default(),
        });
        tokio::spawn(Own(Arc::clone(&task)));
        task
    }

    /// Begins to help the task.
    pub(crate) fn help(self: &Arc<Self>) -> Help {
        Help {
            task: Arc::clone(self),
            _hold: self.waker.hold(),
        }
    }

    /// Polls the task, unless somebody else does. A panic ends it.
    fn poll(&self) -> Poll<()> {
        let mut slot = match self.future.try_lock() {
            Ok(slot) => slot,
            Err(TryLockError::Poisoned(slot)) => slot.into_inner(),
            // Who does wakes the tokio task if there is more to do.
            Err(TryLockError::WouldBlock) => return Poll::Pending,
        };
        let Some(future) = slot.as_mut() else {
            return Poll::Ready(());
        };
        self.waker.begin_poll();
        let waker = Waker::from(Arc::clone(&self.waker));
        let mut context = Context::from_waker(&waker);
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut context)));
        if matches!(polled, Ok(Poll::Pending)) {
            return Poll::Pending;
        }
        *slot = None;
        Poll::Ready(())
    }
}

impl Help {
    /// Polls the task, unless somebody else does.
    pub(crate) fn poll(&self) {
        if self.task.poll().is_ready() {
            // The tokio task ends, too.
            self.task.waker.wake_now();
        }
    }
}

impl Future for Own {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.waker.set_task(context.waker());
        self.0.poll()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let future = lock(&self.0.future).take();
        drop(future);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use tokio::sync::{mpsc, oneshot};

    /// A task that counts what it receives.
    fn counting() -> (Arc<HelpedTask>, mpsc::UnboundedSender<()>, Arc<AtomicUsize>) {
        let (give, mut given) = mpsc::unbounded_channel();
        let count = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&count);
        let task = HelpedTask::spawn(async move {
            while given.recv().await.is_some() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        (task, give, count)
    }

    async fn until(count: &AtomicUsize, expected: usize) {
        while count.load(Ordering::SeqCst) != expected {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_helps_needs_no_tokio_task_and_others_need_no_help() {
        let (task, give, count) = counting();
        tokio::task::yield_now().await;
        let help = task.help();
        give.send(()).expect("it receives");
        help.poll();
        assert_eq!(count.load(Ordering::SeqCst), 1);
        drop(help);
        give.send(()).expect("it receives");
        until(&count, 2).await;
    }

    #[tokio::test]
    async fn what_a_helper_leaves_is_done_by_the_tokio_task() {
        let (task, give, count) = counting();
        tokio::task::yield_now().await;
        let help = task.help();
        give.send(()).expect("it receives");
        tokio::task::yield_now().await;
        assert_eq!(count.load(Ordering::SeqCst), 0);
        drop(help);
        until(&count, 1).await;
    }

    #[tokio::test]
    async fn a_panic_ends_the_task_and_not_its_helper() {
        let (held, dropped) = oneshot::channel::<()>();
        let task = HelpedTask::spawn(async move {
            let _held = held;
            std::panic::resume_unwind(Box::new("why"));
        });
        task.help().poll();
        assert!(dropped.await.is_err());
        task.help().poll();
    }

    #[test]
    fn the_future_ends_with_its_runtime() {
        let (held, dropped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.build().expect("a runtime");
        let task = runtime.block_on(async move {
            HelpedTask::spawn(async move {
                let _held = held;
                std::future::pending::<()>().await;
            })
        });
        drop(runtime);
        assert!(dropped.blocking_recv().is_err());
        task.help().poll();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nothing_is_lost_between_helpers_and_the_tokio_task() {
        let (task, give, count) = counting();
        let helpers = (0..4).map(|_| {
            let (task, give) = (Arc::clone(&task), give.clone());
            tokio::spawn(async move {
                for _ in 0..1_000 {
                    let help = task.help();
                    give.send(()).expect("it receives");
                    help.poll();
                    drop(help);
                    tokio::task::yield_now().await;
                }
            })
        });
        for helper in helpers.collect::<Vec<_>>() {
            helper.await.expect("it ends");
        }
        let all = tokio::time::timeout(Duration::from_secs(30), until(&count, 4_000));
        all.await.expect("all are counted");
    }
}
