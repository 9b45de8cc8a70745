//! The requests that were kept within the window. Only the map knows them: each is an entry
//! that lives for the window.

use std::{
    array,
    error::Error,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use localmap_client::{Condition, DEFAULT_MAX_KEY_LEN, LocalMap};

/// The most requests too long for a key that may share a hash at a time. With 64 bits of a
/// seeded hash, even two are very unlikely.
const SLOTS: usize = 4;

pub(crate) struct Passed {
    map: LocalMap,
    window: Duration,
    hasher: RandomState,
}

impl Passed {
    pub(crate) fn new(window: Duration) -> Self {
        Self {
            map: LocalMap::new(),
            window,
            hasher: RandomState::new(),
        }
    }

    /// Records a request. Returns `false`, and changes nothing, if it was recorded within the
    /// window before.
    pub(crate) fn insert(&self, client: &[u8], request: &[u8]) -> Result<bool, Box<dyn Error>> {
        let pair = pair(client, request);
        if pair.len() > DEFAULT_MAX_KEY_LEN {
            return self.insert_long(&pair);
        }
        match self.map.set_if(&pair, "", self.window, Condition::Absent) {
            Ok(_) => Ok(true),
            Err(localmap_client::Error::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Records a pair that is too long for a key as the value of a slot. A hash alone could
    /// mistake one request for another.
    fn insert_long(&self, pair: &[u8]) -> Result<bool, Box<dyn Error>> {
        let slots = slots(self.hasher.hash_one(pair));
        let values = self.map.get_many(&slots);
        if values.iter().any(|value| value.as_deref() == Some(pair)) {
            return Ok(false);
        }
        let Some((slot, _)) = slots.iter().zip(&values).find(|(_, value)| value.is_none()) else {
            return Err(format!("more than {SLOTS} requests share a hash").into());
        };
        self.map.set(slot, pair, self.window)?;
        Ok(true)
    }
}

/// Returns one key for both. A client contains no space, so it ends at the first space.
fn pair(client: &[u8], request: &[u8]) -> Vec<u8> {
    [client, b" ", request].concat()
}

/// Returns the keys for long pairs with this hash. The line feed keeps them apart from
/// short pairs, which are parts of a line.
fn slots(hash: u64) -> [String; SLOTS] {
    array::from_fn(|slot| format!("\n{hash:016x} {slot}"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_requests_make_the_same_pair() {
        let clients: [&[u8]; 5] = [b"", b"a", b"aa", b"a\"", b"\xff"];
        let requests: [&[u8]; 7] = [b"", b" ", b"a", b"a ", b" a", b"a a", b"\xff"];
        let pairs: HashSet<_> = clients
            .iter()
            .flat_map(|client| requests.iter().map(|request| pair(client, request)))
            .collect();
        assert_eq!(pairs.len(), clients.len() * requests.len());
        assert!(pairs.iter().all(|pair| !pair.is_empty()), "no key is empty");
    }

    #[test]
    fn no_slot_is_a_short_pair_or_another_slot() {
        let slots: Vec<_> = [0, 1, u64::MAX].into_iter().flat_map(slots).collect();
        assert_eq!(slots.iter().collect::<HashSet<_>>().len(), 3 * SLOTS);
        for slot in slots {
            assert!(slot.len() <= DEFAULT_MAX_KEY_LEN);
            assert!(
                slot.contains('\n'),
                "a part of a line contains no line feed"
            );
        }
    }
}
