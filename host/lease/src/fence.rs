//! What a write shows to its store, so that the store can refuse one that comes too late.

use crate::mode::Mode;
use std::sync::Arc;

/// The token of a lock that is held. The layer puts it into the extensions of the request.
///
/// The tokens of one key increase: each holder's is greater than those of all holders before it. A store
/// that refuses a token which is lower than one that it has seen refuses the writes of a holder whose
/// lease has ended, whenever they arrive: see [`put_fenced`](crate::put_fenced).
///
/// ```
/// use localmap_lease::{LockLimits, Locks, Mode};
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let locks = Locks::in_process(LockLimits::default());
/// let first = locks.acquire("config", Mode::Write, Duration::ZERO).await?;
/// let fence = first.fence().clone();
/// drop(first);
/// let second = locks.acquire("config", Mode::Write, Duration::ZERO).await?;
/// assert!(second.fence().token() > fence.token());
/// # Ok::<(), localmap_lease::AcquireError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    token: u64,
    key: Arc<str>,
    /// The key in etcd; `None` in a process.
    lock_key: Option<Arc<[u8]>>,
    mode: Mode,
}

impl Fence {
    pub(crate) fn new(token: u64, key: Arc<str>, lock_key: Option<Arc<[u8]>>, mode: Mode) -> Self {
        Self {
            token,
            key,
            lock_key,
            mode,
        }
    }

    /// Returns the token. With etcd it is the revision at which the [lock key](Self::lock_key) was created;
    /// in a process it is counted from 1 by its [`Locks`](crate::Locks). See [`Fence`] for an example.
    #[must_use]
    pub fn token(&self) -> u64 {
        self.token
    }

    /// Returns the key that is locked, as the rules have made it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the key in etcd that stands for the lock, which exists for as long as the lock is held. In a
    /// process it is the [`key`](Self::key).
    #[must_use]
    pub fn lock_key(&self) -> &[u8] {
        match &self.lock_key {
            Some(key) => key,
            None => self.key.as_bytes(),
        }
    }

    /// Returns how the lock is held.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }
}
