//! What a read of a mirror returns.

use crate::error::OmittedReason;
use std::time::Duration;

/// An entry of a mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MirrorEntry {
    /// The value.
    pub value: Vec<u8>,
    /// The revision at which the source has stored this value.
    pub mod_revision: u64,
}

/// A borrowed entry of a mirror: see [`MirrorReader::get_with`](crate::MirrorReader::get_with).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryRef<'a> {
    /// The value.
    pub value: &'a [u8],
    /// The revision at which the source has stored this value.
    pub mod_revision: u64,
}

impl EntryRef<'_> {
    /// Copies the entry.
    #[must_use]
    pub fn to_entry(self) -> MirrorEntry {
        MirrorEntry {
            value: self.value.to_vec(),
            mod_revision: self.mod_revision,
        }
    }
}

/// A key that the source has and the map of the mirror cannot hold: see
/// [`MirrorReader::omitted`](crate::MirrorReader::omitted).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OmittedKey {
    /// The key, without the prefix.
    pub key: Vec<u8>,
    /// Why the map cannot hold it.
    pub reason: OmittedReason,
}

/// A result of a read, and how old it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Read<T> {
    /// What was read.
    pub found: T,
    /// The revision of the copy, of which `found` is a part.
    pub as_of: u64,
    /// The age of the copy.
    pub freshness: Freshness,
}

/// How old a copy is. The source may have had other values since then, and had none before that the copy
/// does not have.
///
/// The age is an upper bound: all that was committed that long ago is in the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// The mirror is connected and live, and the age is less than two
    /// [probe intervals](crate::MirrorOptions::probe).
    Fresh {
        /// The age of the copy, at most.
        age: Duration,
    },
    /// The mirror reconnects, lists its prefix or is late. The age is at most
    /// [`max_stale`](crate::MirrorOptions::max_stale); beyond it, reads return an error.
    Stale {
        /// The age of the copy, at most.
        age: Duration,
    },
}

impl Freshness {
    /// Returns the age of the copy, at most.
    #[must_use]
    pub fn age(self) -> Duration {
        match self {
            Self::Fresh { age } | Self::Stale { age } => age,
        }
    }

    /// Returns `true` if the copy is fresh.
    #[must_use]
    pub fn is_fresh(self) -> bool {
        matches!(self, Self::Fresh { .. })
    }
}
