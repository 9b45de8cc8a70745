//! Knows which requests were passed within the window. The map alone knows it:
//! each of them is an entry that lives for the window.

use std::{
    array,
    error::Error,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use localmap_client::{Condition, DEFAULT_MAX_KEY_LEN, LocalMap};

/// How many requests too long for a key may have the same hash at a time. With
/// 64 bits of a seeded hash, two are hardly ever seen.
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

    /// Notes that this request is passed now. False: it was passed within the
    /// window already, and stays so for as long as that lasts.
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

    /// A pair too long for a key is the value of a slot instead. A hash alone
    /// could mistake one request for another.
    fn insert_long(&self, pair: &[u8]) -> Result<bool, Box<dyn Error>> {
        let slots = slots(self.hasher.hash_one(pair));
        let pairs = self.map.get_many(&slots);
        if pairs.iter().any(|there| there.as_deref() == Some(pair)) {
            return Ok(false);
        }
        let Some((slot, _)) = slots.iter().zip(&pairs).find(|(_, there)| there.is_none()) else {
            return Err(format!("more than {SLOTS} requests share a hash").into());
        };
        self.map.set(slot, pair, self.window)?;
        Ok(true)
    }
}

/// One key for the two. A client holds no space, so the first space is where it
/// ends.
fn pair(client: &[u8], request: &[u8]) -> Vec<u8> {
    [client, b" ", request].concat()
}

/// The keys for long pairs with this hash. The line feed sets them apart from
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
            assert!(slot.contains('\n'), "a part of a line holds no line feed");
        }
    }
}
