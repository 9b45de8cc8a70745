//! A map inside the guest: a [`LocalMap`] with the same operations as
//! [the host's](crate::LocalMap), without a boundary between the guest and its map.
//!
//! This module exports the same names as the crate root, so a guest can switch by changing one
//! line:
//!
//! ```
//! use localmap_client::in_process::{LocalMap, Ttl}; // was: localmap_client::{LocalMap, Ttl}
//! use std::time::Duration;
//!
//! fn main() -> Result<(), localmap_client::Error> {
//!     let map = LocalMap::new();
//!     let requests = map.increment("requests:alice", 1, Duration::from_secs(60))?;
//!     assert_eq!(requests, 1);
//!     map.set("motd", "hello", Ttl::Never)?;
//!     assert_eq!(map.get("motd").as_deref(), Some(b"hello".as_slice()));
//!     Ok(())
//! }
//! ```
//!
//! # Differences
//!
//! - **No call and no copy between memories.** An operation is a function call. The component
//!   imports a clock and a seed from WASI but no map, so it runs on any host.
//! - **No limit on arguments.** A batch, a value or a list of keys that is too large for the
//!   contract cannot end the instance. A write may return [`Error::Full`].
//! - **The guest sets the limits**, and has `stats`, `sweep` and `clear`. The host can only limit
//!   the memory of the guest as a whole, and cannot store entries in advance.
//! - **Any number of maps.** [`LocalMap::new`] returns the one map of the instance, as with
//!   the host's; [`LocalMap::with_limits`] creates a separate one.
//! - **It runs natively**, so `cargo test` can run code that uses the map, with a
//!   [`ManualClock`] if time matters:
//!
//! ```
//! use localmap_client::in_process::{Limits, LocalMap, ManualClock};
//! use std::time::Duration;
//!
//! let clock = ManualClock::new();
//! let map = LocalMap::with_clock(Limits::default(), &clock)?;
//! map.set("token", "abc", Duration::from_secs(30))?;
//! clock.advance(Duration::from_secs(29));
//! assert!(map.contains("token"));
//! clock.advance(Duration::from_secs(1));
//! assert!(!map.contains("token"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clock;
mod convert;
mod limits;
mod map;
mod owner;
mod pinned;

pub use clock::ManualClock;
pub use limits::Limits;
pub use map::LocalMap;
pub use pinned::Pinned;

pub use crate::{
    ApplyError, Change, Condition, DEFAULT_MAX_KEY_LEN, Entry, Error, KeyFault, MAX_CHANGES,
    MAX_KEY_LEN, Outcome, Page, Scanned, Ttl, Version,
};
pub use localmap_engine::{ConfigureError, Policy, Setting, Stats};

/// An iterator over the entries of a map, returned by [`LocalMap::scan`].
pub type Scan<'a> = crate::Scan<'a, LocalMap>;

#[cfg(test)]
mod tests;
