//! The client of localmap for guests in Rust. A localmap is a small, bounded key-value map with a
//! time to live for each key, which a host gives to each component instance.
//!
//! The guest is an ordinary program or library. Using this crate is enough to make the
//! component import `localmap:core/local-map@0.1.0`:
//!
//! ```no_run
//! use localmap_client::{LocalMap, Ttl};
//! use std::time::Duration;
//!
//! fn main() -> Result<(), localmap_client::Error> {
//!     let map = LocalMap::new();
//!
//!     // At most 10 requests a minute, in a window that starts with the first.
//!     let requests = map.increment("requests:alice", 1, Duration::from_secs(60))?;
//!     println!("{}", if requests <= 10 { "go on" } else { "too many" });
//!
//!     // A one-time token, valid for five minutes.
//!     map.set("token:7f3a", "alice", Duration::from_secs(300))?;
//!     assert_eq!(map.take("token:7f3a").as_deref(), Some(b"alice".as_slice()));
//!     assert!(map.take("token:7f3a").is_none());
//!
//!     // Keys and values are bytes. This entry stays until the instance ends.
//!     map.set(1815_u32.to_le_bytes(), [0xff, 0x00], Ttl::Never)?;
//!     for entry in map.scan("") {
//!         println!("{:?}: {} bytes", entry.key, entry.value.len());
//!     }
//!     Ok(())
//! }
//! ```
//!
//! Build it with `cargo build --target wasm32-wasip2` and run it with `localmap run`, or let
//! `localmap run` build it. `localmap new` creates such a crate, with a test; [the
//! guide][guide] does the same step by step. Each operation of [`LocalMap`] has an example.
//!
//! - **Time** is the host's monotonic clock. All time spans are [`Duration`]s, exact to the
//!   nanosecond. An entry expires when the clock reaches its deadline. From then on every
//!   operation treats its key as absent.
//! - **Limits** on entries, bytes and the length of a value are set by the host. A write beyond
//!   them returns an [`Error`], and all entries stay. Keys have 1 to [`DEFAULT_MAX_KEY_LEN`]
//!   bytes, or up to [`MAX_KEY_LEN`] if the host allows it.
//! - **All or nothing**: an operation that returns an error has changed no key, no value, no
//!   version and no deadline.
//! - **Errors** have one type, [`Error`], whose messages suggest a fix. The [`ApplyError`] of
//!   a batch adds the index of the change and converts to `Error` with `?`. Reading, deleting
//!   or touching an absent key is not an error.
//!
//! # Without a host
//!
//! With [`in_process`] the map is part of the guest and needs nothing from the host. It has the
//! same operations, and a guest selects it with one `use` line. Native tests of a guest can use it
//! as well.
//!
//! # Guests of the sidecar
//!
//! `localmap sidecar` hosts guests that other processes call, each time with the map of a tenant.
//! [`export_handler!`] makes a function such a guest.
//!
//! # Mirrors
//!
//! With [`mirror`] a guest reads copies of data that other machines own, such as a prefix of etcd, which the
//! host keeps up to date.
//!
//! # Features
//!
//! - `in-process`, on by default: the module [`in_process`]. A guest that does not use it
//!   contains none of its code; without the feature, the engine is not compiled.
//!
//! [`Duration`]: std::time::Duration
//! [guide]: https://github.com/localmap/localmap/blob/main/docs/guests.md

#![cfg_attr(
    not(feature = "in-process"),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "they lead to the module that does not exist then"
    )
)]

mod batch;
mod blocks;
mod change;
mod contract;
mod error;
mod handler;
#[cfg(feature = "in-process")]
pub mod in_process;
mod map;
pub mod mirror;
mod packed;
mod pinned;
mod scan;
mod types;

pub use change::{Change, MAX_CHANGES, Outcome};
pub use error::{ApplyError, Error, KeyFault};
#[doc(hidden)]
pub use handler::__handler;
pub use map::LocalMap;
pub use pinned::Pinned;
pub use scan::Scan;
pub use types::{Condition, DEFAULT_MAX_KEY_LEN, Entry, MAX_KEY_LEN, Page, Scanned, Ttl, Version};

/// Runs the examples of the README as tests.
#[cfg(all(doctest, feature = "in-process"))]
#[doc = include_str!("../README.md")]
struct Readme;
