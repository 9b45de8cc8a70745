//! Compare-and-swap, based on versions. A swap succeeds if the key has not been written or
//! deleted and has not expired since the handle was created.

use crate::bindings::localmap::core::local_map::{self as map, Condition, Error, Ttl};
use crate::bucket::Bucket;
use crate::handles::Handle;
use crate::{blocks, error_text::error_text};
use alloc::string::String;
use alloc::vec::Vec;

/// The handle of a compare-and-swap.
pub(crate) struct Cas {
    /// The key in the map.
    key: String,
    /// The TTL of the bucket.
    ttl: Ttl,
    /// The version that the key must still have; `None` if it must still be absent.
    version: Option<u64>,
    _held: Handle,
}

/// The reason why a swap failed.
pub(crate) enum Failed {
    /// The map rejected the write.
    Rejected(String),
    /// The key has changed. Carries the handle for the next attempt.
    Changed(Cas),
}

impl Cas {
    pub(crate) fn new(bucket: &Bucket, key: &str) -> Result<Self, String> {
        let key = bucket.key(key)?;
        Ok(Self {
            version: map::get_entry(key.as_bytes()).map(|entry| entry.version),
            ttl: bucket.ttl(),
            _held: Handle::new()?,
            key,
        })
    }

    /// Returns the current value. The handle still refers to the moment of its creation. If the
    /// value has changed since then, this returns the new value, and the swap fails.
    pub(crate) fn current(&self) -> Option<Vec<u8>> {
        blocks::get(self.key.as_bytes())
    }

    pub(crate) fn swap(self, value: &[u8]) -> Result<(), Failed> {
        let condition = self.version.map_or(Condition::Absent, Condition::Version);
        match map::set_if(self.key.as_bytes(), value, self.ttl, condition) {
            Ok(_) => Ok(()),
            Err(Error::Conflict(version)) => Err(Failed::Changed(Self { version, ..self })),
            Err(error) => Err(Failed::Rejected(error_text(error))),
        }
    }
}
