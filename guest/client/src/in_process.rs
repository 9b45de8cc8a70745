//! The map inside of the guest: [`LocalMap`] with the same operations as
//! [the one of the host](crate::LocalMap), and nothing between the guest and its map.
//!
//! A guest moves from one to the other by changing one line, since all that the crate
//! root has is here too:
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
//! # What is different
//!
//! - **No call and no copy between memories.** An operation is a function call. The
//!   component imports a clock and a seed of WASI and no map, so it runs on any host.
//! - **Nothing has to fit into a call.** A batch, a value or a list of keys that is too
//!   large for the contract cannot end the instance. It may be [`Error::Full`].
//! - **The limits are the guest's own**, and so are `stats`, `sweep` and `clear`. The
//!   host sees one memory and bounds it as a whole. It cannot put entries there from
//!   the start.
//! - **As many maps as you like.** [`LocalMap::new`] is the one map of the instance, as
//!   with the host's; [`LocalMap::with_limits`] makes one of its own.
//! - **It runs natively**, so `cargo test` can run what goes through the map, with a
//!   [`ManualClock`] where time matters:
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
    ApplyError, Change, Condition, Entry, Error, KeyFault, MAX_CHANGES, MAX_KEY_LEN, Outcome, Page,
    Scanned, Ttl, Version,
};
pub use localmap_engine::{ConfigureError, Policy, Setting, Stats};

/// The entries of a map, made by [`LocalMap::scan`].
pub type Scan<'a> = crate::Scan<'a, LocalMap>;

#[cfg(test)]
mod tests;
