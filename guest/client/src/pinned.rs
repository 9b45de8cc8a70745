//! A pinned value.

use crate::{Version, contract::calls, types::OneThread};

/// A pinned value, returned by [`LocalMap::pin`](crate::LocalMap::pin). It stays readable
/// until this is dropped, even if its key is overwritten, deleted or cleared, or expires.
///
/// Its bytes count towards the map's `max-bytes`, and it counts as one of `max-pins`.
/// Dropping it releases both.
///
/// It does not return the bytes as a slice, because they are in the map's memory, which is separate
/// from the guest's.
#[derive(Debug)]
#[must_use = "the value is pinned only until this is dropped"]
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

    /// Returns a copy of the value as it was when it was pinned. Each call makes a new copy.
    /// See [`LocalMap::pin`](crate::LocalMap::pin) for an example.
    #[must_use]
    pub fn value(&self) -> Vec<u8> {
        self.handle.value()
    }

    /// Returns the version of the value.
    ///
    /// ```
    /// # use localmap_client::{Error, Ttl, in_process::LocalMap};
    /// # let map = LocalMap::new();
    /// let version = map.set("rates", "EUR 1.08", Ttl::Never)?;
    /// let pinned = map.pin("rates")?;
    /// assert_eq!(pinned.map(|rates| rates.version()), Some(version));
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn version(&self) -> Version {
        self.handle.version()
    }
}
