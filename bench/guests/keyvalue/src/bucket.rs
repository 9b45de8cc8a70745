//! A bucket of wasi:keyvalue as a map. It has no TTLs, and its batches are not all or nothing.
//! It has no scan: the host decides how many keys a page of `list-keys` has (Wasmtime's returns
//! all keys), and a page has no values.

use crate::generated::wasi::keyvalue::{atomics, batch, store};
use bench_loops::{Key, MANY, System, digest};
use std::str;

pub(crate) struct Bucket(store::Bucket);

impl Bucket {
    pub(crate) fn open() -> Option<Self> {
        store::open("").ok().map(Self)
    }
}

/// Returns a key as text. Keys are letters, and programs that use this interface have text.
fn text(key: &[u8]) -> &str {
    str::from_utf8(key).unwrap_or_default()
}

impl System for Bucket {
    const OWNED: bool = true;

    fn set(&mut self, key: &[u8], value: &[u8]) -> bool {
        self.0.set(text(key), value).is_ok()
    }

    fn get(&mut self, key: &[u8]) -> Option<u64> {
        let value = self.0.get(text(key)).ok()??;
        Some(digest(&value))
    }

    fn delete(&mut self, key: &[u8]) -> Option<bool> {
        Some(self.0.delete(text(key)).is_ok())
    }

    fn increment(&mut self, key: &[u8]) -> Option<bool> {
        Some(atomics::increment(&self.0, text(key), 1).is_ok())
    }

    fn get_many(&mut self, keys: &[Key; MANY]) -> Option<u32> {
        let keys = keys.each_ref().map(|key| text(key));
        let values = batch::get_many(&self.0, &keys).unwrap_or_default();
        Some(values.iter().map(|value| u32::from(value.is_some())).sum())
    }

    fn apply(&mut self, keys: &[Key; MANY], value: &[u8]) -> Option<bool> {
        let pairs = keys.each_ref().map(|key| (text(key), value));
        Some(batch::set_many(&self.0, &pairs).is_ok())
    }
}
