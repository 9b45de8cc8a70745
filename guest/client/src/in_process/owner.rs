//! What the guest does as the owner of its map; behind the contract, its host does it.

use std::time::Instant;

use localmap_engine::{self as engine, ConfigureError, Stats};

use super::clock::{ManualClock, Time};
use super::limits::Limits;
use super::map::{LocalMap, engine_with};

impl LocalMap {
    /// A map of its own, that no other value of this type is. It ends when this and
    /// all that it has pinned are dropped.
    ///
    /// ```
    /// use localmap_client::in_process::{Limits, LocalMap, Policy, Ttl};
    ///
    /// // A cache that makes room by itself.
    /// let cache = LocalMap::with_limits(Limits {
    ///     max_entries: 10_000,
    ///     policy: Policy::S3Fifo,
    ///     ..Limits::default()
    /// })?;
    /// cache.set("page:/", "<html>", Ttl::Never)?;
    /// assert_eq!(cache.stats().entries, 1);
    /// assert!(LocalMap::new().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigureError::OutOfRange`] where one of the limits is.
    pub fn with_limits(limits: Limits) -> Result<Self, ConfigureError> {
        Self::made(Time::Since(Instant::now()), limits)
    }

    /// A map of its own, with its limits and a clock that the guest moves: for tests,
    /// or for time that comes from elsewhere, such as the stamps of a log.
    ///
    /// # Errors
    ///
    /// [`ConfigureError::OutOfRange`] where one of the limits is.
    pub fn with_clock(limits: Limits, clock: &ManualClock) -> Result<Self, ConfigureError> {
        Self::made(Time::Manual(clock.clone()), limits)
    }

    fn made(time: Time, limits: Limits) -> Result<Self, ConfigureError> {
        let limits = engine::Limits::from(limits);
        limits.check()?;
        let engine = engine_with(time, limits);
        Ok(Self { engine })
    }

    /// Sets the limits. While the map has never held an entry, to any; after that
    /// `max_entries`, `max_bytes`, `max_key`, `max_value` and `max_pins` may only rise,
    /// `utf8_keys` may only be dropped, and the policy stays. The default TTL may always
    /// change; it holds for later writes.
    ///
    /// # Errors
    ///
    /// [`ConfigureError`], with the setting that is out of its range or lower than it
    /// was. The limits before stay in force then.
    pub fn configure(&self, limits: Limits) -> Result<(), ConfigureError> {
        self.engine.borrow_mut().configure(limits.into())
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.engine.borrow().limits().clone().into()
    }

    /// The statistics, counted since the map was made. Visits every entry that is due.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.engine.borrow_mut().stats()
    }

    /// Takes back the memory of at most `max` entries that are due, and tells how many
    /// they were. Fewer than `max`: none is left. Nobody has to call it; it is for
    /// moments in which there is nothing else to do.
    pub fn sweep(&self, max: u32) -> u32 {
        self.engine.borrow_mut().sweep(max)
    }

    /// Removes all entries. Limits, statistics and the version counter stay, and what
    /// is pinned stays readable.
    pub fn clear(&self) {
        self.engine.borrow_mut().clear();
    }
}
