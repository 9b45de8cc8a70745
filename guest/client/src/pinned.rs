//! A value that is held.

use crate::{Version, contract::calls, types::OneThread};

/// A value that is held, made by [`LocalMap::pin`](crate::LocalMap::pin): it stays
/// readable until this is dropped, even if its key is overwritten or deleted, expires
/// or is cleared meanwhile.
///
/// What it holds counts against the map's `max-bytes`, and it is one of `max-pins`.
/// Dropping it gives both back.
///
/// It does not lend the bytes as a slice: they lie in the map's memory, which is not
/// the guest's.
#[derive(Debug)]
#[must_use = "the value is held only until this is dropped"]
pub struct Pinned {
    handle: calls::Pinned,
    _one_thread: OneThread,
}

impl Pinned {
    pub(crate) fn new(handle: calls::Pinned) -> Self {
        Self {
            handle,
            _one_thread: OneThread::default(),
        }
    }

    /// A copy of the value, as it was when it was pinned. Each call copies it anew.
    #[must_use]
    pub fn value(&self) -> Vec<u8> {
        self.handle.value()
    }

    /// The version of the value.
    #[must_use]
    pub fn version(&self) -> Version {
        self.handle.version()
    }
}
