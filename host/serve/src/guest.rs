//! The guest of one request, from its call to its end.

use crate::app::{App, Call};
use crate::exchange::GuestSide;
use crate::failure::Failure;
use crate::lock::WatchedLock;
use crate::maps::Checkout;
use std::future::{pending, poll_fn};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

/// A guest that has been called, with everything that it holds. It keeps running when the client
/// disconnects.
///
/// If its task panics, or is aborted with the runtime, the fields are dropped in the order of
/// their declaration, which is the order of [`release`](Self::release): the guest's side reports a
/// failure before the store ends the response; the map becomes idle once the store no longer uses
/// it; the permits are released, and then the lock.
pub(crate) struct Guest {
    pub(crate) app: Arc<App>,
    pub(crate) side: GuestSide,
    pub(crate) call: Call,
    pub(crate) checkout: Checkout,
    /// Those of the connection, if it limits its guests, and of the handler.
    pub(crate) permits: (Option<OwnedSemaphorePermit>, OwnedSemaphorePermit),
    /// The lock of its request, if it needs one.
    pub(crate) lock: Option<WatchedLock>,
}

impl Guest {
    /// Runs the guest until it ends, its timeout expires or its lock is lost, then releases everything
    /// that it holds.
    pub(crate) async fn run(mut self) -> Result<(), Failure> {
        let limit = self.app.timeout();
        let ended = tokio::select! {
            biased;
            lost = lost(&mut self.lock) => Err(lost),
            ended = timeout(limit, self.call.run()) => Ok(ended),
        };
        let outcome = match ended {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(error))) => {
                let mut failure = self.app.failure(&error);
                self.side.set_backtrace(failure.backtrace.take());
                Err(failure)
            }
            Ok(Err(_)) => Err(Failure::timed_out(limit)),
            Err(lost) => Err(lost),
        };
        self.release(outcome.as_ref().err());
        outcome
    }

    fn release(mut self, failure: Option<&Failure>) {
        // Dropping the store ends the response, which then checks whether the guest has failed.
        self.side.end(failure.map(|failure| failure.cause.as_str()));
        if failure.is_none() {
            self.call.abort_bodies();
        }
        drop(self.call);
        // The store no longer uses the map, which now becomes idle.
        drop(self.checkout);
        drop(self.permits);
        drop(self.lock);
    }
}

/// Waits for the loss of a lock, which may never come.
async fn lost(lock: &mut Option<WatchedLock>) -> Failure {
    match lock {
        Some(lock) => poll_fn(|context| lock.poll_lost(context)).await,
        None => pending().await,
    }
}
