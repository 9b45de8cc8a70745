//! Reads of values by key.

use super::observed::{hit, read};
use super::{LocalMap, findable};
use crate::contract::entry::Entry;
use crate::contract::error::MapTerminated;
use crate::contract::observer::{Asked, Operation, found};
use crate::runtime::core_instance::CoreInstance;
use std::cell::Cell;

/// The number of keys in one call of `get-many`, chosen so that they fit into the 64 KiB for which
/// the map guarantees room.
pub(super) const KEYS_PER_CALL: usize = 256;

/// # Reads
impl LocalMap {
    /// Returns the value of `key`; `None` if it is absent. See [`LocalMap`] for an example.
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has terminated.
    pub fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, MapTerminated> {
        self.get_with(key, |value| value.map(<[u8]>::to_vec))
    }

    /// Appends the value of `key` to `buffer` and returns its length in bytes; `None` if the
    /// key is absent.
    ///
    /// The value is copied once, from the memory of the map. Reuse the buffer to save the
    /// allocation.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// map.set(b"k", b"value", Ttl::Never)?;
    /// let mut buffer = Vec::new();
    /// assert_eq!(map.get_into(b"k", &mut buffer)?, Some(5));
    /// assert_eq!(buffer, b"value");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has terminated. In this case the buffer is unchanged.
    pub fn get_into(
        &mut self,
        key: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<Option<usize>, MapTerminated> {
        let before = buffer.len();
        let len = self.get_with(key, |value| {
            value.map(|value| {
                buffer.extend_from_slice(value);
                value.len()
            })
        });
        // The map can still fail while it frees its result.
        if len.is_err() {
            buffer.truncate(before);
        }
        len
    }

    /// Calls `read` with the value of `key`, which is not copied, and returns its result. An absent key
    /// has the value `None`.
    ///
    /// The value is in the memory of the map, which is locked: keep `read` short, and do not use the map
    /// in it. If it panics, the map terminates.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// map.set(b"k", b"value", Ttl::Never)?;
    /// let len = map.get_with(b"k", |value| value.map(<[u8]>::len))?;
    /// assert_eq!(len, Some(5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has terminated. `read` may have been called before.
    pub fn get_with<R>(
        &mut self,
        key: &[u8],
        read: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R, MapTerminated> {
        let seen = Cell::new(None);
        let note = |value: Option<&[u8]>| {
            seen.set(value.map(<[u8]>::len));
            read(value)
        };
        let of = |_: &R| (found(seen.get().is_some()), seen.get().unwrap_or(0));
        self.observed(Asked::key(Operation::Get, key), of, |map| {
            map.enter(|core| core.get(findable(key), note))
        })
    }

    /// Returns the value of `key` with its version and remaining time; `None` if it is absent.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// let version = map.set(b"k", b"value", Ttl::Never)?;
    /// let entry = map.get_entry(b"k")?.ok_or("absent")?;
    /// assert_eq!((entry.version, entry.expires_in), (version, None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has terminated.
    pub fn get_entry(&mut self, key: &[u8]) -> Result<Option<Entry>, MapTerminated> {
        self.observed(Asked::key(Operation::GetEntry, key), read, |map| {
            map.enter(|core| Ok(core.get_entry(findable(key))?.map(Entry::from)))
        })
    }

    /// Returns the values of several keys, in the order of `keys`.
    ///
    /// One call into the sandbox reads up to 256 keys or 1 MiB of values, all at the same instant.
    /// More keys or values take several calls, at different instants.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// map.set(b"a", b"1", Ttl::Never)?;
    /// assert_eq!(map.get_many(&[b"a", b"b"])?, [Some(b"1".to_vec()), None]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has terminated.
    pub fn get_many(&mut self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, MapTerminated> {
        let key_len = keys.iter().map(|key| key.len()).sum();
        self.observed(Asked::keys(Operation::GetMany, key_len), read, |map| {
            map.get_all(keys)
        })
    }

    fn get_all(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, MapTerminated> {
        self.cell.enter(|live| {
            let max = usize::try_from(live.limits.max_value).unwrap_or(usize::MAX);
            let mut values = Vec::with_capacity(keys.len());
            while values.len() < keys.len() {
                let rest = &keys[values.len()..];
                let asked: Vec<&[u8]> = rest
                    .iter()
                    .take(KEYS_PER_CALL)
                    .map(|key| findable(key))
                    .collect();
                let found = get_some(&mut live.core, &asked)?;
                // The fuel bounds each call, but a map could return a single value in each.
                if found.iter().flatten().any(|value| value.len() > max) {
                    wasmtime::bail!(
                        "the map contradicts its contract: get-many returned a value that is too long"
                    );
                }
                values.extend(found);
            }
            Ok(values)
        })
    }

    /// Returns `true` if `key` is present. Counts as neither a hit nor a miss.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// assert!(!map.contains(b"k")?);
    /// map.set(b"k", b"", Ttl::Never)?;
    /// assert!(map.contains(b"k")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has terminated.
    pub fn contains(&mut self, key: &[u8]) -> Result<bool, MapTerminated> {
        self.observed(Asked::key(Operation::Contains, key), hit, |map| {
            map.enter(|core| core.contains(findable(key)))
        })
    }

    /// Reads as many of the keys as one call returns, at least one. The keys and their lists must
    /// fit into the room that the map guarantees.
    pub(crate) fn get_some(
        &mut self,
        keys: &[&[u8]],
    ) -> Result<Vec<Option<Vec<u8>>>, MapTerminated> {
        let key_len = keys.iter().map(|key| key.len()).sum();
        self.observed(Asked::keys(Operation::GetMany, key_len), read, |map| {
            map.enter(|core| get_some(core, keys))
        })
    }
}

/// Reads as many of the keys as one call returns.
fn get_some(core: &mut CoreInstance, keys: &[&[u8]]) -> wasmtime::Result<Vec<Option<Vec<u8>>>> {
    let found = core.get_many(keys)?;
    let none_of_some = found.is_empty() && !keys.is_empty();
    if none_of_some || found.len() > keys.len() {
        wasmtime::bail!(
            "the map contradicts its contract: get-many returned a wrong number of values"
        );
    }
    Ok(found)
}
