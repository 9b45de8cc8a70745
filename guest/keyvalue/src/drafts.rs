//! Implements both drafts: their common functions, and their differences.

use crate::batch;
use crate::bindings::Component;
use crate::bindings::exports::wasi::keyvalue0_2_0_draft as draft;
use crate::bindings::exports::wasi::keyvalue0_2_0_draft2 as draft2;
use crate::bucket::Bucket;
use crate::cas::{Cas, Failed};
use crate::counter::increment;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Implements `batch` and `store`, except for the type of its cursor.
macro_rules! store_and_batch {
    ($draft:ident, $cursor:ty, $from:expr, $to:expr) => {
        impl From<String> for $draft::store::Error {
            fn from(text: String) -> Self {
                Self::Other(text)
            }
        }

        impl $draft::store::Guest for Component {
            type Bucket = Bucket;

            fn open(name: String) -> Result<$draft::store::Bucket, $draft::store::Error> {
                Ok($draft::store::Bucket::new(Bucket::open(&name)?))
            }
        }

        impl $draft::store::GuestBucket for Bucket {
            fn get(&self, key: String) -> Result<Option<Vec<u8>>, $draft::store::Error> {
                Ok(self.get(&key)?)
            }

            fn set(&self, key: String, value: Vec<u8>) -> Result<(), $draft::store::Error> {
                Ok(self.set(&key, &value)?)
            }

            fn delete(&self, key: String) -> Result<(), $draft::store::Error> {
                Ok(self.delete(&key)?)
            }

            fn exists(&self, key: String) -> Result<bool, $draft::store::Error> {
                Ok(self.exists(&key)?)
            }

            fn list_keys(
                &self,
                cursor: Option<$cursor>,
            ) -> Result<$draft::store::KeyResponse, $draft::store::Error> {
                let cursor = cursor.map($from).transpose()?;
                let found = self.keys(cursor.unwrap_or_default());
                Ok($draft::store::KeyResponse {
                    keys: found.keys,
                    cursor: found.next.map($to),
                })
            }
        }

        impl $draft::batch::Guest for Component {
            fn get_many(
                bucket: $draft::batch::BucketBorrow<'_>,
                keys: Vec<String>,
            ) -> Result<Vec<Option<(String, Vec<u8>)>>, $draft::batch::Error> {
                Ok(batch::get_many(bucket.get::<Bucket>(), keys)?)
            }

            fn set_many(
                bucket: $draft::batch::BucketBorrow<'_>,
                pairs: Vec<(String, Vec<u8>)>,
            ) -> Result<(), $draft::batch::Error> {
                Ok(batch::set_many(bucket.get::<Bucket>(), &pairs)?)
            }

            fn delete_many(
                bucket: $draft::batch::BucketBorrow<'_>,
                keys: Vec<String>,
            ) -> Result<(), $draft::batch::Error> {
                Ok(batch::delete_many(bucket.get::<Bucket>(), &keys)?)
            }
        }
    };
}

store_and_batch!(draft, u64, Ok::<u64, String>, |next| next);
store_and_batch!(
    draft2,
    String,
    |cursor: String| from_text(&cursor),
    |next: u64| next.to_string()
);

/// Parses a cursor of the second draft: a cursor of the map, written as text.
fn from_text(cursor: &str) -> Result<u64, String> {
    cursor.parse().map_err(|_| {
        format!("`{cursor:.32}` is not a cursor: use one that list-keys returned, or none to start")
    })
}

impl draft::atomics::Guest for Component {
    fn increment(
        bucket: draft::atomics::BucketBorrow<'_>,
        key: String,
        delta: u64,
    ) -> Result<u64, draft::atomics::Error> {
        let range = u64::MIN.into()..=u64::MAX.into();
        let sum = increment(bucket.get::<Bucket>(), &key, delta.into(), range)?;
        Ok(u64::try_from(sum).unwrap_or(u64::MAX))
    }
}

impl draft2::atomics::Guest for Component {
    type Cas = Cas;

    fn increment(
        bucket: draft2::atomics::BucketBorrow<'_>,
        key: String,
        delta: i64,
    ) -> Result<i64, draft2::atomics::Error> {
        let range = i64::MIN.into()..=i64::MAX.into();
        let sum = increment(bucket.get::<Bucket>(), &key, delta.into(), range)?;
        Ok(i64::try_from(sum).unwrap_or(i64::MAX))
    }

    fn swap(cas: draft2::atomics::Cas, value: Vec<u8>) -> Result<(), draft2::atomics::CasError> {
        cas.into_inner::<Cas>()
            .swap(&value)
            .map_err(|failed| match failed {
                Failed::Rejected(text) => draft2::atomics::CasError::StoreError(text.into()),
                Failed::Changed(next) => {
                    draft2::atomics::CasError::CasFailed(draft2::atomics::Cas::new(next))
                }
            })
    }
}

impl draft2::atomics::GuestCas for Cas {
    fn new(
        bucket: draft2::atomics::BucketBorrow<'_>,
        key: String,
    ) -> Result<draft2::atomics::Cas, draft2::atomics::Error> {
        let cas = Self::new(bucket.get::<Bucket>(), &key)?;
        Ok(draft2::atomics::Cas::new(cas))
    }

    fn current(&self) -> Result<Option<Vec<u8>>, draft2::atomics::Error> {
        Ok(self.current())
    }
}
