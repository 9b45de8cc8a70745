//! The operations.

use crate::{
    ApplyError, Change, Condition, Entry, Error, KeyFault, MAX_KEY_LEN, Outcome, Page, Pinned,
    Scan, Scanned, Ttl, Version, batch, blocks, contract::calls, packed, types::OneThread,
};

/// The maximum size of the keys of one call in bytes, including [`PER_KEY`]. The contract
/// guarantees room for 64 KiB.
const MAX_BATCH: usize = 32 * 1024;

/// The bytes with which the documentation counts each key, in addition to its own. In a packed list
/// a key takes up to 7 bytes more.
const PER_KEY: usize = 8;

/// The map of this component instance.
///
/// Each instance has one map: all values of this type refer to the same one. It starts
/// empty, except for entries that the host stored in advance, and ends with the instance. No
/// other instance can see it.
///
/// Keys are any 1 to [`DEFAULT_MAX_KEY_LEN`](crate::DEFAULT_MAX_KEY_LEN) bytes, or up to
/// [`MAX_KEY_LEN`] if the host's `max-key` allows it. Values are any bytes, up to the map's
/// `max-value` (1 MiB unless the host sets another). Writes check both. Reads never fail: a
/// key that the map cannot store is absent. A value that exceeds `max-value` by more than 64 KiB
/// may end the instance with a trap.
///
/// An entry expires when the host's clock reaches its deadline. From then on every operation
/// treats its key as absent.
///
/// Outside WebAssembly there is no host to call: the operations compile, but panic when they
/// are called. For native tests use [`in_process::LocalMap`](crate::in_process::LocalMap),
/// which has the same operations. The examples below run with that type.
#[derive(Debug, Default)]
pub struct LocalMap {
    _one_thread: OneThread,
}

impl LocalMap {
    /// Returns the map of this instance. Calls nothing and changes nothing.
    ///
    /// ```
    /// # use localmap_client::{Error, Ttl, in_process::LocalMap};
    /// LocalMap::new().set("motd", "hello", Ttl::Never)?;
    /// assert!(LocalMap::new().contains("motd")); // the same map
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the value of `key`, or `None` if it is absent.
    ///
    /// ```
    /// # use localmap_client::{Error, Ttl, in_process::LocalMap};
    /// # let map = LocalMap::new();
    /// map.set("name", "alice", Ttl::Never)?;
    /// assert_eq!(map.get("name").as_deref(), Some(b"alice".as_slice()));
    /// assert_eq!(map.get("absent"), None);
    ///
    /// // Reading a counter: 8 bytes, little-endian.
    /// map.increment("visits", 3, Ttl::Never)?;
    /// let visits = map.get("visits").and_then(|value| value.try_into().ok());
    /// assert_eq!(visits.map(i64::from_le_bytes), Some(3));
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        let key = to_read(key.as_ref());
        if key.len() <= blocks::MAX_KEY {
            return blocks::get(key);
        }
        calls::get(key)
    }

    /// Replaces the contents of `value` with the value of `key`. Returns `false`, and leaves
    /// `value` empty, if `key` is absent.
    ///
    /// For keys of at most 64 bytes this allocates only if `value` has too little capacity.
    ///
    /// ```
    /// # use localmap_client::{Error, Ttl, in_process::LocalMap};
    /// # let map = LocalMap::new();
    /// map.set("a", "1", Ttl::Never)?;
    /// map.set("b", "2", Ttl::Never)?;
    /// let mut value = Vec::new();
    /// for key in ["a", "b", "c"] {
    ///     if map.get_into(key, &mut value) {
    ///         println!("{key} has {} bytes", value.len());
    ///     }
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use = "an empty value may also be the value of a present key"]
    pub fn get_into(&self, key: impl AsRef<[u8]>, value: &mut Vec<u8>) -> bool {
        let key = to_read(key.as_ref());
        if key.len() <= blocks::MAX_KEY {
            return blocks::get_into(key, value);
        }
        let found = calls::get(key);
        let present = found.is_some();
        *value = found.unwrap_or_default();
        present
    }

    /// Returns the value of `key` with its version and remaining time, or `None` if it is
    /// absent.
    ///
    /// ```
    /// # use localmap_client::{Condition, Error, Ttl, in_process::LocalMap};
    /// # use std::time::Duration;
    /// # let map = LocalMap::new();
    /// map.set("list", "tea", Duration::from_secs(60))?;
    ///
    /// // Change the value unless it has changed meanwhile, and keep its remaining time.
    /// if let Some(entry) = map.get_entry("list") {
    ///     let longer = [entry.value, b", milk".to_vec()].concat();
    ///     let unchanged = Condition::Version(entry.version);
    ///     map.set_if("list", longer, entry.expires_in, unchanged)?;
    /// }
    /// assert_eq!(map.get("list").as_deref(), Some(b"tea, milk".as_slice()));
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn get_entry(&self, key: impl AsRef<[u8]>) -> Option<Entry> {
        calls::get_entry(to_read(key.as_ref())).map(Entry::from)
    }

    /// Returns the values of several keys, in the order of `keys`.
    ///
    /// All values are read at the same instant if the keys, plus 8 bytes each, take less than
    /// 32 KiB and the values at most 1 MiB. Otherwise the rest is read by further calls, at later
    /// instants.
    ///
    /// ```
    /// # use localmap_client::{Error, Ttl, in_process::LocalMap};
    /// # let map = LocalMap::new();
    /// map.set("a", "1", Ttl::Never)?;
    /// map.set("c", "3", Ttl::Never)?;
    /// let values = map.get_many(&["a", "b", "c"]);
    /// assert_eq!(values, [Some(b"1".to_vec()), None, Some(b"3".to_vec())]);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn get_many<K: AsRef<[u8]>>(&self, keys: &[K]) -> Vec<Option<Vec<u8>>> {
        let mut values = Vec::with_capacity(keys.len());
        let mut sent = 0;
        while let Some(rest) = keys.get(sent..).filter(|rest| !rest.is_empty()) {
            let rest = rest.iter().map(|key| to_read(key.as_ref()));
            let before = values.len();
            packed::get_many(rest.clone().take(batch_len(rest)), &mut values);
            // The contract guarantees at least one answer and at most one per key.
            sent += (values.len() - before).max(1);
        }
        values
    }

    /// Returns `true` if `key` is present. Counts as neither a hit nor a miss.
    ///
    /// ```
    /// # use localmap_client::{Error, in_process::LocalMap};
    /// # use std::time::Duration;
    /// # let map = LocalMap::new();
    /// map.set("seen:42", "", Duration::from_secs(60))?;
    /// assert!(map.contains("seen:42") && !map.contains("seen:43"));
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        calls::contains(to_read(key.as_ref()))
    }

    /// Stores a value with its TTL and returns its version. Replaces the value and the TTL
    /// that `key` had.
    ///
    /// ```
    /// # use localmap_client::{Error, Ttl, in_process::LocalMap};
    /// # use std::time::Duration;
    /// # let map = LocalMap::new();
    /// map.set("session:7f3a", "alice", Duration::from_secs(1800))?;
    /// map.set("motd", "hello", Ttl::Never)?;
    /// // Keys and values are bytes.
    /// map.set(1815_u32.to_le_bytes(), [0xff, 0x00], Ttl::Default)?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`InvalidKey`](Error::InvalidKey) if the map does not accept the key.
    /// - [`ValueTooLarge`](Error::ValueTooLarge) if the value is longer than `max-value`.
    /// - [`InvalidTtl`](Error::InvalidTtl) if the TTL is zero.
    /// - [`Full`](Error::Full) if there is no room and nothing can be evicted.
    pub fn set(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        ttl: impl Into<Ttl>,
    ) -> Result<Version, Error> {
        let key = to_write(key.as_ref())?;
        if key.len() <= blocks::MAX_KEY {
            return blocks::set(key, value.as_ref(), ttl.into());
        }
        Ok(calls::set(key, value.as_ref(), ttl.into().into())?)
    }

    /// Stores a value as [`set`](Self::set) does, if `condition` holds.
    ///
    /// ```
    /// # use localmap_client::{Condition, Error, in_process::LocalMap};
    /// # use std::time::Duration;
    /// # let map = LocalMap::new();
    /// // At most one mail in ten minutes.
    /// let once = |key| map.set_if(key, "", Duration::from_secs(600), Condition::Absent);
    /// assert!(once("mail:alice").is_ok());
    /// assert!(matches!(once("mail:alice"), Err(Error::Conflict { .. })));
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`set`](Self::set), and:
    ///
    /// - [`Conflict`](Error::Conflict) if `condition` does not hold.
    pub fn set_if(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        ttl: impl Into<Ttl>,
        condition: Condition,
    ) -> Result<Version, Error> {
        let key = to_write(key.as_ref())?;
        let ttl = ttl.into().into();
        Ok(calls::set_if(key, value.as_ref(), ttl, condition.into())?)
    }

    /// Adds `delta` to a counter and returns the sum.
    ///
    /// A counter is a value of 8 bytes: a little-endian `i64`. An existing counter keeps its
    /// deadline, and `ttl` is only checked. An absent counter starts from 0 with `ttl`, so a TTL
    /// creates a fixed window that begins with the first `increment`. The counter gets a new
    /// version.
    ///
    /// ```
    /// # use localmap_client::{Error, in_process::LocalMap};
    /// # use std::time::Duration;
    /// # let map = LocalMap::new();
    /// // At most 10 requests a minute, in a window that begins with the first.
    /// let requests = map.increment("requests:alice", 1, Duration::from_secs(60))?;
    /// assert!(requests <= 10);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`InvalidKey`](Error::InvalidKey) if the map does not accept the key.
    /// - [`InvalidTtl`](Error::InvalidTtl) if the TTL is zero.
    /// - [`Full`](Error::Full) if there is no room and nothing can be evicted.
    /// - [`NotACounter`](Error::NotACounter) if the present value is not 8 bytes long.
    /// - [`Overflow`](Error::Overflow) if the sum does not fit into an `i64`.
    /// - [`ValueTooLarge`](Error::ValueTooLarge) if the host set `max-value` to less than 8
    ///   bytes.
    pub fn increment(
        &self,
        key: impl AsRef<[u8]>,
        delta: i64,
        ttl: impl Into<Ttl>,
    ) -> Result<i64, Error> {
        let key = to_write(key.as_ref())?;
        Ok(calls::increment(key, delta, ttl.into().into())?)
    }

    /// Gives an existing entry a new TTL, counted from now, and keeps its value and version.
    /// Returns `false` if `key` is absent; it stays absent.
    ///
    /// ```
    /// # use localmap_client::{Error, in_process::LocalMap};
    /// # use std::time::Duration;
    /// # let map = LocalMap::new();
    /// // A session that ends after half an hour without a request.
    /// let idle = Duration::from_secs(1800);
    /// if !map.touch("session:alice", idle)? {
    ///     map.set("session:alice", "new", idle)?;
    /// }
    /// assert!(map.touch("session:alice", idle)?);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`InvalidKey`](Error::InvalidKey) if the map does not accept the key.
    /// - [`InvalidTtl`](Error::InvalidTtl) if the TTL is zero.
    /// - [`Full`](Error::Full) if there is no memory to record the deadline of an entry that
    ///   had none.
    pub fn touch(&self, key: impl AsRef<[u8]>, ttl: impl Into<Ttl>) -> Result<bool, Error> {
        let key = to_write(key.as_ref())?;
        Ok(calls::touch(key, ttl.into().into())?)
    }

    /// Deletes `key` and returns its value, or `None` if it was absent. Use it for
    /// one-time tokens.
    ///
    /// ```
    /// # use localmap_client::{Error, in_process::LocalMap};
    /// # use std::time::Duration;
    /// # let map = LocalMap::new();
    /// map.set("token:7f3a", "alice", Duration::from_secs(300))?;
    /// assert_eq!(map.take("token:7f3a").as_deref(), Some(b"alice".as_slice()));
    /// assert_eq!(map.take("token:7f3a"), None);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use = "the value is deleted; use `delete` if you do not need it"]
    pub fn take(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        calls::take(to_read(key.as_ref()))
    }

    /// Deletes `key`. Returns `true` if it was present.
    ///
    /// ```
    /// # use localmap_client::{Error, Ttl, in_process::LocalMap};
    /// # let map = LocalMap::new();
    /// map.set("draft", "…", Ttl::Never)?;
    /// assert!(map.delete("draft"));
    /// assert!(!map.delete("draft"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn delete(&self, key: impl AsRef<[u8]>) -> bool {
        calls::delete(to_read(key.as_ref()))
    }

    /// Deletes `key` if its value has the given version.
    ///
    /// ```
    /// # use localmap_client::{Error, Ttl, in_process::LocalMap};
    /// # let map = LocalMap::new();
    /// let mine = map.set("lock", "me", Ttl::Never)?;
    /// let theirs = map.set("lock", "them", Ttl::Never)?;
    /// assert_eq!(map.delete_if("lock", mine), Err(Error::Conflict { current: Some(theirs) }));
    /// assert_eq!(map.delete_if("lock", theirs), Ok(()));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`Conflict`](Error::Conflict) if the value has another version or the key is absent.
    pub fn delete_if(&self, key: impl AsRef<[u8]>, version: Version) -> Result<(), Error> {
        Ok(calls::delete_if(to_read(key.as_ref()), version)?)
    }

    /// Makes all changes of a batch or none of them, at a single instant.
    ///
    /// Changes are made in order, and each one sees the effects of the changes before it. The
    /// result has one outcome per change. If a change fails, none is made; the error carries
    /// its index and the reason. Deleting or touching an absent key is not an error. An empty
    /// batch changes nothing.
    ///
    /// A batch can have at most [`MAX_CHANGES`](crate::MAX_CHANGES) changes. The total size of its
    /// keys and values is limited to 64 KiB plus the larger of 1 MiB and the map's largest value.
    /// (The largest value is `max-value`, or `max-bytes` if that is less.) The first change
    /// beyond these limits fails with [`Full`](Error::Full). A batch far beyond them may end the
    /// instance with a trap.
    ///
    /// ```
    /// use localmap_client::{Change, Condition, Outcome, Ttl};
    /// # use localmap_client::in_process::LocalMap;
    /// # use std::time::Duration;
    ///
    /// # let map = LocalMap::new();
    /// let done = map.apply(&[
    ///     // Only if the token has not been redeemed yet.
    ///     Change::set_if("redeemed:7f3a", "alice", Ttl::Never, Condition::Absent),
    ///     Change::increment("credit:alice", 10, Ttl::Never),
    ///     Change::touch("session:alice", Duration::from_secs(1800)),
    /// ])?;
    /// if let [Outcome::Stored(_), Outcome::Counter(credit), Outcome::Touched(_)] = done[..] {
    ///     println!("alice has {credit} now");
    /// }
    /// # assert_eq!(done[1], Outcome::Counter(10));
    /// # Ok::<(), localmap_client::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an [`ApplyError`] with the index of the first change that fails, and the error of
    /// the operation of the same name. The error is also [`Full`](Error::Full) if the batch exceeds
    /// its limits.
    pub fn apply(&self, changes: &[Change<'_>]) -> Result<Vec<Outcome>, ApplyError> {
        batch::apply(changes)
    }

    /// Pins the value of `key`. It stays readable until the returned [`Pinned`] is dropped, even
    /// if the key is changed or deleted. Returns `None` if the key is absent.
    ///
    /// An entry is not evicted while its current value is pinned. It still expires at its
    /// deadline.
    ///
    /// ```
    /// # use localmap_client::{Error, Ttl, in_process::LocalMap};
    /// # let map = LocalMap::new();
    /// map.set("rates", "EUR 1.08", Ttl::Never)?;
    /// if let Some(rates) = map.pin("rates")? {
    ///     map.set("rates", "EUR 1.09", Ttl::Never)?;
    ///     assert_eq!(rates.value(), b"EUR 1.08");
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`Full`](Error::Full) if the map has as many pins as its `max-pins` allows (1,024
    ///   unless the host sets another limit), or no memory for another one.
    pub fn pin(&self, key: impl AsRef<[u8]>) -> Result<Option<Pinned>, Error> {
        Ok(calls::pin(to_read(key.as_ref()))?.map(Pinned::new))
    }

    /// Returns an iterator over the entries whose keys begin with `prefix` (all entries, if
    /// it is empty), in no particular order.
    ///
    /// The map may be changed during the scan. Each entry that exists throughout the scan is
    /// returned exactly once, in the state in which its page was read. An entry that is created
    /// or removed during the scan may or may not be returned. A key that is deleted and set again
    /// is returned at most once. The iterator holds one page at a time: at most 1 MiB, or one
    /// entry if that is larger.
    ///
    /// ```
    /// # use localmap_client::{Error, Ttl, in_process::LocalMap};
    /// # let map = LocalMap::new();
    /// for (key, value) in [("user:1", "alice"), ("user:2", "bob"), ("motd", "hello")] {
    ///     map.set(key, value, Ttl::Never)?;
    /// }
    /// for entry in map.scan("user:") {
    ///     println!("{:?} has {} bytes", entry.key, entry.value.len());
    /// }
    /// assert_eq!(map.scan("user:").count(), 2);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn scan(&self, prefix: impl AsRef<[u8]>) -> Scan<'_> {
        Scan::new(self, prefix.as_ref(), |map, prefix, cursor, limit| {
            map.scan_page(prefix, cursor, limit)
        })
    }

    /// Returns one page of a [`scan`](Self::scan). Use it if you cannot keep an iterator, for
    /// example between two requests.
    ///
    /// Start with a `cursor` of 0 and continue with [`Page::next`] until it is `None`. A page
    /// visits at most `limit` entries (0 counts as 1, more than 4,096 as 4,096). It can exceed
    /// that slightly, because keys with equal hashes are on the same page, and it may be empty
    /// before the scan ends. It ends early rather than exceed 1 MiB of keys and values, but always
    /// holds at least one entry if it found one. A `cursor` that no page returned is harmless but
    /// may skip entries.
    ///
    /// ```
    /// # use localmap_client::{Error, Ttl, in_process::LocalMap};
    /// # let map = LocalMap::new();
    /// map.set("user:1", "alice", Ttl::Never)?;
    /// let (mut cursor, mut users) = (Some(0), 0);
    /// while let Some(at) = cursor {
    ///     let page = map.scan_page("user:", at, 100);
    ///     users += page.entries.len();
    ///     cursor = page.next; // keep it until there is time for more
    /// }
    /// assert_eq!(users, 1);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn scan_page(&self, prefix: impl AsRef<[u8]>, cursor: u64, limit: u32) -> Page {
        let prefix = prefix.as_ref();
        // No key is longer than this, so none begins with the prefix.
        if prefix.len() > MAX_KEY_LEN {
            return Page::default();
        }
        let page = calls::scan(prefix, cursor, limit);
        Page {
            entries: page.entries.into_iter().map(Scanned::from).collect(),
            next: page.next,
        }
    }

    /// Returns the number of entries that have not expired. May visit every expired entry.
    ///
    /// ```
    /// # use localmap_client::{Error, Ttl, in_process::LocalMap};
    /// # let map = LocalMap::new();
    /// assert!(map.is_empty());
    /// map.set("motd", "hello", Ttl::Never)?;
    /// assert_eq!(map.len(), 1);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> u64 {
        calls::len()
    }

    /// Returns `true` if the map has no entry. May visit every expired entry. See
    /// [`len`](Self::len) for an example.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Returns the key that a read passes to the map. A key that is too long to exist becomes the
/// empty key, which does not exist either. This saves the copy, and avoids the trap that arguments
/// cause if they are too large.
fn to_read(key: &[u8]) -> &[u8] {
    if key.len() > MAX_KEY_LEN { &[] } else { key }
}

/// Returns the key that a write passes to the map, or an error if it is too long to exist.
fn to_write(key: &[u8]) -> Result<&[u8], Error> {
    if key.len() > MAX_KEY_LEN {
        let len = key.len() as u64;
        return Err(Error::InvalidKey(KeyFault::TooLong { len }));
    }
    Ok(key)
}

/// Returns the number of `keys` that fit into one call: at least one, unless there is none.
fn batch_len<'k>(keys: impl Iterator<Item = &'k [u8]>) -> usize {
    let mut bytes = 0;
    keys.take_while(|key| {
        bytes += key.len() + PER_KEY;
        bytes <= MAX_BATCH
    })
    .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_too_long_to_exist_is_absent_for_reads_and_an_error_for_writes() {
        let longest = [b'k'; MAX_KEY_LEN];
        let longer = [b'k'; MAX_KEY_LEN + 1];
        assert_eq!(to_read(&longest), longest);
        assert_eq!(to_read(&longer), []);
        assert_eq!(to_write(&longest), Ok(longest.as_slice()));
        assert_eq!(
            to_write(&longer),
            Err(Error::InvalidKey(KeyFault::TooLong { len: 513 }))
        );
    }

    #[test]
    fn a_batch_takes_at_least_one_key_and_no_more_than_its_bytes() {
        assert_eq!(batch_len([].into_iter()), 0);
        let longest = [b'k'; MAX_KEY_LEN];
        for key in [b"".as_slice(), b"k", &longest] {
            let keys = vec![key; MAX_BATCH];
            let n = batch_len(keys.iter().copied());
            assert!(n >= 1);
            assert!(n * (key.len() + PER_KEY) <= MAX_BATCH);
            assert!((n + 1) * (key.len() + PER_KEY) > MAX_BATCH);
        }
    }
}
