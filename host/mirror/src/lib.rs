//! Mirrors of prefixes of [etcd](https://etcd.io) in maps of [`localmap`], which readers on the same
//! machine, and guests in their sandboxes, read in less than a microsecond.
//!
//! etcd has the truth; a mirror has a copy of one prefix, as it was at one revision. Each read says how old
//! the copy is at most, and a copy that is too old is not read: reads return an error instead.

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
