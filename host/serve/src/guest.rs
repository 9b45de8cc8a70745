//! The guest of one request, from its call to its end.

use crate::app::{App, Call};
use crate::exchange::GuestSide;
use crate::failure::Failure;
use crate::maps::Checkout;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

/// A guest that has been called, with everything that it holds. It keeps running when the client
/// disconnects.
///
/// If its task panics, or is aborted with the runtime, the fields are dropped in the order of
/// their declaration, which is the order of [`release`](Self::release): the guest's side reports a
/// failure before the store ends the response; the map becomes idle once the store no longer uses
/// it; and the permits are released last.
pub(crate) struct Guest {
    pub(crate) app: Arc<App>,
    pub(crate) side: GuestSide,
    pub(crate) call: Call,
    pub(crate) checkout: Checkout,
    /// Those of the connection, if it limits its guests, and of the handler.
    pub(crate) permits: (Option<OwnedSemaphorePermit>, OwnedSemaphorePermit),
}

impl Guest {
    /// Runs the guest until it ends or its timeout expires, then releases everything that it
    /// holds.
    pub(crate) async fn run(mut self) -> Result<(), Failure> {
        let limit = self.app.timeout();
        let outcome = match timeout(limit, self.call.run()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                let mut failure = self.app.failure(&error);
                self.side.set_backtrace(failure.backtrace.take());
                Err(failure)
            }
            Err(_) => Err(Failure::timed_out(limit)),
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
    }
}
