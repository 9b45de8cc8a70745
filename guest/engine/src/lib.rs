//! The engine of localmap: a bounded map with byte keys and per-key time to live.
//!
//! It operates on byte slices, a [`Clock`] and [`Limits`], and knows nothing of WebAssembly, so
//! it runs both in a component and natively. It is `no_std` and uses `alloc`.
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
//!   and no deadline, and has evicted nothing. [`Map::apply`] combines several changes into one
//!   call.
//! * **Bounds.** No limit is exceeded after any call. A full map rejects new entries
//!   ([`Error::Full`]) or evicts old ones, depending on its [`Policy`]. If an allocation fails,
//!   the call also returns [`Error::Full`] rather than abort, and the memory held at that time
//!   becomes the limit for later calls.
//! * **Work.** [`Map::len`], [`Map::stats`], and a write that would otherwise return `Full` or
//!   evict, may visit every expired entry, and [`Map::clear`] visits all entries.
//!   [`Map::changes`] visits as many of them as its list has room for.
//!   [`Map::sweep`] frees at most the requested number of entries, and any other call at most 16
//!   in addition to its own. Apart from that, a write may have to split a table of 1,792
//!   addresses, to skip 128 entries to find the one to evict, and to move the entries of one
//!   block, fewer than 79, for each 4 KiB that it needs.
//!
//! # What an entry costs
//!
//! [`Limits::max_bytes`] limits all memory that the map has allocated. An entry is stored in a
//! slot of a block of 4 KiB. The slot contains a header of 44 bytes, the key and the value, and
//! has one of 35 sizes. Up to 180 bytes, a slot has at most 11 unused bytes; beyond that, up to
//! a quarter may be unused. A value that does not fit into a slot of 1 KiB is split into whole
//! blocks, halves and quarters, and the rest is stored in the slot. An entry also takes 6 to 12
//! bytes in a table. A policy that evicts adds 5 bytes to remember evicted entries.
//!
//! Free blocks are reused for entries of any size, or released if many are free. If free slots
//! are scattered, entries are moved together.
//!
//! # Modules
//!
//! Dependencies point one way. The modules of each line use only those on the lines below, and
//! those on the same line do not use each other:
//!
//! ```text
//! map                          the operations and their rules
//! index   wheel   eviction     finds entries by key; by deadline; to evict
//! value                        a value in one or several parts
//! arena                        slots for entries and for parts of values
//! blocks  slot                 memory; the slot of an entry on the hot paths
//! entry   key   list           the header of an entry; a key to look up; the linked list
//! address copy  layout         where data is stored, and its size
//! ```
//!
//! `hash` uses `key`, `limits` uses `error`, and `changes` uses both `limits` and `error`. `clock` and `error` use no other module. The
//! test `modules` enforces this order.
//!
//! Unsafe code is in `slot`, in `address`, in `blocks/owned.rs`, which owns the blocks, and in the
//! few functions of `blocks`, `entry`, `arena`, `index` and `map` that access a slot without checks,
//! or write the lengths that `slot` trusts. Each of them is an `unsafe fn`, or has a comment on why it may call one.

#![no_std]
#![deny(unsafe_code)]
#![allow(
    clippy::cast_possible_truncation,
    reason = "addresses, slots and lengths are limited to 32 bits or fewer; see `layout`, `blocks` \
              and `limits`"
)]

extern crate alloc;

#[cfg(test)]
extern crate std;

mod address;
mod arena;
mod blocks;
mod changes;
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

pub use changes::{Became, Changed};
pub use clock::Clock;
pub use error::{ConfigureError, Error, KeyFault, Setting};
pub use limits::{
    DEFAULT_MAX_KEY_LEN, Limits, MAX_ENTRIES, MAX_KEY_LEN, MAX_PAGE_BYTES, MAX_PINS,
    MAX_SCAN_LIMIT, MAX_TOLD_CHANGES, MAX_VALUE, MAX_WATCH_BYTES, MIN_BYTES, Policy,
};
pub use map::{
    Change, Condition, Entry, MAX_CHANGES, Map, Outcome, PinId, PinnedValue, Scanned, Stats, Told,
    Ttl,
};
pub use value::Value;

/// Returns the hash of a key with a seed, for tests that search for colliding keys.
#[cfg(feature = "validate")]
pub fn hash_of(seed: u64, key: &[u8]) -> u32 {
    hash::KeyHasher::new(seed).hash_of(key)
}

/// Runs the examples of the README as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
