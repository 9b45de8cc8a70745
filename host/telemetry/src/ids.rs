//! Numbers that cannot be guessed, and hashes of keys that do not give the keys away.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};

/// A secret of the process, and what is derived from it.
///
/// It is the seed of the standard library's SipHash. Of a weaker hash, such as the one in the map, the
/// seed can be computed from a few keys that are known, and then any key can be tried. SipHash costs
/// some nanoseconds more, only while traces are written.
pub(crate) struct Ids(RandomState);

impl Ids {
    pub(crate) fn new() -> Self {
        Self(RandomState::new())
    }

    /// Returns the number that belongs to `of`, always the same one.
    pub(crate) fn number(&self, of: impl Hash) -> u64 {
        self.0.hash_one(of)
    }
}
