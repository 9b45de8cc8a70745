//! Tasks that must end before the server does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Spawns tasks, and counts those that are running.
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
    pub(crate) fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let running = self.begin();
        tokio::spawn(async move {
            let _running = running;
            task.await
        })
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
        let returns = tasks.spawn(async { 1 });
        let panics = tasks.spawn(async { assert!(tokio::task::try_id().is_none()) });
        let aborted = tasks.spawn(std::future::pending::<()>());
        assert_eq!(tasks.running(), 3);
        let early = tokio::time::timeout(Duration::from_millis(20), tasks.ended());
        assert!(early.await.is_err());
        aborted.abort();
        tasks.ended().await;
        assert_eq!(tasks.running(), 0);
        assert_eq!(returns.await.expect("it returns"), 1);
        assert!(panics.await.is_err_and(|error| error.is_panic()));
        assert!(aborted.await.is_err_and(|error| error.is_cancelled()));
    }
}
