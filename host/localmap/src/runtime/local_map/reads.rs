//! Reads of values by key.

use super::{LocalMap, findable};
use crate::contract::entry::Entry;
use crate::contract::error::MapTerminated;

/// The number of keys in one call of `get-many`, chosen so that they fit into the 64 KiB for which
/// the map guarantees room.
const KEYS_PER_CALL: usize = 256;

/// # Reads
impl LocalMap {
    /// Returns the value of `key`; `None` if it is absent. See [`LocalMap`] for an example.
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has terminated.
    pub fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, MapTerminated> {
        self.enter_with_key(key, |map, store, key| map.call_get(store, key))
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
        self.cell.enter(|live| live.append(findable(key), buffer))
    }

    /// Calls `read` with the value of `key`; with `None` if it is absent.
    pub(crate) fn get_with<R>(
        &mut self,
        key: &[u8],
        read: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R, MapTerminated> {
        let mut value = Vec::new();
        let found = self.get_into(key, &mut value)?;
        Ok(read(found.map(|_| value.as_slice())))
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
        self.enter_with_key(key, |map, store, key| {
            Ok(map.call_get_entry(store, key)?.map(Entry::from))
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
        self.cell.enter(|live| {
            let mut values = Vec::with_capacity(keys.len());
            while values.len() < keys.len() {
                let rest = &keys[values.len()..];
                let asked: Vec<&[u8]> = rest
                    .iter()
                    .take(KEYS_PER_CALL)
                    .map(|key| findable(key))
                    .collect();
                let found = live.map.call_get_many(&mut live.store, &asked)?;
                if found.is_empty() || found.len() > asked.len() {
                    return Err(wasmtime::Error::msg(
                        "the map contradicts its contract: get-many returned a wrong number of \
                         values",
                    ));
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
        self.enter_with_key(key, |map, store, key| map.call_contains(store, key))
    }
}
