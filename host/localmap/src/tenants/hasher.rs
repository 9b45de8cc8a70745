//! The hash function for names and keys, whose seeds come from the random source of the operating
//! system: clients choose names, and must not choose collisions.

use foldhash::SharedSeed;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

pub(crate) use foldhash::quality::SeedableRandomState as SeededState;

/// The seed of foldhash itself, which would otherwise be the same in each process.
static SHARED: LazyLock<SharedSeed> = LazyLock::new(|| SharedSeed::from_u64(random()));

/// Creates a hash function with a seed of its own.
pub(crate) fn seeded() -> SeededState {
    SeededState::with_seed(random(), &SHARED)
}

/// Returns a random number: a hash under the random keys of the standard library.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
