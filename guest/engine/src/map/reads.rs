//! The operations that read, except for the most frequent one, [`Map::get`], which is in `lookup`.

use super::{CallTime, Entry, Map};
use crate::clock::Clock;
use crate::limits::MAX_PAGE_BYTES;
use crate::value::Value;

impl<C: Clock> Map<C> {
    /// Returns the value of `key` with its version and its remaining time. Counts a hit or a
    /// miss.
    ///
    /// ```
    /// use localmap_engine::{Limits, Map, Ttl};
    ///
    /// let mut map = Map::new(|| 100, 42, Limits::default());
    /// let version = map.set(b"key", b"value", Ttl::After(30))?;
    /// let entry = map.get_entry(b"key").expect("it was just set");
    /// assert_eq!(entry.value, b"value");
    /// assert_eq!((entry.version, entry.expires_in), (version, Some(30)));
    /// # Ok::<(), localmap_engine::Error>(())
    /// ```
    pub fn get_entry(&mut self, key: &[u8]) -> Option<Entry<'_>> {
        let mut call = CallTime::begin();
        let entry = self.read_entry(&mut call, key)?;
        let expires_in = self.expires_in(&mut call, entry);
        Some(Entry {
            value: Value::of(&self.arena, entry),
            version: self.arena.header(entry).version(),
            expires_in,
        })
    }

    /// Calls `visit` with the values of several keys in their order, all at the same instant.
    /// Counts a hit or a miss for each.
    ///
    /// The values of one call have at most [`MAX_PAGE_BYTES`] in total, unless there is only one.
    /// `visit` may therefore be called fewer times than there are keys. Call `get_many` again with
    /// the remaining keys.
    ///
    /// ```
    /// use localmap_engine::{Limits, Map, Ttl};
    ///
    /// let mut map = Map::new(|| 0, 42, Limits::default());
    /// map.set(b"a", b"1", Ttl::Never)?;
    /// let keys: [&[u8]; 2] = [b"a", b"b"];
    /// let mut values = Vec::new();
    /// map.get_many(keys.into_iter(), |value| values.push(value.map(|value| value.to_vec())));
    /// assert_eq!(values, [Some(b"1".to_vec()), None]);
    /// # Ok::<(), localmap_engine::Error>(())
    /// ```
    pub fn get_many<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k [u8]>,
        mut visit: impl FnMut(Option<Value<'_>>),
    ) {
        let mut call = CallTime::begin();
        let mut bytes = 0;
        for (answers, key) in keys.enumerate() {
            let found = self.find(&mut call, key);
            let value = found.map(|entry| Value::of(&self.arena, entry));
            bytes += value.map_or(0, |value| value.len());
            if bytes > MAX_PAGE_BYTES && answers > 0 {
                return;
            }
            visit(value);
            match found {
                Some(entry) => {
                    self.counts.hits += 1;
                    self.eviction.used(&mut self.arena, entry);
                }
                None => self.counts.misses += 1,
            }
        }
    }

    /// Returns `true` if `key` is present. Counts neither a hit nor a miss, and does not count as
    /// a use of the entry.
    ///
    /// ```
    /// use localmap_engine::{Limits, Map, Ttl};
    ///
    /// let mut map = Map::new(|| 0, 42, Limits::default());
    /// map.set(b"key", b"value", Ttl::Never)?;
    /// assert!(map.contains(b"key") && !map.contains(b"another key"));
    /// # Ok::<(), localmap_engine::Error>(())
    /// ```
    pub fn contains(&mut self, key: &[u8]) -> bool {
        self.find(&mut CallTime::begin(), key).is_some()
    }
}
