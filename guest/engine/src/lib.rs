//! The engine of localmap: a bounded map with byte keys and per-key time to live.
//!
//! It needs bytes, a [`Clock`] and [`Limits`]. It knows nothing of WebAssembly, so it
//! runs in a component as well as in a native test. It is `no_std`, with `alloc`.
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
//! * **Time.** An entry expires when the clock reaches its deadline. From then on every
//!   operation treats its key as absent, whether or not its memory has been freed. A call reads
//!   the clock at most once.
//! * **All or nothing.** A call that returns an error has changed no key, no value, no version
//!   and no deadline, and has evicted nothing. [`Map::apply`] makes one call of several changes.
//! * **Bounds.** No limit is exceeded after any call. A full map refuses new entries
//!   ([`Error::Full`]) or evicts old ones, as its [`Policy`] says. If memory is refused, the
//!   call returns [`Error::Full`] too, and never aborts; the memory held by then is the limit
//!   from there on.
//! * **Work.** [`Map::len`], [`Map::stats`], and a write that would otherwise return `Full` or
//!   evict, may visit every expired entry, and [`Map::clear`] visits all entries.
//!   [`Map::sweep`] frees as many as it is asked to, any other call at most 16 entries besides
//!   its own. Beyond that, a write may have to split a table of 1,792 addresses, to pass over 128
//!   entries for the one that it evicts, and to move the entries of one block, fewer than 79,
//!   for each 4 KiB that it needs.
//!
//! # What an entry costs
//!
//! [`Limits::max_bytes`] counts all that the map has allocated. An entry lies in a slot
//! of a block of 4 KiB: a header of 44 bytes, the key and the value, in one of 35 sizes.
//! Up to 180 bytes the slot has at most 11 bytes to spare, beyond that up to a
//! quarter. A value that does not fit into a slot of 1 KiB is split: into whole blocks,
//! halves and quarters, and a rest in the slot. Its place in a table takes 6 to 12 bytes.
//! A policy that evicts adds 5 bytes to remember evicted entries.
//!
//! Free blocks are used for entries of any size, or given back if many are
//! free. If free slots are scattered, entries are moved together.
//!
//! # Modules
//!
//! Dependencies point one way. Each line uses those below it, and the modules of one line do not
//! know each other:
//!
//! ```text
//! map                          the operations and their rules
//! index   wheel   eviction     which entry has a key; which are due; which one goes
//! value
//! arena                        slots for entries and for parts of values
//! blocks  slot                 memory; the slot of an entry on the hot paths
//! entry   key   list           the header of an entry; a key to look for; the linked list
//! address copy  layout         where things lie; how large they are
//! ```
//!
//! `hash` stands on `key`; `limits`, `clock` and `error` stand on nothing. The test `modules`
//! holds this table.
//!
//! Unsafe code is in `slot`, in `address`, and in those few functions of `blocks`, `entry`,
//! `arena`, `index` and `map` that lead to a slot unchecked, or write the lengths that `slot`
//! trusts. Each of them is an `unsafe fn`, or says why it may call one.

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

mod address;
mod arena;
mod blocks;
mod clock;
mod copy;
mod entry;
mod error;
mod eviction;
mod hash;
mod index;
mod key;
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
    DEFAULT_MAX_KEY_LEN, Limits, MAX_ENTRIES, MAX_KEY_LEN, MAX_PAGE_BYTES, MAX_PINS,
    MAX_SCAN_LIMIT, MAX_VALUE, MIN_BYTES, Policy,
};
pub use map::{
    Change, Condition, Entry, MAX_CHANGES, Map, Outcome, PinId, PinnedValue, Scanned, Stats, Ttl,
};
pub use value::Value;

/// Returns the hash of a key under a seed: for tests that look for keys which collide.
#[cfg(feature = "validate")]
pub fn hash_of(seed: u64, key: &[u8]) -> u32 {
    hash::KeyHasher::new(seed).hash_of(key)
}

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
