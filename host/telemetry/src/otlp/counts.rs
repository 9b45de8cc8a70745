//! The numbers of spans that were sent, and of those that were not.

use std::sync::atomic::AtomicU64;

/// What became of the spans.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) exported: AtomicU64,
    pub(super) lost: AtomicU64,
}
