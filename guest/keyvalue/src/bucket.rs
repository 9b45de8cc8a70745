//! A bucket: the entries of the map whose keys begin with its name.

use crate::bindings::localmap::core::local_map::{self as map, Ttl};
use crate::handles::Handle;
use crate::map::{get, set};
use crate::{baked, names, refusal};
use alloc::string::String;
use alloc::vec::Vec;

/// What an app has opened. All handles of a name are the same bucket.
pub(crate) struct Bucket {
    /// What its keys begin with in the map.
    prefix: String,
    /// How long what is set in it lives.
    ttl: Ttl,
    _held: Handle,
}

/// A part of the keys of a bucket.
pub(crate) struct Keys {
    pub(crate) keys: Vec<String>,
    /// Where the next part begins; none: this was the last.
    pub(crate) next: Option<u64>,
}

/// How many entries of the map one of its pages visits.
const PAGE: u32 = 1024;

/// The bytes of keys with which a part of them ends, each with what its string costs
/// beside. So apps that take no notice of the cursor find all keys of most buckets.
const PART: usize = 1 << 20;
const STRING: usize = 16;

impl Bucket {
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

    /// How long a key is in the map.
    pub(crate) fn key_len(&self, key: &str) -> usize {
        self.prefix.len() + key.len()
    }

    /// The key of the map for one of this bucket.
    pub(crate) fn key(&self, key: &str) -> Result<String, String> {
        names::map_key(&self.prefix, key)
    }

    pub(crate) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(get(self.key(key)?.as_bytes()))
    }

    pub(crate) fn set(&self, key: &str, value: &[u8]) -> Result<(), String> {
        set(self.key(key)?.as_bytes(), value, self.ttl).map_err(refusal::text)?;
        Ok(())
    }

    pub(crate) fn delete(&self, key: &str) -> Result<(), String> {
        map::delete(self.key(key)?.as_bytes());
        Ok(())
    }

    pub(crate) fn exists(&self, key: &str) -> Result<bool, String> {
        Ok(map::contains(self.key(key)?.as_bytes()))
    }

    /// The keys from `cursor` on, which is 0 for the first. The map goes through its
    /// entries in an order that writes do not change, and its cursors only rise.
    pub(crate) fn keys(&self, cursor: u64) -> Keys {
        let (mut keys, mut bytes) = (Vec::new(), 0);
        let mut at = cursor;
        loop {
            let page = map::scan(self.prefix.as_bytes(), at, PAGE);
            for entry in &page.entries {
                // The map may have an app that writes to it by itself: what is no key of
                // a bucket is not one of this.
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
                Some(next) if bytes < PART => at = next,
                _ => return Keys { keys, next },
            }
        }
    }
}
