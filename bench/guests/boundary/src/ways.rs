//! The ways to a map, behind one face.

use crate::bindings::localmap::core::local_map as plain;
use crate::bindings::wasi::keyvalue0_2_0_draft::store::{self, Bucket};
use localmap_client::{LocalMap, Ttl, in_process};
use std::time::Duration;

/// A map that is reached in some way. A `ttl` is in seconds.
pub(crate) trait Way {
    fn get(&self, key: &str) -> Option<Vec<u8>>;
    fn set(&self, key: &str, value: &[u8], ttl: Option<u64>);
}

/// Through the client crate: to the map of the component, or to one in the guest's own
/// memory.
macro_rules! client {
    ($map:ty) => {
        impl Way for $map {
            fn get(&self, key: &str) -> Option<Vec<u8>> {
                self.get(key)
            }

            fn set(&self, key: &str, value: &[u8], ttl: Option<u64>) {
                let ttl = match ttl {
                    Some(seconds) => Duration::from_secs(seconds).into(),
                    None => Ttl::Never,
                };
                self.set(key, value, ttl).expect("room");
            }
        }
    };
}

client!(LocalMap);
client!(in_process::LocalMap);

/// Through bindings of the plain contract.
pub(crate) struct Plain;

impl Way for Plain {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        plain::get(key.as_bytes())
    }

    fn set(&self, key: &str, value: &[u8], ttl: Option<u64>) {
        let ttl = match ttl {
            Some(seconds) => plain::Ttl::After(seconds * 1_000_000_000),
            None => plain::Ttl::Never,
        };
        plain::set(key.as_bytes(), value, ttl).expect("room");
    }
}

/// The host's wasi:keyvalue. It knows no TTL.
pub(crate) struct Keyvalue(Bucket);

impl Keyvalue {
    pub(crate) fn new() -> Self {
        Self(store::open("").expect("a bucket"))
    }
}

impl Way for Keyvalue {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.0.get(key).expect("an answer")
    }

    fn set(&self, key: &str, value: &[u8], _ttl: Option<u64>) {
        self.0.set(key, value).expect("room");
    }
}
