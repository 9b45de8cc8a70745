//! Implements both drafts: their common functions, and their differences.
//!
//! The second draft has two forms of `batch`: the published one, and the one of Spin.

use crate::batch::{self, Found};
use crate::bindings::Component;
use crate::bindings::exports::localmap::keyvalue::batch_by_key;
use crate::bindings::exports::wasi::keyvalue0_2_0_draft as draft;
use crate::bindings::exports::wasi::keyvalue0_2_0_draft2 as draft2;
use crate::bucket::Bucket;
use crate::cas::{Cas, Failed};
use crate::counter::increment;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Implements `store`, except for the type of its cursor.
macro_rules! store {
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
    };
}

/// Implements `batch`, except for the type of what `get-many` finds.
macro_rules! batch {
    ($batch:path, $found:ty, $to:expr) => {
        const _: () = {
            use $batch as batch_interface;

            impl batch_interface::Guest for Component {
                fn get_many(
                    bucket: batch_interface::BucketBorrow<'_>,
                    keys: Vec<String>,
                ) -> Result<Vec<$found>, batch_interface::Error> {
                    let found = batch::get_many(bucket.get::<Bucket>(), keys)?;
                    Ok(found.into_iter().map($to).collect())
                }

                fn set_many(
                    bucket: batch_interface::BucketBorrow<'_>,
                    pairs: Vec<(String, Vec<u8>)>,
                ) -> Result<(), batch_interface::Error> {
                    Ok(batch::set_many(bucket.get::<Bucket>(), &pairs)?)
                }

                fn delete_many(
                    bucket: batch_interface::BucketBorrow<'_>,
                    keys: Vec<String>,
                ) -> Result<(), batch_interface::Error> {
                    Ok(batch::delete_many(bucket.get::<Bucket>(), &keys)?)
                }
            }
        };
    };
}

store!(draft, u64, Ok::<u64, String>, |next| next);
store!(
    draft2,
    String,
    |cursor: String| from_text(&cursor),
    |next: u64| next.to_string()
);

batch!(draft::batch, Option<(String, Vec<u8>)>, pair);
batch!(draft2::batch, Option<(String, Vec<u8>)>, pair);
batch!(batch_by_key, Found, |found| found);

/// Converts a key with its value, if any, to the form of the published drafts.
fn pair((key, value): Found) -> Option<(String, Vec<u8>)> {
    value.map(|value| (key, value))
}

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
        Ok(increment(bucket.get::<Bucket>(), &key, delta)?)
    }
}

impl draft2::atomics::Guest for Component {
    type Cas = Cas;

    fn increment(
        bucket: draft2::atomics::BucketBorrow<'_>,
        key: String,
        delta: i64,
    ) -> Result<i64, draft2::atomics::Error> {
        Ok(increment(bucket.get::<Bucket>(), &key, delta)?)
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
