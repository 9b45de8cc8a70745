//! What a Rust guest uses to talk to its localmap: the small, bounded key-value
//! map that its host gives to each component instance, with a time to live for
//! each key.
//!
//! The guest is an ordinary program or library. Using this crate is all it takes
//! to make the component import `localmap:core/local-map@0.1.0`:
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
//!     // A token that is good once, for five minutes.
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
//! Build it with `cargo build --target wasm32-wasip2` and run it with
//! `localmap run`, or let `localmap run` build it.
//!
//! - **Time** is the host's monotonic clock. All spans are [`Duration`]s, to the
//!   nanosecond. An entry is gone as soon as its time is up, for every operation
//!   alike.
//! - **Limits** are the host's: entries, bytes, and the length of a value. A
//!   write past them is an [`Error`], and what is there stays. Keys have 1 to
//!   [`MAX_KEY_LEN`] bytes, or up to 512 where the host says so.
//! - **All or nothing**: an operation that answers with an error has changed no
//!   key, no value, no version and no deadline.
//!
//! # Without a boundary
//!
//! With [`in_process`] the map is a part of the guest, and nothing is asked of the host:
//! the same operations, chosen by one `use` line. Natively it is what a guest's own code
//! can be tested with.
//!
//! # Features
//!
//! - `in-process`, on by default: the module [`in_process`]. A guest that does not use
//!   it has nothing of it; without the feature, the engine is not compiled.
//!
//! [`Duration`]: std::time::Duration

#![cfg_attr(
    not(feature = "in-process"),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "they lead to the module that is not there then"
    )
)]

mod batch;
mod change;
mod contract;
mod error;
#[cfg(feature = "in-process")]
pub mod in_process;
mod map;
mod pinned;
mod scan;
mod types;
mod words;

pub use change::{Change, MAX_CHANGES, Outcome};
pub use error::{ApplyError, Error, KeyFault};
pub use map::LocalMap;
pub use pinned::Pinned;
pub use scan::Scan;
pub use types::{Condition, Entry, MAX_KEY_LEN, Page, Scanned, Ttl, Version};

/// The programs of the guide compile.
#[cfg(all(doctest, feature = "in-process"))]
#[doc = include_str!("../../../docs/guests.md")]
struct Guide;
