//! A lock that is held, and the loss of its lease.

use crate::fence::Fence;
use crate::table;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A lock that is held until this is dropped.
///
/// With etcd, dropping it deletes the lock in a task, and the lease makes sure of that. The lock may be
/// lost before: see [`check`](Self::check).
#[must_use = "the lock is released when this is dropped"]
pub struct Hold {
    // In the order in which they are dropped: the next holder in this process must find what is left of
    // this one in etcd.
    #[cfg(feature = "etcd")]
    pub(crate) remote: Option<crate::etcd::Held>,
    pub(crate) _local: table::Held,
    pub(crate) fence: Fence,
}

/// The lease of a lock has ended, or may have: others can have the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lease has ended, so another may hold the lock")]
pub struct LeaseLost;

impl Hold {
    /// Returns the token of the lock. See [`Fence`] for an example.
    #[must_use]
    pub fn fence(&self) -> &Fence {
        &self.fence
    }

    /// Checks that the lock has not been lost. A lock in a process never is.
    ///
    /// The answer is about now. Work that takes longer than it may, or that was sent before, is what the
    /// [`Fence`] is for.
    ///
    /// ```
    /// use localmap_lease::{LockLimits, Locks, Mode};
    /// use std::time::Duration;
    ///
    /// # async fn work() -> Result<(), Box<dyn std::error::Error>> {
    /// let locks = Locks::in_process(LockLimits::default());
    /// let hold = locks.acquire("config", Mode::Write, Duration::from_secs(1)).await?;
    /// let lost = hold.lost();
    /// tokio::select! {
    ///     biased;
    ///     lost = lost => return Err(lost.into()),
    ///     () = async { /* work */ } => hold.check()?,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`LeaseLost`] if the lease has ended, or no renewal was answered in time.
    pub fn check(&self) -> Result<(), LeaseLost> {
        #[cfg(feature = "etcd")]
        if self.remote.as_ref().is_some_and(crate::etcd::Held::is_lost) {
            return Err(LeaseLost);
        }
        Ok(())
    }

    /// Returns a future that is ready when the lock is lost. That of a lock in a process never is. See
    /// [`check`](Self::check) for an example.
    ///
    /// Each poll reads the clock, so a task that polls it first does nothing after the lease has ended, also
    /// if its process was stopped meanwhile.
    pub fn lost(&self) -> Loss {
        Loss {
            #[cfg(feature = "etcd")]
            remote: self.remote.as_ref().map(crate::etcd::Held::loss),
        }
    }
}

/// The loss of a lock, which may never come: the future of [`Hold::lost`].
#[must_use = "futures do nothing unless polled"]
pub struct Loss {
    #[cfg(feature = "etcd")]
    remote: Option<crate::etcd::Loss>,
}

impl Future for Loss {
    type Output = LeaseLost;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<LeaseLost> {
        #[cfg(feature = "etcd")]
        if let Some(remote) = &mut self.get_mut().remote {
            return remote.poll(context).map(|()| LeaseLost);
        }
        let _ = context;
        Poll::Pending
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold")
            .field("fence", &self.fence)
            .field("lost", &self.check().is_err())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loss").finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "etcd"))]
pub(crate) mod tests {
    use super::*;
    use localmap::ManualClock;
    use std::time::Duration;

    /// Returns a lock whose lease ends after `ttl` of the clock, unless it is renewed.
    pub(crate) fn hold_of(clock: &ManualClock, ttl: Duration) -> Hold {
        let (remote, _local, fence) = crate::etcd::held_of(clock, ttl);
        Hold {
            remote: Some(remote),
            _local,
            fence,
        }
    }

    #[tokio::test]
    async fn a_hold_is_lost_at_its_deadline_and_not_before() {
        let clock = ManualClock::new();
        let hold = hold_of(&clock, Duration::from_secs(5));
        clock.advance(Duration::from_millis(4_999));
        hold.check().expect("it is still held");
        clock.advance(Duration::from_millis(1));
        hold.check().expect_err("it may be held by another");
        hold.lost().await;
    }
}
