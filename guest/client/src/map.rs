//! The operations.

use crate::{
    ApplyError, Change, Condition, Entry, Error, KeyFault, Outcome, Page, Pinned, Scan, Scanned,
    Ttl, Version, batch,
    contract::calls,
    types::{LONGEST_KEY, OneThread},
    words,
};

/// What the keys of one `get-many` may take up, each with the 8 bytes that
/// point to it. The contract promises to take 64 KiB.
const MAX_BATCH: usize = 32 * 1024;

/// The map of this component instance.
///
/// There is one for each instance, whoever asks for it: all values of this type
/// are the same map. It is empty when the instance starts (but for entries that
/// the host put there) and ends with it. No other instance can see it.
///
/// Keys are any 1 to [`MAX_KEY_LEN`](crate::MAX_KEY_LEN) bytes, values any bytes up to the map's
/// `max-value` (1 MiB unless the host says otherwise). Writes check both; reads
/// never fail: a key that cannot exist is absent. A value that is more than
/// 64 KiB longer than `max-value` may end the instance.
///
/// An entry whose time is up is gone, for every operation alike. The clock is
/// the host's.
///
/// Outside of WebAssembly there is no host to answer: the calls compile, and panic
/// when they are made. To test natively, take
/// [`in_process::LocalMap`](crate::in_process::LocalMap), which has the same operations.
#[derive(Debug, Default)]
pub struct LocalMap {
    _one_thread: OneThread,
}

impl LocalMap {
    /// The map of this instance. Costs nothing and changes nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        let key = to_read(key.as_ref());
        if key.len() <= words::MAX_KEY {
            return words::get(key);
        }
        calls::get(key)
    }

    /// Puts the value of `key` into `value`, in place of what was in it. False: the key
    /// is not there, and `value` is empty.
    ///
    /// This saves an allocation, where `value` has room, for keys of at most 64 bytes.
    #[must_use = "an empty value and one that is not there are not the same"]
    pub fn get_into(&self, key: impl AsRef<[u8]>, value: &mut Vec<u8>) -> bool {
        let key = to_read(key.as_ref());
        if key.len() <= words::MAX_KEY {
            return words::get_into(key, value);
        }
        let found = calls::get(key);
        let there = found.is_some();
        *value = found.unwrap_or_default();
        there
    }

    /// The value of `key` with its version and the time it has left.
    #[must_use]
    pub fn get_entry(&self, key: impl AsRef<[u8]>) -> Option<Entry> {
        calls::get_entry(to_read(key.as_ref())).map(Entry::from)
    }

    /// The values of several keys, in their order.
    ///
    /// They are all as of one instant where the keys take less than 32 KiB,
    /// with 8 bytes for each, and their values no more than 1 MiB. What is
    /// beyond that is asked for in further calls.
    #[must_use]
    pub fn get_many<K: AsRef<[u8]>>(&self, keys: &[K]) -> Vec<Option<Vec<u8>>> {
        let keys: Vec<&[u8]> = keys.iter().map(|key| to_read(key.as_ref())).collect();
        let mut values = Vec::with_capacity(keys.len());
        let mut rest = keys.as_slice();
        while !rest.is_empty() {
            let answers = calls::get_many(&rest[..batch_len(rest)]);
            // The contract promises one answer at least, and none too many.
            rest = rest.get(answers.len().max(1)..).unwrap_or_default();
            values.extend(answers);
        }
        values
    }

    /// Whether `key` is there.
    #[must_use]
    pub fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        calls::contains(to_read(key.as_ref()))
    }

    /// Stores a value and its TTL, in place of what was there.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`](Error::InvalidKey), [`ValueTooLarge`](Error::ValueTooLarge),
    /// [`InvalidTtl`](Error::InvalidTtl), [`Full`](Error::Full).
    pub fn set(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        ttl: impl Into<Ttl>,
    ) -> Result<Version, Error> {
        let key = to_write(key.as_ref())?;
        if key.len() <= words::MAX_KEY {
            return words::set(key, value.as_ref(), ttl.into());
        }
        Ok(calls::set(key, value.as_ref(), ttl.into().into())?)
    }

    /// Stores as [`set`](Self::set) does, where `condition` holds.
    ///
    /// # Errors
    ///
    /// Those of [`set`](Self::set), and [`Conflict`](Error::Conflict) where it
    /// does not hold.
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

    /// Adds `delta` to a counter and gives its new value.
    ///
    /// A counter is a value of 8 bytes: an `i64`, little-endian. One that is
    /// there keeps its deadline, and `ttl` is only checked; one that is not
    /// there starts from 0 with `ttl`. So a TTL makes a fixed window that begins
    /// with the first `increment`. The counter gets a new version.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`](Error::InvalidKey), [`InvalidTtl`](Error::InvalidTtl),
    /// [`Full`](Error::Full), [`NotACounter`](Error::NotACounter),
    /// [`Overflow`](Error::Overflow); [`ValueTooLarge`](Error::ValueTooLarge)
    /// where the host has set `max-value` to less than 8 bytes.
    pub fn increment(
        &self,
        key: impl AsRef<[u8]>,
        delta: i64,
        ttl: impl Into<Ttl>,
    ) -> Result<i64, Error> {
        let key = to_write(key.as_ref())?;
        Ok(calls::increment(key, delta, ttl.into().into())?)
    }

    /// Gives an entry that is there a new TTL, counted from now, and leaves its
    /// value and version. False: it is not there, and stays so.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`](Error::InvalidKey), [`InvalidTtl`](Error::InvalidTtl),
    /// [`Full`](Error::Full).
    pub fn touch(&self, key: impl AsRef<[u8]>, ttl: impl Into<Ttl>) -> Result<bool, Error> {
        let key = to_write(key.as_ref())?;
        Ok(calls::touch(key, ttl.into().into())?)
    }

    /// Reads and deletes in one: for tokens that are good once.
    #[must_use = "the value is gone from the map; `delete` is for values that nobody needs"]
    pub fn take(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        calls::take(to_read(key.as_ref()))
    }

    /// Deletes. False: it was not there.
    pub fn delete(&self, key: impl AsRef<[u8]>) -> bool {
        calls::delete(to_read(key.as_ref()))
    }

    /// Deletes if the value there has this version.
    ///
    /// # Errors
    ///
    /// [`Conflict`](Error::Conflict) if not, also when the key is not there.
    pub fn delete_if(&self, key: impl AsRef<[u8]>, version: Version) -> Result<(), Error> {
        Ok(calls::delete_if(to_read(key.as_ref()), version)?)
    }

    /// Makes several changes, or none of them, all as of one instant.
    ///
    /// They are made in their order, each finding what those before it have done, and
    /// there is one outcome for each, in the same order. Where one is refused, none has
    /// happened: the error tells which and why. Deleting and touching a key that is not
    /// there are no errors. An empty batch does nothing.
    ///
    /// A batch has at most [`MAX_CHANGES`](crate::MAX_CHANGES) changes, whose keys and
    /// values together have at most 64 KiB more than 1 MiB or the map's largest value,
    /// whichever is more. (That is `max-value`, or `max-bytes` where that is less.) What
    /// is beyond is [`Full`](Error::Full), and much beyond may end the instance.
    ///
    /// ```no_run
    /// use localmap_client::{Change, Condition, LocalMap, Outcome, Ttl};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), localmap_client::Error> {
    /// let map = LocalMap::new();
    /// let done = map.apply(&[
    ///     // Only if nobody has redeemed it yet.
    ///     Change::set_if("redeemed:7f3a", "alice", Ttl::Never, Condition::Absent),
    ///     Change::increment("credit:alice", 10, Ttl::Never),
    ///     Change::touch("session:alice", Duration::from_secs(1800)),
    /// ])?;
    /// if let [Outcome::Stored(_), Outcome::Counter(credit), Outcome::Touched(_)] = done[..] {
    ///     println!("alice has {credit} now");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the operations that the changes are named after.
    pub fn apply(&self, changes: &[Change<'_>]) -> Result<Vec<Outcome>, ApplyError> {
        batch::apply(changes)
    }

    /// Holds the value of `key`: it stays readable until what this gives is dropped,
    /// whatever happens to the key meanwhile. `None`: it is not there.
    ///
    /// An entry is not evicted while the value that it has now is pinned. It expires at
    /// its time as any other.
    ///
    /// ```no_run
    /// use localmap_client::{LocalMap, Ttl};
    ///
    /// # fn main() -> Result<(), localmap_client::Error> {
    /// let map = LocalMap::new();
    /// map.set("rates", "EUR 1.08", Ttl::Never)?;
    /// if let Some(rates) = map.pin("rates")? {
    ///     map.set("rates", "EUR 1.09", Ttl::Never)?;
    ///     assert_eq!(rates.value(), b"EUR 1.08");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Full`](Error::Full) where the map has as many pins as its `max-pins` (1,024
    /// unless the host says otherwise), or no memory for one more.
    pub fn pin(&self, key: impl AsRef<[u8]>) -> Result<Option<Pinned>, Error> {
        Ok(calls::pin(to_read(key.as_ref()))?.map(Pinned::new))
    }

    /// All entries whose keys begin with `prefix` (all there are, if it is
    /// empty), in no order that means anything.
    ///
    /// Each entry that is there throughout is given exactly once. The map may be
    /// changed meanwhile: an entry that comes or goes is given or not, as it stood
    /// when its part of the map was read, and a key that is deleted and set again
    /// may be given twice, with two versions. The iterator holds a part of the map
    /// at a time, about 1 MiB or one entry at most.
    pub fn scan(&self, prefix: impl AsRef<[u8]>) -> Scan<'_> {
        Scan::new(self, prefix.as_ref(), |map, prefix, cursor, limit| {
            map.scan_page(prefix, cursor, limit)
        })
    }

    /// A part of a [`scan`](Self::scan), for those who cannot hold an iterator until
    /// its end: between two requests, for example.
    ///
    /// Begin with a `cursor` of 0 and go on with [`Page::next`] until there is none. A
    /// page holds at most `limit` entries (0 counts as 1, more than 4,096 as 4,096). It
    /// ends early rather than hold more than 1 MiB of keys and values, but holds at
    /// least one entry when it has come by one. A `cursor` that no page gave may skip
    /// entries and does no harm.
    #[must_use]
    pub fn scan_page(&self, prefix: impl AsRef<[u8]>, cursor: u64, limit: u32) -> Page {
        let prefix = prefix.as_ref();
        // No key is longer, so none begins with more.
        if prefix.len() > LONGEST_KEY {
            return Page::default();
        }
        let page = calls::scan(prefix, cursor, limit);
        Page {
            entries: page.entries.into_iter().map(Scanned::from).collect(),
            next: page.next,
        }
    }

    /// How many entries there are. Those whose time is up are not counted.
    #[must_use]
    pub fn len(&self) -> u64 {
        calls::len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A key as a read may send it. One that is too long to exist goes as the empty
/// one, which does not exist either: its bytes need not travel, and arguments
/// that are too large end the instance.
fn to_read(key: &[u8]) -> &[u8] {
    if key.len() > LONGEST_KEY { &[] } else { key }
}

/// A key as a write may send it.
fn to_write(key: &[u8]) -> Result<&[u8], Error> {
    if key.len() > LONGEST_KEY {
        let len = key.len() as u64;
        return Err(Error::InvalidKey(KeyFault::TooLong { len }));
    }
    Ok(key)
}

/// How many of `keys` go into one call: at least one, where there is one.
fn batch_len(keys: &[&[u8]]) -> usize {
    let mut bytes = 0;
    keys.iter()
        .take_while(|key| {
            bytes += key.len() + 8;
            bytes <= MAX_BATCH
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_too_long_to_exist_is_absent_for_reads_and_refused_for_writes() {
        let longest = [b'k'; LONGEST_KEY];
        let longer = [b'k'; LONGEST_KEY + 1];
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
        assert_eq!(batch_len(&[]), 0);
        let longest = [b'k'; LONGEST_KEY];
        for key in [b"".as_slice(), b"k", &longest] {
            let keys = vec![key; MAX_BATCH];
            let n = batch_len(&keys);
            assert!(n >= 1);
            assert!(n * (key.len() + 8) <= MAX_BATCH);
            assert!((n + 1) * (key.len() + 8) > MAX_BATCH);
        }
    }
}
