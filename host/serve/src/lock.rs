//! The lock of a request that a guard has admitted, which its guest holds.

use crate::failure::Failure;
use hyper::Request;
use hyper::header::HeaderName;
use localmap_lease::{Guard, Hold, Loss, Refusal};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The header in which a guest finds the token of its lock.
pub(crate) const FENCE: HeaderName = HeaderName::from_static("localmap-fence");

/// A lock whose loss is watched. It is held until this is dropped.
pub(crate) struct WatchedLock {
    loss: Loss,
    /// What the client gets if the lock is lost.
    refusal: Refusal,
    _hold: Hold,
}

impl WatchedLock {
    /// Acquires the lock that a request needs, if it needs one, and gives its token to the guest.
    pub(crate) async fn of<B>(
        guard: &Guard,
        request: &mut Request<B>,
    ) -> Result<Option<Self>, Failure> {
        // Clients cannot set it.
        request.headers_mut().remove(&FENCE);
        let decided = guard.decide(request.method(), request.uri(), request.headers());
        let Some(decision) = decided.map_err(Failure::of_refusal)? else {
            return Ok(None);
        };
        let hold = guard.acquire(decision).await.map_err(Failure::of_refusal)?;
        let headers = request.headers_mut();
        let refusal = Refusal::lost(headers);
        headers.insert(FENCE, hold.fence().token().into());
        Ok(Some(Self {
            loss: hold.lost(),
            refusal,
            _hold: hold,
        }))
    }

    /// Is ready if the lock is lost. Otherwise, the task is woken if it is.
    pub(crate) fn poll_lost(&mut self, context: &mut Context<'_>) -> Poll<Failure> {
        let lost = Pin::new(&mut self.loss).poll(context);
        lost.map(|_| Failure::of_refusal(self.refusal.clone()))
    }
}
