//! Operations for the owner of a map, which is the guest here and the host otherwise.

use std::time::Instant;

use localmap_engine::{self as engine, ConfigureError, Stats};

use super::clock::{ManualClock, Time};
use super::limits::Limits;
use super::map::{LocalMap, engine_with};

impl LocalMap {
    /// Creates a separate map. It ends when the `LocalMap` and all of its pinned values are
    /// dropped.
    ///
    /// ```
    /// use localmap_client::in_process::{Limits, LocalMap, Policy, Ttl};
    ///
    /// // A cache that evicts when it is full.
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
    /// - [`ConfigureError::OutOfRange`] if one of the limits is out of its range.
    pub fn with_limits(limits: Limits) -> Result<Self, ConfigureError> {
        Self::create(Time::Since(Instant::now()), limits)
    }

    /// Creates a separate map with a clock that the guest moves: for tests, or for time from
    /// another source, such as the time stamps of a log.
    ///
    /// ```
    /// use localmap_client::in_process::{Limits, LocalMap, ManualClock};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let map = LocalMap::with_clock(Limits::default(), &clock)?;
    /// map.set("token", "abc", Duration::from_secs(30))?;
    /// clock.advance(Duration::from_secs(30));
    /// assert!(!map.contains("token"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`ConfigureError::OutOfRange`] if one of the limits is out of its range.
    pub fn with_clock(limits: Limits, clock: &ManualClock) -> Result<Self, ConfigureError> {
        Self::create(Time::Manual(clock.clone()), limits)
    }

    fn create(time: Time, limits: Limits) -> Result<Self, ConfigureError> {
        let limits = engine::Limits::from(limits);
        limits.check()?;
        let engine = engine_with(time, limits);
        Ok(Self { engine })
    }

    /// Sets the limits.
    ///
    /// Until the map has held an entry, all of them can change. After that, `max_entries`,
    /// `max_bytes`, `max_key`, `max_value` and `max_pins` can only be raised, `utf8_keys` can
    /// only be turned off, and the policy cannot change. The default TTL can always change and
    /// applies to later writes.
    ///
    /// ```
    /// use localmap_client::in_process::{ConfigureError, Limits, LocalMap, Setting, Ttl};
    ///
    /// let map = LocalMap::new();
    /// map.configure(Limits { max_entries: 100, ..Limits::default() })?;
    /// map.set("motd", "hello", Ttl::Never)?;
    /// let fewer = Limits { max_entries: 10, ..map.limits() };
    /// assert_eq!(map.configure(fewer), Err(ConfigureError::Lowered(Setting::MaxEntries)));
    /// assert_eq!(map.limits().max_entries, 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The previous limits stay in force.
    ///
    /// - [`ConfigureError::OutOfRange`] if a setting is out of its range.
    /// - [`ConfigureError::Lowered`] if a setting can no longer change in this way.
    pub fn configure(&self, limits: Limits) -> Result<(), ConfigureError> {
        self.engine.borrow_mut().configure(limits.into())
    }

    /// Returns the limits in force. See [`configure`](Self::configure) for an example.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.engine.borrow().limits().clone().into()
    }

    /// Returns the statistics, counted since the map was created. Visits every expired entry.
    ///
    /// ```
    /// use localmap_client::in_process::{Limits, LocalMap, ManualClock, Ttl};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let map = LocalMap::with_clock(Limits::default(), &clock)?;
    /// map.set("token", "abc", Duration::from_secs(30))?;
    /// map.set("motd", "hello", Ttl::Never)?;
    /// clock.advance(Duration::from_secs(30));
    /// assert_eq!(map.sweep(10), 1); // in a moment without requests
    /// assert_eq!((map.stats().entries, map.stats().expired), (1, 1));
    /// map.clear();
    /// assert_eq!(map.stats().entries, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.engine.borrow_mut().stats()
    }

    /// Reclaims the memory of at most `max` expired entries and returns their number. If it is
    /// less than `max`, no more expired entries are left. Calling it is optional. Use it to do
    /// this work when there is nothing else to do. See [`stats`](Self::stats) for an example.
    pub fn sweep(&self, max: u32) -> u32 {
        self.engine.borrow_mut().sweep(max)
    }

    /// Removes all entries. Limits, statistics, the version counter and pinned values stay.
    /// See [`stats`](Self::stats) for an example.
    pub fn clear(&self) {
        self.engine.borrow_mut().clear();
    }
}
