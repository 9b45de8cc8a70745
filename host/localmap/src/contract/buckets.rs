//! What a host says of buckets, and where their keys lie in the map.

use crate::contract::types::Ttl;
use std::collections::BTreeMap;
use std::time::Duration;

/// The most bytes of a bucket's name, and of a key of it.
const MAX_LEN: usize = 255;

/// Bytes that the adapter has for the TTLs of buckets.
pub(crate) const ROOM: usize = 4096;

/// Bytes that the TTL of a bucket takes there, besides its name.
const ENTRY: usize = 9;

/// How long what is set in buckets lives: the part of `wasi:keyvalue` that its drafts leave
/// to the host.
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
    /// Buckets that have no TTL of their own: what is set in them lives as long as the
    /// map's `default_ttl` says, for ever unless it is set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a bucket a TTL of its own, with which every key is set that the app sets in
    /// it. A counter that is there keeps its deadline.
    ///
    /// At least a nanosecond, and at most 584 years, which longer ones are taken as. A
    /// name has at most 255 bytes; all of them, with 9 bytes for each beside, have at most
    /// 4,096.
    #[must_use]
    pub fn ttl(mut self, bucket: impl Into<String>, ttl: Duration) -> Self {
        self.ttls.insert(bucket.into(), ttl);
        self
    }

    /// The TTL of what is set in a bucket.
    #[must_use]
    pub fn ttl_of(&self, bucket: &str) -> Ttl {
        self.ttls
            .get(bucket)
            .map_or(Ttl::Default, |ttl| Ttl::After(*ttl))
    }

    /// Whether no bucket has a TTL of its own.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ttls.is_empty()
    }

    /// Whether an app can be given them.
    ///
    /// # Errors
    ///
    /// [`BucketsError`] tells what is wrong with the first that is.
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
        // Zero nanoseconds behind the last are the end, unless there is no room for them.
        if bytes > ROOM {
            return Err(BucketsError::TooMany { bytes });
        }
        Ok(())
    }

    pub(crate) fn ttls(&self) -> impl Iterator<Item = (&str, Duration)> {
        self.ttls
            .iter()
            .map(|(bucket, ttl)| (bucket.as_str(), *ttl))
    }
}

/// Why buckets cannot be as they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BucketsError {
    /// A name cannot be one.
    #[error(transparent)]
    Name(#[from] BucketKeyError),
    /// A TTL of zero.
    #[error("the bucket `{bucket}` has a TTL of zero: give it at least a nanosecond")]
    #[non_exhaustive]
    ZeroTtl {
        /// The bucket's name.
        bucket: String,
    },
    /// More than a component has room for.
    #[error(
        "the TTLs of buckets take {bytes} bytes, 9 for each beside its name, and there is room \
         for {ROOM}: give the map a default TTL for most of them"
    )]
    #[non_exhaustive]
    TooMany {
        /// What they take.
        bytes: usize,
    },
}

/// Why there can be no key like this in a bucket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BucketKeyError {
    /// The name of the bucket is too long.
    #[error("the name of the bucket has {len} bytes: shorten it to {MAX_LEN}")]
    #[non_exhaustive]
    LongName {
        /// Its bytes.
        len: usize,
    },
    /// The key is empty or too long.
    #[error("a key of a bucket has 1 to {MAX_LEN} bytes, and this one has {len}")]
    #[non_exhaustive]
    Key {
        /// Its bytes.
        len: usize,
    },
}

/// The key of the map under which a key of a bucket of `wasi:keyvalue` lies, for hosts that
/// fill buckets before the app starts or read them when it has ended.
///
/// It is the length of the bucket's name as a character (one byte up to 127, two beyond),
/// the name, and the key: UTF-8, and at most 512 bytes. Without a key behind it, it would be
/// what a scan of the whole bucket asks for: [`bucket_prefix`].
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
/// [`BucketKeyError`]: a name has at most 255 bytes, a key 1 to 255.
pub fn bucket_key(bucket: &str, key: &str) -> Result<Vec<u8>, BucketKeyError> {
    let len = key.len();
    if !(1..=MAX_LEN).contains(&len) {
        return Err(BucketKeyError::Key { len });
    }
    let mut whole = bucket_prefix(bucket)?;
    whole.extend(key.bytes());
    Ok(whole)
}

/// What the keys of a bucket begin with in the map: the prefix for a scan of it.
///
/// # Errors
///
/// [`BucketKeyError`]: a name has at most 255 bytes.
pub fn bucket_prefix(bucket: &str) -> Result<Vec<u8>, BucketKeyError> {
    let len = check_bucket(bucket)?;
    Ok(format!("{}{bucket}", char::from(len)).into_bytes())
}

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
    fn what_can_be_no_bucket_and_no_key_is_refused() {
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
