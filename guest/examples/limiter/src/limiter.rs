//! Counts requests in windows that start with the first request.
//!
//! A counter of the map keeps its deadline when it is incremented. Created with the window
//! as its TTL, the counter is the window: it expires when the window ends, and the next
//! request creates the next one.

use std::{
    array,
    error::Error,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use localmap_client::{DEFAULT_MAX_KEY_LEN, LocalMap};

/// The most names too long for a key that may share a hash at a time. With 64 bits of a
/// seeded hash, even two are very unlikely.
const SLOTS: usize = 4;

pub(crate) struct Limiter {
    map: LocalMap,
    window: Duration,
    hasher: RandomState,
}

impl Limiter {
    pub(crate) fn new(window: Duration) -> Self {
        Self {
            map: LocalMap::new(),
            window,
            hasher: RandomState::new(),
        }
    }

    /// Counts a request of `client` and returns the number of its requests in the window.
    pub(crate) fn count(&self, client: &[u8]) -> Result<i64, Box<dyn Error>> {
        if client.len() <= DEFAULT_MAX_KEY_LEN {
            return Ok(self.map.increment(client, 1, self.window)?);
        }
        let counter = self.counter_of_long(client)?;
        Ok(self.map.increment(counter, 1, self.window)?)
    }

    /// Returns the key of the counter of a client whose name is too long for a key.
    ///
    /// A hash alone could mistake one client for another. So the name is stored as the value
    /// of a slot, and the counter belongs to the slot. The name lives for one window: if it
    /// is absent, the window is over.
    fn counter_of_long(&self, client: &[u8]) -> Result<String, Box<dyn Error>> {
        let slots = slots(self.hasher.hash_one(client));
        let names = self.map.get_many(&slots);
        for (slot, name) in slots.iter().zip(&names) {
            if name.as_deref() == Some(client) {
                return Ok(counter(slot));
            }
        }
        for (slot, name) in slots.iter().zip(&names) {
            if name.is_none() {
                self.map.set(slot, client, self.window)?;
                self.map.delete(counter(slot));
                return Ok(counter(slot));
            }
        }
        Err(
            format!("more than {SLOTS} client names over {DEFAULT_MAX_KEY_LEN} bytes share a hash")
                .into(),
        )
    }
}

/// Returns the keys for names with this hash. The line feed keeps them apart from names,
/// which never contain one.
fn slots(hash: u64) -> [String; SLOTS] {
    array::from_fn(|slot| format!("\n{hash:016x} {slot}"))
}

fn counter(slot: &str) -> String {
    format!("{slot} count")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_key_of_a_long_name_is_a_name_or_another_key() {
        let mut keys = HashSet::new();
        for slot in [0, 1, u64::MAX].into_iter().flat_map(slots) {
            for key in [counter(&slot), slot] {
                assert!(key.len() <= DEFAULT_MAX_KEY_LEN);
                assert!(key.contains('\n'), "a name contains no line feed");
                assert!(keys.insert(key));
            }
        }
        assert_eq!(keys.len(), 3 * 2 * SLOTS);
    }
}
