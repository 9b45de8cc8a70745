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
//! assert_eq!(map.get(b"token"), Some(&b"abc"[..]));
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
//!   value, no version and no deadline.
//! * **Bounds.** No limit is exceeded after any call. The map refuses a write
//!   ([`Error::Full`]) rather than evict an entry that is alive. Memory that
//!   cannot be had is [`Error::Full`] too, never an abort.
//! * **Work.** [`Map::len`], [`Map::stats`], and a write that would otherwise
//!   answer `Full`, may visit every entry that is due, and [`Map::clear`] visits
//!   all. [`Map::sweep`] takes back as many as it is told, any other call at most
//!   16 entries besides its own. Tables that grow, or that are rid of what removed
//!   entries left in them, are the exception: their handles move, but no key and no
//!   value.
//!
//! # What an entry costs
//!
//! [`Limits::max_bytes`] counts, for each entry, [`ENTRY_BYTES`] for the slot and
//! its share of the tables, and the block that holds key and value: their
//! lengths and 4 bytes, rounded up to a multiple of 16. This is what they take at most
//! in wasm32, with the tables at their emptiest and an allocator such as dlmalloc; the
//! count is the same on every platform. Slots and tables of entries that are gone
//! are kept for the next ones, until [`Map::clear`].

#![no_std]
#![deny(unsafe_code)]

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
    Limits, MAX_ENTRIES, MAX_KEY_LEN, MAX_PAGE_BYTES, MAX_PINS, MAX_SCAN_LIMIT, MAX_VALUE,
    MIN_BYTES, Policy,
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
