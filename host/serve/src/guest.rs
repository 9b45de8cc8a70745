//! The guest of one request, from its call to its end.

use crate::app::{App, Call};
use crate::exchange::GuestSide;
use crate::failure::Failure;
use crate::maps::Checkout;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

/// A guest that was called, and all that it holds. It goes on when the client leaves.
///
/// If its task panics, or is aborted with the runtime, the fields are dropped in the order in which
/// they are declared, which is that of [`release`](Self::release): the side reports a failure
/// before the response ends with the store; the map is idle once the store has let go of it; and
/// the room is free when all else is gone.
pub(crate) struct Guest {
    pub(crate) app: Arc<App>,
    pub(crate) side: GuestSide,
    pub(crate) call: Call,
    pub(crate) checkout: Checkout,
    pub(crate) permit: OwnedSemaphorePermit,
}

impl Guest {
    /// Runs the guest until it ends or its time is up, and then releases all that it held.
    pub(crate) async fn run(mut self) -> Result<(), Failure> {
        let limit = self.app.timeout();
        let outcome = match timeout(limit, self.app.handle(&mut self.call)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::of_call(&error)),
            Err(_) => Err(Failure::timed_out(limit)),
        };
        self.release(outcome.as_ref().err());
        outcome
    }

    fn release(self, failure: Option<&Failure>) {
        // The response ends with the store, and asks then whether the guest has failed.
        self.side.end(failure.map(|failure| failure.cause.as_str()));
        drop(self.call);
        // The store has let go of the map: it is idle now.
        drop(self.checkout);
        drop(self.permit);
    }
}
