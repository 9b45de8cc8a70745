//! Locks by key, in a process or in etcd.

use crate::acquire_error::AcquireError;
use crate::fence::Fence;
use crate::hold::Hold;
use crate::key;
use crate::limits::LockLimits;
use crate::mode::Mode;
use crate::status::LocksStatus;
use crate::table::{self, Table};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Locks by key: one writer, or many readers, at a time. Those that wait get a lock in the order in which
/// they came. Clones share the locks.
///
/// ```
/// use localmap_lease::{AcquireError, LockLimits, Locks, Mode};
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let locks = Locks::in_process(LockLimits::default());
/// let writer = locks.acquire("config", Mode::Write, Duration::ZERO).await?;
/// let other = locks.acquire("config", Mode::Read, Duration::ZERO).await;
/// assert!(matches!(other, Err(AcquireError::Held)));
/// drop(writer);
/// let readers = (
///     locks.acquire("config", Mode::Read, Duration::ZERO).await?,
///     locks.acquire("config", Mode::Read, Duration::ZERO).await?,
/// );
/// # Ok::<(), AcquireError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Locks {
    shared: Arc<Shared>,
}

struct Shared {
    table: Arc<Table>,
    /// The number of locks that were acquired. In a process, it is the token of the last one.
    acquired: AtomicU64,
    refused: Refused,
    #[cfg(feature = "etcd")]
    etcd: Option<Arc<crate::etcd::Etcd>>,
}

/// How many locks were not had, for each reason.
#[derive(Default)]
struct Refused {
    held: AtomicU64,
    too_many_waiters: AtomicU64,
    no_lease: AtomicU64,
    unavailable: AtomicU64,
}

impl Refused {
    fn count(&self, error: &AcquireError) {
        let count = match error {
            // It was not asked for.
            AcquireError::InvalidKey => return,
            AcquireError::Held => &self.held,
            AcquireError::TooManyWaiters => &self.too_many_waiters,
            AcquireError::NoLease { .. } => &self.no_lease,
            AcquireError::Unavailable { .. } => &self.unavailable,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Locks {
    /// Creates locks for one process. See [`Locks`] for an example.
    #[must_use]
    pub fn in_process(limits: LockLimits) -> Self {
        Self {
            shared: Arc::new(Shared {
                table: Arc::new(Table::new(limits)),
                acquired: AtomicU64::new(0),
                refused: Refused::default(),
                #[cfg(feature = "etcd")]
                etcd: None,
            }),
        }
    }

    /// Creates locks in etcd, which all processes that use the same folder of the same cluster share, and
    /// begins to get a lease for them. Returns at once: see [`ready`](Self::ready). Dropping the last clone,
    /// and all locks that are held, gives the lease back: see [`end`](Self::end).
    ///
    /// In this process, those that wait for a key wait for one another first, so that only one of them, or
    /// one group of readers, waits in etcd.
    ///
    /// # Errors
    ///
    /// Returns [`EtcdError`](crate::EtcdError) if an option is out of its range. A server that cannot be
    /// reached is no error: there is no lease until it answers.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime.
    #[cfg(feature = "etcd")]
    pub fn etcd(
        options: crate::etcd::EtcdLockOptions,
        limits: LockLimits,
    ) -> Result<Self, crate::etcd::EtcdError> {
        let etcd = crate::etcd::Etcd::start(options)?;
        Ok(Self {
            shared: Arc::new(Shared {
                table: Arc::new(Table::new(limits)),
                acquired: AtomicU64::new(0),
                refused: Refused::default(),
                etcd: Some(Arc::new(etcd)),
            }),
        })
    }

    /// Acquires a lock. If others hold it, waits at most for `wait`. Dropping the future gives the place up.
    /// See [`Locks`] for an example.
    ///
    /// A task that holds a lock and asks for the same one waits for itself, and is refused in the end.
    ///
    /// # Errors
    ///
    /// Returns [`AcquireError`]: see its variants.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with its timer enabled, if it has to wait.
    pub async fn acquire(
        &self,
        key: &str,
        mode: Mode,
        wait: Duration,
    ) -> Result<Hold, AcquireError> {
        if !key::is_valid(key) {
            return Err(AcquireError::InvalidKey);
        }
        self.acquire_valid(&Arc::from(key), mode, wait).await
    }

    /// Acquires the lock of a key that is known to be valid.
    pub(crate) async fn acquire_valid(
        &self,
        key: &Arc<str>,
        mode: Mode,
        wait: Duration,
    ) -> Result<Hold, AcquireError> {
        if let Some(hold) = self.try_acquire(key, mode) {
            return Ok(hold);
        }
        let acquired = self.wait_for(key, mode, wait).await;
        acquired.inspect_err(|error| self.shared.refused.count(error))
    }

    async fn wait_for(
        &self,
        key: &Arc<str>,
        mode: Mode,
        wait: Duration,
    ) -> Result<Hold, AcquireError> {
        let now = Instant::now();
        let until = now.checked_add(wait).unwrap_or(now);
        let local = self.shared.table.acquire(key, mode, until).await?;
        #[cfg(feature = "etcd")]
        if let Some(etcd) = &self.shared.etcd {
            let (remote, fence) = etcd.acquire(&local, mode, until).await?;
            self.shared.acquired.fetch_add(1, Ordering::Relaxed);
            return Ok(Hold {
                remote: Some(remote),
                _local: local,
                fence,
            });
        }
        Ok(self.held(local, mode))
    }

    /// Acquires a lock in this process that nobody holds. Returns `None` if there is one who does, or if the
    /// locks are in etcd.
    pub(crate) fn try_acquire(&self, key: &Arc<str>, mode: Mode) -> Option<Hold> {
        #[cfg(feature = "etcd")]
        if self.shared.etcd.is_some() {
            return None;
        }
        let local = self.shared.table.try_acquire(key, mode)?;
        Some(self.held(local, mode))
    }

    fn held(&self, local: table::Held, mode: Mode) -> Hold {
        // After the lock was acquired, so that it is greater than that of the holder before.
        let token = self.shared.acquired.fetch_add(1, Ordering::Relaxed) + 1;
        let key = Arc::clone(local.key());
        Hold {
            #[cfg(feature = "etcd")]
            remote: None,
            _local: local,
            fence: Fence::new(token, key, None, mode),
        }
    }

    /// Waits until there is a lease. Returns at once in a process.
    pub async fn ready(&self) {
        #[cfg(feature = "etcd")]
        if let Some(etcd) = &self.shared.etcd {
            etcd.ready().await;
        }
    }

    /// Gives the lease back, which ends all locks that are held under it, so that others need not wait for
    /// its end. Waits at most a second for etcd. Afterwards no lock in etcd can be had. Does nothing in a
    /// process.
    pub async fn end(&self) {
        #[cfg(feature = "etcd")]
        if let Some(etcd) = &self.shared.etcd {
            etcd.end().await;
        }
    }

    /// Returns what the locks say about themselves. Takes a moment for each of their 64 parts, so it is for metrics.
    ///
    /// ```
    /// use localmap_lease::{LockLimits, Locks, Mode};
    /// use std::time::Duration;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// let locks = Locks::in_process(LockLimits::default());
    /// let _hold = locks.acquire("config", Mode::Write, Duration::ZERO).await?;
    /// let _ = locks.acquire("config", Mode::Write, Duration::ZERO).await;
    /// let status = locks.status();
    /// assert!(status.available);
    /// assert_eq!((status.keys, status.acquired, status.held), (1, 1, 1));
    /// # Ok::<(), localmap_lease::AcquireError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn status(&self) -> LocksStatus {
        let Shared {
            table,
            acquired,
            refused,
            ..
        } = &*self.shared;
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let status = LocksStatus {
            available: true,
            keys: table.keys() as u64,
            waiting: table.waiting(),
            acquired: count(acquired),
            held: count(&refused.held),
            too_many_waiters: count(&refused.too_many_waiters),
            no_lease: count(&refused.no_lease),
            unavailable: count(&refused.unavailable),
            ..LocksStatus::default()
        };
        #[cfg(feature = "etcd")]
        if let Some(etcd) = &self.shared.etcd {
            return etcd.status(status);
        }
        status
    }

    /// Returns the number of those that wait for locks in this process.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.shared.table.waiting()
    }
}

impl fmt::Debug for Locks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locks")
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}
