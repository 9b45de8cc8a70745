//! The map that people write by hand without localmap: a hash map of boxed keys and values, with
//! a deadline next to each value that every read compares. It has no limits.

use crate::clock::Now;
use bench_loops::{Plan, System, TTL, digest};
use foldhash::fast::RandomState;
use hashbrown::{Equivalent, HashMap};
use std::hash::{Hash, Hasher};
use std::hint::black_box;

struct Timed {
    deadline: u64,
    value: Box<[u8]>,
}

/// Returns the deadline of an entry that is written now.
#[inline]
fn deadline(ttl: bool, clock: &impl Now) -> u64 {
    if ttl {
        clock.now().saturating_add(TTL)
    } else {
        u64::MAX
    }
}

impl Timed {
    /// Returns `true` if the entry has not expired. Reads the clock only if it has a TTL.
    #[inline]
    fn lives(&self, clock: &impl Now) -> bool {
        self.deadline == u64::MAX || self.deadline > clock.now()
    }
}

/// `HashMap<Box<[u8]>, Box<[u8]>>`, written with `insert`.
pub(crate) struct Boxed<N> {
    map: HashMap<Box<[u8]>, Timed, RandomState>,
    clock: N,
    ttl: bool,
}

impl<N: Now> Boxed<N> {
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            map: HashMap::default(),
            clock: N::default(),
            ttl: plan.ttl,
        }
    }

    fn timed(&self, value: &[u8]) -> Timed {
        Timed {
            deadline: deadline(self.ttl, &self.clock),
            value: value.into(),
        }
    }
}

impl<N: Now> System for Boxed<N> {
    #[inline]
    fn set(&mut self, key: &[u8], value: &[u8]) -> bool {
        let timed = self.timed(value);
        self.map.insert(key.into(), timed);
        true
    }

    #[inline]
    fn get(&mut self, key: &[u8]) -> Option<u64> {
        let timed = self.map.get(key)?;
        timed.lives(&self.clock).then(|| digest(&timed.value))
    }

    fn get_vec(&mut self, key: &[u8]) -> Option<Option<u64>> {
        let timed = self.map.get(key).filter(|timed| timed.lives(&self.clock));
        Some(timed.map(|timed| digest(&black_box(timed.value.to_vec()))))
    }

    fn get_into(&mut self, key: &[u8], buffer: &mut Vec<u8>) -> Option<Option<u64>> {
        let timed = self.map.get(key).filter(|timed| timed.lives(&self.clock));
        let copied = timed.map(|timed| {
            buffer.clear();
            buffer.extend_from_slice(&timed.value);
            digest(buffer)
        });
        Some(copied)
    }

    fn delete(&mut self, key: &[u8]) -> Option<bool> {
        Some(self.map.remove(key).is_some())
    }

    #[inline]
    fn increment(&mut self, key: &[u8]) -> Option<bool> {
        let Some(timed) = self.map.get_mut(key) else {
            return Some(self.set(key, &1i64.to_le_bytes()));
        };
        if !timed.lives(&self.clock) {
            return Some(self.set(key, &1i64.to_le_bytes()));
        }
        let Some(counter) = timed.value.first_chunk_mut::<8>() else {
            return Some(false);
        };
        let sum = i64::from_le_bytes(*counter).checked_add(1);
        Some(sum.is_some_and(|sum| {
            *counter = sum.to_le_bytes();
            true
        }))
    }
}

/// The same map, written with more care: a value of the same length overwrites the old one
/// without allocating.
pub(crate) struct InPlace<N>(Boxed<N>);

impl<N: Now> InPlace<N> {
    pub(crate) fn new(plan: Plan) -> Self {
        Self(Boxed::new(plan))
    }
}

impl<N: Now> System for InPlace<N> {
    #[inline]
    fn set(&mut self, key: &[u8], value: &[u8]) -> bool {
        match self.0.map.get_mut(key) {
            Some(timed) if timed.value.len() == value.len() => {
                timed.deadline = deadline(self.0.ttl, &self.0.clock);
                timed.value.copy_from_slice(value);
            }
            Some(timed) => {
                timed.deadline = deadline(self.0.ttl, &self.0.clock);
                timed.value = value.into();
            }
            None => return self.0.set(key, value),
        }
        true
    }

    #[inline]
    fn get(&mut self, key: &[u8]) -> Option<u64> {
        self.0.get(key)
    }
}

/// The same map, which compares keys a word at a time, where `memcmp` in wasm goes byte by
/// byte.
pub(crate) struct Words<N> {
    map: HashMap<WordKey, Timed, RandomState>,
    clock: N,
    ttl: bool,
}

struct WordKey(Box<[u8]>);
struct Wanted<'a>(&'a [u8]);

impl Hash for WordKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Hash for Wanted<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl PartialEq for WordKey {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl Eq for WordKey {}

impl Equivalent<WordKey> for Wanted<'_> {
    #[inline]
    fn equivalent(&self, key: &WordKey) -> bool {
        same(self.0, &key.0)
    }
}

/// Returns `true` if two keys are equal. Compares words from the front, and the rest as the last
/// word, which may overlap.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let word = |word: &[u8; 8]| u64::from_ne_bytes(*word);
    match (a.last_chunk(), b.last_chunk()) {
        (Some(last_a), Some(last_b)) => {
            let (words_a, words_b) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
            word(last_a) == word(last_b)
                && words_a.iter().zip(words_b).all(|(a, b)| word(a) == word(b))
        }
        _ => a.iter().zip(b).all(|(a, b)| a == b),
    }
}

impl<N: Now> Words<N> {
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            map: HashMap::default(),
            clock: N::default(),
            ttl: plan.ttl,
        }
    }
}

impl<N: Now> System for Words<N> {
    #[inline]
    fn set(&mut self, key: &[u8], value: &[u8]) -> bool {
        let timed = Timed {
            deadline: deadline(self.ttl, &self.clock),
            value: value.into(),
        };
        self.map.insert(WordKey(key.into()), timed);
        true
    }

    #[inline]
    fn get(&mut self, key: &[u8]) -> Option<u64> {
        let timed = self.map.get(&Wanted(key))?;
        timed.lives(&self.clock).then(|| digest(&timed.value))
    }
}
