//! The way of a guest's response, or of the reason why there is none, to the handler.

use crate::failure::Failure;
use crate::guest_body::GuestResponse;
use localmap::lock;
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// Where the response of a guest arrives. An error means that the guest has ended without one.
pub(crate) type Responses = oneshot::Receiver<Result<GuestResponse, Failure>>;
type Sender = oneshot::Sender<Result<GuestResponse, Failure>>;

/// Passes on the response of a guest.
pub(crate) enum Responder {
    /// That of an instance with one request.
    Single(Sender),
    /// That of an instance with several requests, which may end without the instance.
    Shared(SharedResponder),
}

/// Passes on a response, once. Clones pass on the same response: the first wins.
#[derive(Clone)]
pub(crate) struct SharedResponder(Arc<Mutex<Option<Sender>>>);

impl Responder {
    /// Creates a responder for an instance with one request.
    pub(crate) fn single() -> (Self, Responses) {
        let (sender, responses) = oneshot::channel();
        (Self::Single(sender), responses)
    }

    /// Passes on a response, or the reason why there is none.
    pub(crate) fn send(self, response: Result<GuestResponse, Failure>) {
        match self {
            // The client may have disconnected.
            Self::Single(sender) => drop(sender.send(response)),
            Self::Shared(responder) => responder.send(response),
        }
    }
}

impl SharedResponder {
    pub(crate) fn new() -> (Self, Responses) {
        let (sender, responses) = oneshot::channel();
        (Self(Arc::new(Mutex::new(Some(sender)))), responses)
    }

    fn send(&self, response: Result<GuestResponse, Failure>) {
        let sender = lock(&self.0).take();
        if let Some(sender) = sender {
            // The client may have disconnected.
            drop(sender.send(response));
        }
    }

    /// Passes on that the request has ended, unless it has a response.
    pub(crate) fn end(&self, failure: Option<Failure>) {
        self.send(Err(failure.unwrap_or_else(Failure::no_response)));
    }
}
