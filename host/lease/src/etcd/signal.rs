//! Something that happens once, and for which any number of tasks wait.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

#[derive(Debug, Default)]
pub(super) struct Signal {
    raised: AtomicBool,
    notify: Arc<Notify>,
}

impl Signal {
    pub(super) fn raise(&self) {
        self.raised.store(true, Ordering::Release);
        self.notify.notify_waiters();
    }

    pub(super) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    /// Returns a future that is ready if the signal is raised from now on.
    pub(super) fn listen(&self) -> Pin<Box<OwnedNotified>> {
        Box::pin(Arc::clone(&self.notify).notified_owned())
    }

    pub(super) async fn raised(&self) {
        // Must come before the flag is read, so that a signal after that is noticed.
        let notified = self.notify.notified();
        if !self.is_raised() {
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_reaches_those_that_listened_before_and_those_that_come_later() {
        let signal = Arc::new(Signal::default());
        let listening = signal.listen();
        let waiting = {
            let signal = Arc::clone(&signal);
            tokio::spawn(async move { signal.raised().await })
        };
        assert!(!signal.is_raised());
        signal.raise();
        listening.await;
        waiting.await.expect("no panic");
        signal.raised().await;
        assert!(signal.is_raised());
    }
}
