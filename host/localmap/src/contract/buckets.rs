//! Buckets of `wasi:keyvalue`: their TTLs, and the keys under which a map stores their entries.

use crate::contract::entry::Ttl;
use std::collections::BTreeMap;
use std::time::Duration;

/// The maximum length of a bucket's name, and of a key in it, in bytes.
const MAX_LEN: usize = 255;

/// The number of bytes that the keyvalue adapter reserves for the TTLs of buckets.
pub(crate) const ROOM: usize = 4096;

/// The number of bytes that the TTL of a bucket takes there, in addition to its name.
const ENTRY: usize = 9;

/// The TTLs of buckets. The drafts of `wasi:keyvalue` have no TTLs, so the host sets them.
///
/// ```
/// use localmap::{Buckets, Ttl};
/// use std::time::Duration;
///
/// let half_an_hour = Duration::from_secs(1800);
/// let buckets = Buckets::new().ttl("sessions", half_an_hour);
/// assert_eq!(buckets.ttl_of("sessions"), Ttl::After(half_an_hour));
/// assert_eq!(buckets.ttl_of("others"), Ttl::Default);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Buckets {
    ttls: BTreeMap<String, Duration>,
}

impl Buckets {
    /// Creates buckets without TTLs of their own: their entries have the map's
    /// [`default_ttl`](crate::Limits#structfield.default_ttl), and do not expire if there is
    /// none. See [`Buckets`] for an example.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the TTL of a bucket. Every key that the app sets in the bucket gets this TTL. An
    /// existing counter keeps its deadline.
    ///
    /// The TTL must be at least 1 ns; a longer TTL than 584 years is treated as 584 years. The
    /// name can have at most 255 bytes. All names together, plus 9 bytes for each, can have at
    /// most 4,096 bytes. [`check`](Self::check) enforces these limits.
    #[must_use]
    pub fn ttl(mut self, bucket: impl Into<String>, ttl: Duration) -> Self {
        self.ttls.insert(bucket.into(), ttl);
        self
    }

    /// Returns the TTL of entries in a bucket: [`Ttl::Default`] if the bucket has none of its own.
    #[must_use]
    pub fn ttl_of(&self, bucket: &str) -> Ttl {
        self.ttls
            .get(bucket)
            .map_or(Ttl::Default, |ttl| Ttl::After(*ttl))
    }

    /// Returns `true` if no bucket has a TTL of its own.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ttls.is_empty()
    }

    /// Checks the names and the TTLs of the buckets.
    ///
    /// ```
    /// use localmap::{Buckets, BucketsError};
    /// use std::time::Duration;
    ///
    /// let error = Buckets::new().ttl("sessions", Duration::ZERO).check().unwrap_err();
    /// assert!(matches!(error, BucketsError::ZeroTtl { .. }));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the first error, in the order of the names:
    ///
    /// - [`BucketsError::Name`] if a name is longer than 255 bytes.
    /// - [`BucketsError::ZeroTtl`] if a TTL is zero.
    /// - [`BucketsError::TooMany`] if the names, plus 9 bytes for each, exceed 4,096 bytes.
    pub fn check(&self) -> Result<(), BucketsError> {
        for (bucket, ttl) in &self.ttls {
            check_bucket(bucket)?;
            if ttl.is_zero() {
                return Err(BucketsError::ZeroTtl {
                    bucket: bucket.clone(),
                });
            }
        }
        let bytes = self.ttls.keys().map(|name| ENTRY + name.len()).sum();
        // The adapter stops reading at a TTL of zero or at the end of the block.
        if bytes > ROOM {
            return Err(BucketsError::TooMany { bytes });
        }
        Ok(())
    }

    /// Returns the buckets that have TTLs of their own, by name.
    pub(crate) fn ttls(&self) -> impl Iterator<Item = (&str, Duration)> {
        self.ttls
            .iter()
            .map(|(bucket, ttl)| (bucket.as_str(), *ttl))
    }
}

/// An error in the names or TTLs of [`Buckets`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BucketsError {
    /// The name of a bucket is too long.
    #[error(transparent)]
    Name(#[from] BucketKeyError),
    /// The TTL of a bucket is zero.
    #[error("the TTL of the bucket `{bucket}` is zero: use at least one nanosecond")]
    #[non_exhaustive]
    ZeroTtl {
        /// The name of the bucket.
        bucket: String,
    },
    /// The TTLs do not fit into the keyvalue adapter.
    #[error(
        "the TTLs of buckets take {bytes} bytes (their names, plus 9 for each) of {ROOM}: give \
         the map a default TTL for most of them"
    )]
    #[non_exhaustive]
    TooMany {
        /// The number of bytes that they take.
        bytes: usize,
    },
}

/// An error in the name of a bucket or in a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BucketKeyError {
    /// The name of the bucket is too long.
    #[error("the name of the bucket has {len} bytes: shorten it to {MAX_LEN}")]
    #[non_exhaustive]
    LongName {
        /// The length of the name, in bytes.
        len: usize,
    },
    /// The key is empty or too long.
    #[error("the key has {len} bytes: use 1 to {MAX_LEN} in a bucket")]
    #[non_exhaustive]
    Key {
        /// The length of the key, in bytes.
        len: usize,
    },
}

/// Returns the map key for a key in a bucket. Hosts use it to fill buckets before the app starts,
/// or to read them after it has ended.
///
/// The result consists of the length of the bucket's name as a character (one byte up to 127, two
/// beyond), the name, and the key. It is UTF-8 and has at most 512 bytes.
///
/// ```
/// use localmap::{Host, MapOptions, Ttl, bucket_key};
///
/// let mut map = Host::new()?.map(&MapOptions::new())?;
/// map.set(&bucket_key("settings", "theme")?, b"dark", Ttl::Default)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// - Returns [`BucketKeyError::LongName`] if `bucket` is longer than 255 bytes.
/// - Returns [`BucketKeyError::Key`] if `key` is empty or longer than 255 bytes.
pub fn bucket_key(bucket: &str, key: &str) -> Result<Vec<u8>, BucketKeyError> {
    let len = key.len();
    if !(1..=MAX_LEN).contains(&len) {
        return Err(BucketKeyError::Key { len });
    }
    let mut whole = bucket_prefix(bucket)?;
    whole.extend(key.bytes());
    Ok(whole)
}

/// Returns the prefix of all keys of a bucket in the map, for a scan of the bucket.
///
/// ```
/// use localmap::{Host, MapOptions, Ttl, bucket_key, bucket_prefix};
///
/// let mut map = Host::new()?.map(&MapOptions::new())?;
/// map.set(&bucket_key("settings", "theme")?, b"dark", Ttl::Default)?;
/// let page = map.scan(&bucket_prefix("settings")?, 0, 100)?;
/// assert_eq!(page.entries.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Returns [`BucketKeyError::LongName`] if `bucket` is longer than 255 bytes.
pub fn bucket_prefix(bucket: &str) -> Result<Vec<u8>, BucketKeyError> {
    let len = check_bucket(bucket)?;
    Ok(format!("{}{bucket}", char::from(len)).into_bytes())
}

/// Returns the length of a bucket's name, or an error if it is too long.
fn check_bucket(bucket: &str) -> Result<u8, BucketKeyError> {
    let len = bucket.len();
    u8::try_from(len).map_err(|_| BucketKeyError::LongName { len })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_of_a_bucket_is_one_of_another() {
        assert_eq!(bucket_key("a", "b").unwrap(), b"\x01ab");
        assert_eq!(bucket_key("", "ab").unwrap(), b"\x00ab");
        let long = "n".repeat(255);
        let longest = bucket_key(&long, &long).unwrap();
        assert_eq!(longest.len(), 512);
        assert!(String::from_utf8(longest).is_ok());
        let mut prefixes: Vec<Vec<u8>> = (0..=255)
            .map(|len| bucket_prefix(&long[..len]).unwrap())
            .collect();
        prefixes.sort();
        for pair in prefixes.windows(2) {
            assert!(!pair[1].starts_with(&pair[0]));
        }
    }

    #[test]
    fn names_keys_and_ttls_out_of_their_range_are_rejected() {
        let long = "n".repeat(256);
        let name = BucketKeyError::LongName { len: 256 };
        assert_eq!(bucket_key(&long, "k"), Err(name.clone()));
        assert_eq!(
            bucket_key("b", &long),
            Err(BucketKeyError::Key { len: 256 })
        );
        assert_eq!(bucket_key("b", ""), Err(BucketKeyError::Key { len: 0 }));
        let second = Duration::from_secs(1);
        let check = |buckets: Buckets| buckets.check().unwrap_err();
        assert_eq!(check(Buckets::new().ttl(long, second)), name.into());
        let zero = check(Buckets::new().ttl("b", Duration::ZERO));
        assert!(matches!(zero, BucketsError::ZeroTtl { bucket } if bucket == "b"));
        let many = (0..300).fold(Buckets::new(), |buckets, n| {
            buckets.ttl(format!("bucket-{n:03}"), second)
        });
        assert_eq!(check(many), BucketsError::TooMany { bytes: 300 * 19 });
    }
}
