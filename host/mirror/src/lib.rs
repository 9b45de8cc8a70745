//! Mirrors of prefixes of [etcd](https://etcd.io) in maps of [`localmap`], which readers on the same
//! machine, and guests in their sandboxes, read in about a microsecond.
//!
//! etcd has the truth; a mirror has a copy of one prefix, as it was at one revision. Each read says how old
//! the copy is at most, and a copy that is too old is not read: reads return an error instead.
//!
//! ```no_run
//! # #[cfg(feature = "etcd")]
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use localmap::Host;
//! use localmap_mirror::{EtcdOptions, Freshness, Mirror, MirrorOptions};
//! use std::time::Duration;
//!
//! let etcd = EtcdOptions::new(["http://127.0.0.1:2379"], "/config/");
//! let mirror = Mirror::open(&Host::new()?, etcd, MirrorOptions::new())?;
//! mirror.ready(Duration::from_secs(5))?;
//!
//! match mirror.get("color") {
//!     Ok(read) => match read.freshness {
//!         Freshness::Fresh { .. } => println!("{:?}", read.found),
//!         Freshness::Stale { age } => println!("{:?}, as it was {age:?} ago", read.found),
//!     },
//!     Err(error) => println!("the built-in value, since {error}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Ways to read
//!
//! - **[`MirrorReader`]**, which a `Mirror` derefs to: `get`, `get_many`, `visit`. A read takes the lock of the
//!   mirror and enters the map's sandbox.
//! - **[`MirrorSnapshot`]**: a copy that is published from time to time, for many threads. A read needs no
//!   lock of the mirror.
//! - **[`add_to_linker`]**: guests read [`Mirrors`] through the interface `localmap:core/mirror`.
//!
//! # How old a copy is
//!
//! From time to time, the mirror sends a linearizable read to the cluster and notes the time before. The
//! answer has a revision. Once the copy is complete up to it, the copy has all that was committed before that
//! time. Nothing else proves an age: a server that is cut off from its cluster still reports progress, and a
//! watch whose user has lost the right to read still gets events.
//!
//! A copy is *fresh* while the mirror is connected and the age is less than two
//! [probe intervals](MirrorOptions::probe), *stale* up to [`max_stale`](MirrorOptions::max_stale), and an error
//! beyond that. The age is measured by a clock that counts the time for which the machine sleeps
//! ([`BootClock`]).
//!
//! # Sources
//!
//! A `Mirror` follows etcd, with the feature `etcd`: building it needs `protoc`, with the well-known types of
//! protobuf. A [`Feed`] makes a mirror of any other source that has revisions, and of none in tests.

#[cfg(feature = "etcd")]
mod etcd;

mod block_on;
mod clock;
mod error;
mod event;
mod feed;
mod link;
mod mirrors;
mod omitted;
mod options;
mod proof;
mod published;
mod read;
mod reader;
mod replica;
mod shared;
mod snapshot;
mod status;
mod stored;
mod version;

pub use clock::BootClock;
pub use error::{OmittedReason, OpenError, ReadError, Unfit};
#[cfg(feature = "etcd")]
pub use etcd::audit::{Comparison, Difference};
#[cfg(feature = "etcd")]
pub use etcd::mirror::Mirror;
#[cfg(feature = "etcd")]
pub use etcd::options::EtcdOptions;
#[cfg(feature = "etcd")]
pub use etcd::url::UrlError;
#[cfg(feature = "etcd")]
pub use etcd::write::{Expect, PutError, RequestError, Written};
pub use event::Event;
pub use feed::{Feed, List};
pub use link::add_to_linker;
pub use mirrors::Mirrors;
pub use options::MirrorOptions;
pub use read::{EntryRef, Freshness, MirrorEntry, OmittedKey, Read};
pub use reader::MirrorReader;
pub use snapshot::MirrorSnapshot;
pub use status::{Connection, Listing, MirrorCounts, MirrorState, MirrorStatus};

/// Runs the examples of the README as tests.
#[cfg(all(doctest, feature = "etcd"))]
#[doc = include_str!("../README.md")]
struct Readme;
