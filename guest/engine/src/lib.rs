//! The engine of localmap: a bounded map with byte keys and per-key time to live.
//!
//! It knows bytes, a [`Clock`] and [`Limits`], and nothing of WebAssembly, so it
//! runs inside a component as well as in a native test. It needs `alloc` only.
//!
//! ```
//! use localmap_engine::{Condition, Error, Limits, Map, Ttl};
//! use std::cell::Cell;
//!
//! let now = Cell::new(0); // nanoseconds
//! let mut map = Map::new(|| now.get(), 42, Limits::default());
//!
//! let version = map.set(b"token", b"abc", Ttl::After(30_000_000_000))?;
//! assert!(map.get(b"token").is_some_and(|value| value == b"abc"));
//! assert_eq!(
//!     map.set_if(b"token", b"xyz", Ttl::Never, Condition::Absent),
//!     Err(Error::Conflict(Some(version))),
//! );
//!
//! now.set(30_000_000_000);
//! assert_eq!(map.get(b"token"), None);
//! assert_eq!(map.len(), 0);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Guarantees
//!
//! * **Time.** An entry is gone as soon as the clock stands at its deadline or
//!   after it, in every function alike. The clock is read at most once in a call.
//! * **All or nothing.** A call that answers with an error has changed no key, no
//!   value, no version and no deadline, and evicted nothing that is alive.
//!   [`Map::apply`] makes a call of several changes.
//! * **Bounds.** No limit is exceeded after any call. A map that is full refuses
//!   ([`Error::Full`]) or evicts, as its [`Policy`] says. Memory that cannot be had is
//!   [`Error::Full`] too, never an abort; what is held then is the limit from there on.
//! * **Work.** [`Map::len`], [`Map::stats`], and a write that would otherwise
//!   answer `Full` or evict, may visit every entry that is due, and [`Map::clear`] visits
//!   all. [`Map::sweep`] takes back as many as it is told, any other call at most
//!   16 entries besides its own. Beyond that, a write may have to split a table of 1,792
//!   addresses, to pass over 128 entries for the one that it evicts, and to move the
//!   entries of one block, fewer than 79, for each 4 KiB that it needs.
//!
//! # What an entry costs
//!
//! [`Limits::max_bytes`] counts all that the map has allocated. An entry lies in a slot
//! of a block of 4 KiB: a header of 44 bytes, the key and the value, in one of 35 sizes.
//! Up to 180 bytes the slot has at most 11 bytes to spare, of more than that up to a
//! quarter. A value that does not fit into a slot of 1 KiB is split: into whole blocks,
//! halves and quarters, and a rest in the slot. Its place in a table takes 6 to 12 bytes.
//! With a policy that evicts come 5 bytes for what it remembers of those evicted.
//!
//! Blocks that become free are used for entries of any size, or given back where many are
//! free. Where free slots are scattered, entries are moved together.
//!
//! # Rooms
//!
//! `map` (the operations and their rules) stands on `index` (tables of the addresses of
//! entries), `wheel` (expiry) and `eviction`, which do not know each other; they stand on
//! `arena` (slots), and that on `blocks` (memory). Beside them are `layout` (how large
//! what is), `entry` (what lies in a slot), `list`, `hash`, `limits`, `clock` and `error`.

#![no_std]
#![deny(unsafe_code)]
#![allow(
    clippy::cast_possible_truncation,
    reason = "addresses, slots and lengths have 32 bits or fewer by their limits; see `layout`, \
              `blocks` and `limits`"
)]

extern crate alloc;

#[cfg(test)]
extern crate std;

mod arena;
mod blocks;
mod clock;
mod entry;
mod error;
mod eviction;
mod hash;
mod index;
mod layout;
mod limits;
mod list;
mod map;
mod slot;
mod value;
mod wheel;

pub use clock::Clock;
pub use error::{ConfigureError, Error, KeyFault, Setting};
pub use limits::{
    LONGEST_KEY, Limits, MAX_ENTRIES, MAX_KEY_LEN, MAX_PAGE_BYTES, MAX_PINS, MAX_SCAN_LIMIT,
    MAX_VALUE, MIN_BYTES, Policy,
};
pub use map::{
    Change, Condition, Entry, MAX_CHANGES, Map, Outcome, Pin, Pinned, Scanned, Stats, Ttl,
};
pub use value::Value;

/// The hash of a key under a seed: for tests that look for keys which collide.
#[cfg(feature = "validate")]
pub fn hash_of(seed: u64, key: &[u8]) -> u32 {
    hash::KeyHasher::new(seed).hash_of(key)
}
