//! A bucket: the entries of the map whose keys begin with the bucket's prefix.

use crate::bindings::localmap::core::local_map::{self as map, Ttl};
use crate::blocks::{get, set};
use crate::error_text::error_text;
use crate::handles::Handle;
use crate::{baked, names};
use alloc::string::String;
use alloc::vec::Vec;

/// A bucket that an app has opened. All handles with the same name refer to the same bucket.
pub(crate) struct Bucket {
    /// The prefix of its keys in the map.
    prefix: String,
    /// The TTL of the entries that are set in the bucket.
    ttl: Ttl,
    _held: Handle,
}

/// One page of the keys of a bucket.
pub(crate) struct Keys {
    pub(crate) keys: Vec<String>,
    /// The cursor of the next page; `None` on the last one.
    pub(crate) next: Option<u64>,
}

/// The number of entries that one page of the map visits.
const PAGE: u32 = 1024;

/// The total size of the keys after which a page ends, in bytes, including the overhead of their
/// strings. Apps that ignore the cursor thus get all keys of most buckets.
const MAX_PAGE: usize = 1 << 20;
const STRING: usize = 16;

impl Bucket {
    /// Opens the bucket called `name`.
    pub(crate) fn open(name: &str) -> Result<Self, String> {
        Ok(Self {
            prefix: names::prefix(name)?,
            ttl: baked::ttl(name).map_or(Ttl::Default, Ttl::After),
            _held: Handle::new()?,
        })
    }

    pub(crate) fn ttl(&self) -> Ttl {
        self.ttl
    }

    /// Returns the length in the map of a key of this bucket.
    pub(crate) fn key_len(&self, key: &str) -> usize {
        self.prefix.len() + key.len()
    }

    /// Returns the key in the map for a key of this bucket.
    pub(crate) fn key(&self, key: &str) -> Result<String, String> {
        names::map_key(&self.prefix, key)
    }

    pub(crate) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(get(self.key(key)?.as_bytes()))
    }

    pub(crate) fn set(&self, key: &str, value: &[u8]) -> Result<(), String> {
        set(self.key(key)?.as_bytes(), value, self.ttl).map_err(error_text)?;
        Ok(())
    }

    pub(crate) fn delete(&self, key: &str) -> Result<(), String> {
        map::delete(self.key(key)?.as_bytes());
        Ok(())
    }

    pub(crate) fn exists(&self, key: &str) -> Result<bool, String> {
        Ok(map::contains(self.key(key)?.as_bytes()))
    }

    /// Returns the page of keys at `cursor`, which is 0 for the first page. Writes do not change
    /// the order in which the map scans its entries, and its cursors only increase.
    pub(crate) fn keys(&self, cursor: u64) -> Keys {
        let (mut keys, mut bytes) = (Vec::new(), 0);
        let mut at = cursor;
        loop {
            let page = map::scan(self.prefix.as_bytes(), at, PAGE);
            for entry in &page.entries {
                // The app may also write to the map directly, so skip keys that cannot belong
                // to a bucket.
                let key = entry.key.get(self.prefix.len()..).unwrap_or_default();
                if let Ok(key) = str::from_utf8(key)
                    && names::check(key).is_ok()
                {
                    bytes += key.len() + STRING;
                    keys.push(key.into());
                }
            }
            let next = page.next.filter(|next| *next > at);
            match next {
                Some(next) if bytes < MAX_PAGE => at = next,
                _ => return Keys { keys, next },
            }
        }
    }
}
