//! `localmap:core/local-map`: the app's interface to the map.

use crate::batch;
use crate::bindings::Component;
use crate::bindings::exports::localmap::core::local_map as wit;
use crate::pinned::PinHandle;
use crate::state::{storing, with_map};
use alloc::vec::Vec;
use localmap_engine as engine;

/// Calls `read` with the value of `key`. `abi` exports this as `get`.
pub(crate) fn get<R>(key: &[u8], read: impl FnOnce(Option<engine::Value<'_>>) -> R) -> R {
    with_map(|map| read(map.get(key)))
}

/// Stores a value. `abi` exports this as `set`.
pub(crate) fn set(key: &[u8], value: &[u8], ttl: engine::Ttl) -> Result<u64, engine::Error> {
    storing(|map| map.set(key, value, ttl))
}

impl wit::Guest for Component {
    type Pinned = PinHandle;

    fn get_entry(key: Vec<u8>) -> Option<wit::Entry> {
        with_map(|map| {
            map.get_entry(&key).map(|entry| wit::Entry {
                value: entry.value.to_vec(),
                version: entry.version,
                expires_in: entry.expires_in,
            })
        })
    }

    fn get_many(keys: Vec<Vec<u8>>) -> Vec<Option<Vec<u8>>> {
        let mut values = Vec::with_capacity(keys.len());
        with_map(|map| {
            map.get_many(keys.iter().map(Vec::as_slice), |value| {
                values.push(value.map(|value| value.to_vec()));
            });
        });
        values
    }

    fn contains(key: Vec<u8>) -> bool {
        with_map(|map| map.contains(&key))
    }

    fn set_if(
        key: Vec<u8>,
        value: Vec<u8>,
        ttl: wit::Ttl,
        condition: wit::Condition,
    ) -> Result<wit::Version, wit::Error> {
        storing(|map| Ok(map.set_if(&key, &value, ttl.into(), condition.into())?))
    }

    fn increment(key: Vec<u8>, delta: i64, ttl: wit::Ttl) -> Result<i64, wit::Error> {
        storing(|map| Ok(map.increment(&key, delta, ttl.into())?))
    }

    fn touch(key: Vec<u8>, ttl: wit::Ttl) -> Result<bool, wit::Error> {
        storing(|map| Ok(map.touch(&key, ttl.into())?))
    }

    fn take(key: Vec<u8>) -> Option<Vec<u8>> {
        with_map(|map| map.take(&key, |value| value.to_vec()))
    }

    fn delete(key: Vec<u8>) -> bool {
        with_map(|map| map.delete(&key))
    }

    fn delete_if(key: Vec<u8>, version: wit::Version) -> Result<(), wit::Error> {
        with_map(|map| Ok(map.delete_if(&key, version)?))
    }

    fn apply(changes: Vec<wit::Change>) -> Result<Vec<wit::Outcome>, (u32, wit::Error)> {
        let changes: Vec<engine::Change<'_>> = changes.iter().map(Into::into).collect();
        let outcomes = storing(|map| {
            batch::check(&changes, map.limits())?;
            map.apply(&changes)
        });
        match outcomes {
            Ok(outcomes) => Ok(outcomes.into_iter().map(Into::into).collect()),
            Err((index, error)) => Err((index, error.into())),
        }
    }

    fn pin(key: Vec<u8>) -> Result<Option<wit::Pinned>, wit::Error> {
        let handle = storing(|map| PinHandle::new(map, &key))?;
        Ok(handle.map(wit::Pinned::new))
    }

    fn scan(prefix: Vec<u8>, cursor: u64, limit: u32) -> wit::Page {
        let mut entries = Vec::new();
        let next = with_map(|map| {
            map.scan(&prefix, cursor, limit, |scanned| {
                entries.push(wit::Scanned {
                    key: scanned.key.to_vec(),
                    value: scanned.value.to_vec(),
                    version: scanned.version,
                    expires_in: scanned.expires_in,
                });
            })
        });
        wit::Page { entries, next }
    }

    fn len() -> u64 {
        with_map(engine::Map::len)
    }
}

impl From<wit::Ttl> for engine::Ttl {
    fn from(ttl: wit::Ttl) -> Self {
        match ttl {
            wit::Ttl::Default => Self::Default,
            wit::Ttl::Never => Self::Never,
            wit::Ttl::After(after) => Self::After(after),
        }
    }
}

impl From<wit::Condition> for engine::Condition {
    fn from(condition: wit::Condition) -> Self {
        match condition {
            wit::Condition::Absent => Self::Absent,
            wit::Condition::Present => Self::Present,
            wit::Condition::Version(version) => Self::Version(version),
        }
    }
}

impl From<engine::Error> for wit::Error {
    fn from(error: engine::Error) -> Self {
        use engine::{Error, KeyFault};
        match error {
            Error::InvalidKey(KeyFault::Empty) => Self::InvalidKey(wit::KeyFault::Empty),
            Error::InvalidKey(KeyFault::TooLong(len)) => {
                Self::InvalidKey(wit::KeyFault::TooLong(len))
            }
            Error::InvalidKey(KeyFault::NotUtf8) => Self::InvalidKey(wit::KeyFault::NotUtf8),
            Error::ValueTooLarge(max) => Self::ValueTooLarge(max),
            Error::InvalidTtl => Self::InvalidTtl,
            Error::Full => Self::Full,
            Error::Conflict(current) => Self::Conflict(current),
            Error::NotACounter => Self::NotACounter,
            Error::Overflow => Self::Overflow,
        }
    }
}
