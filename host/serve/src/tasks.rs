//! Tasks that must end before the server does.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// Starts tasks, and counts those that are running.
#[derive(Default)]
pub(crate) struct Tasks {
    count: Arc<Count>,
}

#[derive(Default)]
struct Count {
    running: AtomicUsize,
    none_runs: Notify,
}

/// A running task, until this is dropped.
pub(crate) struct Running(Arc<Count>);

impl Tasks {
    /// Spawns a task. It counts as running until its future has been dropped, for whatever reason.
    pub(crate) fn spawn<F>(&self, task: F)
    where
        F: Future<Output: Send> + Send + 'static,
    {
        tokio::spawn(self.counted(task));
    }

    /// Starts a task that the caller polls. If the caller drops it before its end, it is spawned.
    /// So a task that ends soon is never handed to another thread, which takes longer than many
    /// guests.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime.
    pub(crate) fn start<F>(&self, task: F) -> InPlace<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        InPlace {
            task: Some(Box::pin(self.counted(task))),
            runtime: Handle::current(),
        }
    }

    fn counted<F: Future>(&self, task: F) -> impl Future<Output = F::Output> + use<F> {
        let running = self.begin();
        async move {
            let _running = running;
            task.await
        }
    }

    /// Counts a task that is not spawned here.
    pub(crate) fn begin(&self) -> Running {
        self.count.running.fetch_add(1, Ordering::AcqRel);
        Running(Arc::clone(&self.count))
    }

    /// Returns the number of running tasks.
    pub(crate) fn running(&self) -> usize {
        self.count.running.load(Ordering::Acquire)
    }

    /// Waits until no task is running.
    pub(crate) async fn ended(&self) {
        loop {
            // Must come before the count is read, so that a task that ends after that is noticed.
            let none_runs = self.count.none_runs.notified();
            if self.running() == 0 {
                return;
            }
            none_runs.await;
        }
    }
}

/// A task that its owner polls. It ends with an error if it panics.
pub(crate) struct InPlace<T: Send + 'static> {
    /// The task, or `None` once it has ended.
    task: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    runtime: Handle,
}

impl<T: Send + 'static> Future for InPlace<T> {
    type Output = Result<T, Box<dyn Any + Send>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(task) = &mut self.task else {
            return Poll::Pending;
        };
        // A task that has panicked is not polled again.
        let polled = catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(context)));
        let ended = match polled {
            Ok(polled) => Ok(ready!(polled)),
            Err(panic) => Err(panic),
        };
        self.task = None;
        Poll::Ready(ended)
    }
}

impl<T: Send + 'static> Drop for InPlace<T> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            self.runtime.spawn(task);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.none_runs.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn the_end_of_all_tasks_is_awaited_however_they_end() {
        let tasks = Tasks::default();
        tasks.ended().await;
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        tasks.spawn(async { 1 });
        tasks.spawn(async { assert!(tokio::task::try_id().is_none()) });
        tasks.spawn(ended);
        assert_eq!(tasks.running(), 3);
        let early = tokio::time::timeout(Duration::from_millis(20), tasks.ended());
        assert!(early.await.is_err());
        drop(end);
        tasks.ended().await;
        assert_eq!(tasks.running(), 0);
    }

    #[tokio::test]
    async fn a_task_in_place_ends_with_its_result_or_its_panic() {
        let tasks = Tasks::default();
        let returns = tasks.start(async { 1 });
        let panics = tasks.start(async { std::panic::resume_unwind(Box::new("why")) });
        assert_eq!(tasks.running(), 2);
        assert!(returns.await.is_ok_and(|result| result == 1));
        let panicked: Result<(), _> = panics.await;
        let why = panicked.expect_err("it panics");
        assert_eq!(why.downcast_ref(), Some(&"why"));
        assert_eq!(tasks.running(), 0);
    }

    #[tokio::test]
    async fn a_task_that_is_dropped_runs_to_its_end() {
        let tasks = Tasks::default();
        let (continues, goes_on) = tokio::sync::oneshot::channel();
        let (has_ended, ended) = tokio::sync::oneshot::channel();
        let mut task = tasks.start(async move {
            let _ = has_ended.send(goes_on.await);
        });
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut task).poll(&mut context).is_pending());
        drop(task);
        assert_eq!(tasks.running(), 1);
        continues.send(2).expect("it waits");
        assert_eq!(ended.await, Ok(Ok(2)));
        tasks.ended().await;
    }
}
