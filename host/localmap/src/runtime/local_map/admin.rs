//! The administration of a map: its limits, its initial entries and its statistics.

use super::LocalMap;
use crate::contract::entry::Preload;
use crate::contract::error::{ConfigureError, MapTerminated, PreloadError, SetError};
use crate::contract::limits::Limits;
use crate::contract::stats::Stats;
use crate::runtime::core_instance::CoreInstance;

/// # Administration
impl LocalMap {
    /// Sets the limits.
    ///
    /// Until the map has held an entry, all of them can change. After that, `max_entries`,
    /// `max_bytes`, `max_key`, `max_value` and `max_pins` can only be raised, `utf8_keys` can only
    /// be turned off, and the policy cannot change. The default TTL can always change and applies
    /// to later writes.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// use localmap::ConfigureError;
    ///
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// let limits = map.limits()?;
    /// map.configure(&limits.clone().max_entries(2_000_000))?;
    /// map.set(b"k", b"v", Ttl::Never)?;
    /// let error = map.configure(&limits.max_entries(1)).unwrap_err();
    /// assert!(matches!(error, ConfigureError::Lowered { .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - Returns [`ConfigureError::OutOfRange`] if a limit is out of its range.
    /// - Returns [`ConfigureError::Lowered`] if a limit can no longer change in this way.
    /// - Returns [`ConfigureError::Terminated`] if the map has terminated.
    ///
    /// If it returns an error, no limit has changed.
    pub fn configure(&mut self, limits: &Limits) -> Result<(), ConfigureError> {
        self.cell.enter(|live| live.configure(limits))?
    }

    /// Returns the limits in force. See [`configure`](Self::configure) for an example.
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has terminated.
    pub fn limits(&mut self) -> Result<Limits, MapTerminated> {
        self.enter(|core| Ok(core.current_limits()?.into()))
    }

    /// Stores entries in order, as [`set`](Self::set) does. The [observer](crate::MapOptions::observer) of
    /// the map does not see them.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// use localmap::Preload;
    ///
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// let user = Preload { key: b"user".to_vec(), value: b"alice".to_vec(), ttl: Ttl::Never };
    /// map.preload(&[user])?;
    /// assert_eq!(map.len()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - Returns [`PreloadError::Refused`] if an entry is rejected. The entries before it stay
    ///   stored.
    /// - Returns [`PreloadError::Terminated`] if the map has terminated.
    pub fn preload(&mut self, entries: &[Preload]) -> Result<(), PreloadError> {
        for (index, entry) in entries.iter().enumerate() {
            self.set_now(&entry.key, &entry.value, entry.ttl)
                .map_err(|error| match error {
                    SetError::Terminated { source } => PreloadError::Terminated { source },
                    source => PreloadError::Refused { index, source },
                })?;
        }
        Ok(())
    }

    /// Returns the statistics, counted since the map was created. Visits every expired entry.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// map.set(b"k", b"v", Ttl::Never)?;
    /// map.get(b"absent")?;
    /// let stats = map.stats()?;
    /// assert_eq!((stats.entries, stats.hits, stats.misses), (1, 0, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has terminated.
    pub fn stats(&mut self) -> Result<Stats, MapTerminated> {
        self.enter(|core| Ok(core.stats()?.into()))
    }

    /// Reclaims the memory of at most `max` expired entries and returns their number. If it is
    /// less than `max`, no more expired entries are left.
    ///
    /// Calling it is optional, because a map reclaims memory when it needs it. Use this function to
    /// spread the work, or to do it while the map is idle.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// use localmap::ManualClock;
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let mut map = Host::new()?.map(&MapOptions::new().clock(clock.clone()))?;
    /// map.set(b"k", b"v", Ttl::After(Duration::from_secs(1)))?;
    /// clock.advance(Duration::from_secs(1));
    /// assert_eq!(map.sweep(100)?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has terminated.
    pub fn sweep(&mut self, max: u32) -> Result<u32, MapTerminated> {
        self.enter(|core| core.sweep(max))
    }

    /// Removes all entries. Limits, statistics, the version counter and pinned values stay.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// map.set(b"k", b"v", Ttl::Never)?;
    /// map.clear()?;
    /// assert_eq!(map.get(b"k")?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has terminated.
    pub fn clear(&mut self) -> Result<(), MapTerminated> {
        self.enter(CoreInstance::clear)
    }
}
