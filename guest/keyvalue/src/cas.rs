//! Compare-and-swap, by versions: a swap succeeds if the key has not been written, deleted
//! or expired since its handle was made.

use crate::bindings::localmap::core::local_map::{self as map, Condition, Error, Ttl};
use crate::bucket::Bucket;
use crate::handles::Handle;
use crate::{map as words, refusal};
use alloc::string::String;
use alloc::vec::Vec;

pub(crate) struct Cas {
    /// The key in the map.
    key: String,
    /// The TTL of the bucket.
    ttl: Ttl,
    /// What must still be there; none: nothing.
    version: Option<u64>,
    _held: Handle,
}

/// Why a swap was not made.
pub(crate) enum Failed {
    Refused(String),
    /// The key has changed. This is the handle for the next attempt.
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

    /// The value that is there now. The handle goes on standing for the time when it was
    /// made: if another value has come since, this gives it, and the swap fails.
    pub(crate) fn current(&self) -> Option<Vec<u8>> {
        words::get(self.key.as_bytes())
    }

    pub(crate) fn swap(self, value: &[u8]) -> Result<(), Failed> {
        let condition = self.version.map_or(Condition::Absent, Condition::Version);
        match map::set_if(self.key.as_bytes(), value, self.ttl, condition) {
            Ok(_) => Ok(()),
            Err(Error::Conflict(version)) => Err(Failed::Changed(Self { version, ..self })),
            Err(error) => Err(Failed::Refused(refusal::text(error))),
        }
    }
}
