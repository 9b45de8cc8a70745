//! What happens on a connection: the calls that are running, and when it was last used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// The activity of a connection.
#[derive(Debug)]
pub(crate) struct Activity {
    opened: Instant,
    running: AtomicUsize,
    /// Those of the running calls that are streams.
    streams: AtomicUsize,
    calls: AtomicU64,
    denied: AtomicBool,
    /// When the last call ended, in milliseconds since the connection was opened.
    last_used: AtomicU64,
    none_runs: Notify,
    dismissed: Notify,
}

/// A running call, until this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    activity: Arc<Activity>,
    is_stream: bool,
}

impl Activity {
    /// Begins a call, which may be a stream.
    pub(crate) fn begin(self: &Arc<Self>, is_stream: bool) -> Running {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.running(is_stream)
    }

    fn running(self: &Arc<Self>, is_stream: bool) -> Running {
        // In this order, so that there are never more streams than calls.
        self.running.fetch_add(1, Ordering::AcqRel);
        if is_stream {
            self.streams.fetch_add(1, Ordering::AcqRel);
        }
        Running {
            activity: Arc::clone(self),
            is_stream,
        }
    }

    /// Returns the number of running calls, streams included.
    pub(crate) fn running_calls(&self) -> usize {
        self.running.load(Ordering::Acquire)
    }

    /// Returns the number of calls, running and ended.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Notes that a call was denied, since the connection has the place of a probe.
    pub(crate) fn deny(&self) {
        self.denied.store(true, Ordering::Relaxed);
    }

    /// Returns `true` if a call was denied.
    pub(crate) fn is_denied(&self) -> bool {
        self.denied.load(Ordering::Relaxed)
    }

    /// Returns how long the connection has been open.
    pub(crate) fn lasted(&self) -> Duration {
        self.opened.elapsed()
    }

    /// Returns when the last call ended, or when the connection was opened; `None` if a call is
    /// running.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let last_used = Duration::from_millis(self.last_used.load(Ordering::Relaxed));
        (self.running_calls() == 0).then(|| self.opened + last_used)
    }

    /// Waits until no call is running but streams. These are told to end, but one whose peer has no room
    /// for a byte does not notice.
    pub(crate) async fn none_runs(&self) {
        loop {
            // Must come before the count is read, so that a call that ends after that is noticed.
            let none_runs = self.none_runs.notified();
            if self.running_calls() <= self.streams.load(Ordering::Acquire) {
                return;
            }
            none_runs.await;
        }
    }

    /// Ends the connection, which is idle.
    pub(crate) fn dismiss(&self) {
        self.dismissed.notify_one();
    }

    /// Waits until the connection is to end.
    pub(crate) async fn dismissed(&self) {
        self.dismissed.notified().await;
    }
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            opened: Instant::now(),
            running: AtomicUsize::new(0),
            streams: AtomicUsize::new(0),
            calls: AtomicU64::new(0),
            denied: AtomicBool::new(false),
            last_used: AtomicU64::new(0),
            none_runs: Notify::new(),
            dismissed: Notify::new(),
        }
    }
}

impl Running {
    /// Keeps the same call running.
    pub(crate) fn keep(&self) -> Self {
        self.activity.running(self.is_stream)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let activity = &self.activity;
        if self.is_stream {
            activity.streams.fetch_sub(1, Ordering::AcqRel);
        }
        if activity.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            let millis = u64::try_from(activity.lasted().as_millis()).unwrap_or(u64::MAX);
            activity.last_used.store(millis, Ordering::Relaxed);
            activity.none_runs.notify_waiters();
        } else if activity.streams.load(Ordering::Acquire) > 0 {
            activity.none_runs.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_is_idle_when_its_last_call_has_ended() {
        let activity = Arc::new(Activity::default());
        activity.none_runs().await;
        assert!(activity.idle_since().is_some());
        let (one, two) = (activity.begin(false), activity.begin(false));
        drop(one);
        assert!(activity.idle_since().is_none());
        let waiting = tokio::spawn({
            let activity = Arc::clone(&activity);
            async move { activity.none_runs().await }
        });
        tokio::task::yield_now().await;
        drop(two);
        waiting.await.expect("it ends");
        assert_eq!((activity.running_calls(), activity.calls()), (0, 2));
        assert!(activity.idle_since().is_some());
    }

    #[tokio::test]
    async fn streams_do_not_delay_the_end() {
        let activity = Arc::new(Activity::default());
        let (call, stream) = (activity.begin(false), activity.begin(true));
        let (kept, waits) = (stream.keep(), Arc::clone(&activity));
        let waiting = tokio::spawn(async move { waits.none_runs().await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(call);
        waiting.await.expect("it ends");
        assert!(activity.idle_since().is_none());
        drop((stream, kept));
        assert!(activity.idle_since().is_some());
    }
}
