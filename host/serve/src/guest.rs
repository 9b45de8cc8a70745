//! The guest of one request, from its call to its end.

use crate::app::{App, Call};
use crate::exchange::GuestSide;
use crate::failure::Failure;
use crate::maps::Checkout;
use crate::tasks::InPlace;
use std::any::Any;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
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

/// Polls a guest until it responds, which most do shortly before they end, or ends without a
/// response. If it still runs, it goes on in a task of its own.
pub(crate) async fn first_response<R>(
    response: oneshot::Receiver<R>,
    mut guest: InPlace<Result<(), Failure>>,
) -> Result<R, Failure> {
    let mut response = Some(response);
    poll_fn(|context| {
        let ended = Pin::new(&mut guest).poll(context);
        if let Some(receiver) = &mut response
            && let Poll::Ready(received) = Pin::new(receiver).poll(context)
        {
            response = None;
            if let Ok(received) = received {
                return Poll::Ready(Ok(received));
            }
            // The guest's store, or its means to respond, has been dropped.
        }
        ended.map(|ended| {
            Err(match ended {
                Ok(Ok(())) => Failure::no_response(),
                Ok(Err(failure)) => failure,
                Err(panic) => Failure::of_guest(format!("the host failed: {}", text(&*panic))),
            })
        })
    })
    .await
}

/// Returns the message of a panic.
fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it panicked")
}
