//! The ways to a map, behind one face.

use crate::bindings::localmap::core::local_map as plain;
use crate::bindings::wasi::keyvalue::store::{self, Bucket};
use localmap_client::LocalMap;
use localmap_engine as engine;
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// A map that is reached in some way. A `ttl` is in seconds.
pub(crate) trait Way {
    fn get(&self, key: &str) -> Option<Vec<u8>>;
    fn set(&self, key: &str, value: &[u8], ttl: Option<u64>);
}

/// Through the client crate.
pub(crate) struct Client(pub(crate) LocalMap);

impl Way for Client {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.0.get(key)
    }

    fn set(&self, key: &str, value: &[u8], ttl: Option<u64>) {
        let ttl = match ttl {
            Some(seconds) => Duration::from_secs(seconds).into(),
            None => localmap_client::Ttl::Never,
        };
        self.0.set(key, value, ttl).expect("room");
    }
}

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

/// The engine in the guest's own memory.
pub(crate) struct Engine(RefCell<engine::Map<Box<dyn Fn() -> u64>>>);

impl Engine {
    pub(crate) fn new() -> Self {
        let start = Instant::now();
        let clock = move || u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let clock: Box<dyn Fn() -> u64> = Box::new(clock);
        let map = engine::Map::new(clock, 42, engine::Limits::default());
        Self(RefCell::new(map))
    }
}

impl Way for Engine {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        let mut map = self.0.borrow_mut();
        map.get(key.as_bytes()).map(|value| value.to_vec())
    }

    fn set(&self, key: &str, value: &[u8], ttl: Option<u64>) {
        let ttl = match ttl {
            Some(seconds) => engine::Ttl::After(seconds * 1_000_000_000),
            None => engine::Ttl::Never,
        };
        let mut map = self.0.borrow_mut();
        map.set(key.as_bytes(), value, ttl).expect("room");
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
