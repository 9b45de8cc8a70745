//! The operations that read, except for the most frequent one, [`Map::get`], which is in `lookup`.

use super::{CallTime, Entry, Map};
use crate::clock::Clock;
use crate::limits::{MAX_KEY_LEN, MAX_PAGE_BYTES};
use crate::value::Value;

/// The number of keys that a call looks up together.
const GROUP: usize = 16;

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
    #[expect(unsafe_code, reason = "visits an entry once: see `lookup`")]
    pub fn get_many<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k [u8]>,
        mut visit: impl FnMut(Option<Value<'_>>),
    ) {
        let mut call = CallTime::begin();
        let (mut answers, mut bytes) = (0, 0);
        let mut keys = keys.fuse();
        loop {
            // The lookups of a group wait for memory together instead of one after another.
            let mut group = [(&[][..], 0, None); GROUP];
            let mut len = 0;
            for (place, key) in group.iter_mut().zip(&mut keys) {
                // A key that is too long is not hashed. It is absent, as the empty key is.
                let key = if key.len() > MAX_KEY_LEN { &[] } else { key };
                *place = (key, self.prefetch_bucket(key), None);
                len += 1;
            }
            let group = group.get_mut(..len).unwrap_or_default();
            if group.is_empty() {
                return;
            }
            for (_, hash, likely) in &mut *group {
                *likely = self.prefetch_entry(*hash);
            }
            for (_, _, likely) in &*group {
                // SAFETY: nothing has been removed or moved since the entry was prefetched.
                unsafe { self.prefetch_value(*likely) };
            }
            let expired = self.counts.expired;
            for &mut (key, hash, likely) in group {
                // An entry that has expired has been removed.
                let likely = likely.filter(|_| self.counts.expired == expired);
                // SAFETY: nothing has been removed or moved since the group was prefetched.
                let found = unsafe { self.living_likely(&mut call, key, hash, likely) };
                let Some(found) = found else {
                    visit(None);
                    self.counts.misses += 1;
                    answers += 1;
                    continue;
                };
                // SAFETY: the entry has just been found.
                bytes += unsafe { self.arena.borrow(found.slot) }
                    .header()
                    .value_len();
                if bytes > MAX_PAGE_BYTES && answers > 0 {
                    return;
                }
                // SAFETY: the entry has just been found.
                unsafe { self.use_found(found, |value| visit(Some(value))) };
                self.counts.hits += 1;
                answers += 1;
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
