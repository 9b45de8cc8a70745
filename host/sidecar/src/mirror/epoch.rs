//! The number that identifies a map.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Returns a random number other than 0: a hash under the random keys of the standard library, which it
/// takes from the operating system.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish().max(1)
}
