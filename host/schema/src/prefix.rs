//! Prefixes of keys, and the search for the longest one of a key.

use crate::ttl::Ttl;
use crate::violation::Violation;
use std::time::Duration;

/// What the values of a prefix are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Any bytes.
    Bytes,
    /// UTF-8.
    Utf8,
    /// Counters: 8 bytes, a little-endian `i64`.
    Counter,
}

impl Kind {
    /// Returns the name in a schema file: `bytes`, `utf-8` or `counter`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Utf8 => "utf-8",
            Self::Counter => "counter",
        }
    }
}

/// The rules for the keys with a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    pub(crate) prefix: Vec<u8>,
    pub(crate) kind: Kind,
    pub(crate) max_key: Option<u32>,
    pub(crate) max_value: Option<u64>,
    pub(crate) default_ttl: Ttl,
    pub(crate) max_ttl: Option<Duration>,
}

impl Prefix {
    /// Returns the bytes with which its keys begin. It may be empty: then it is a prefix of all keys.
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// Returns what its values are.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the maximum length of a key, prefix included, in bytes; `None` if only the limit of
    /// the map applies.
    pub fn max_key(&self) -> Option<u32> {
        self.max_key
    }

    /// Returns the maximum length of a value, in bytes; `None` if only the limit of the map applies.
    pub fn max_value(&self) -> Option<u64> {
        self.max_value
    }

    /// Returns the TTL of entries that are written without one.
    pub fn default_ttl(&self) -> Ttl {
        self.default_ttl
    }

    /// Returns the longest TTL; `None` if entries may stay for good.
    pub fn max_ttl(&self) -> Option<Duration> {
        self.max_ttl
    }

    /// Checks the length of a key.
    pub(crate) fn check_key(&self, key: &[u8]) -> Result<(), Violation> {
        let len = key.len() as u64;
        match self.max_key {
            Some(max) if len > max.into() => Err(Violation::KeyTooLong { len, max }),
            _ => Ok(()),
        }
    }

    /// Checks the value of a write.
    pub(crate) fn check_value(&self, value: &[u8]) -> Result<(), Violation> {
        self.check_len(value.len())?;
        match self.kind {
            Kind::Bytes => Ok(()),
            Kind::Counter if value.len() == COUNTER => Ok(()),
            Kind::Counter => Err(Violation::NotACounter),
            Kind::Utf8 => str::from_utf8(value)
                .map(|_| ())
                .map_err(|error| Violation::NotUtf8 {
                    valid: error.valid_up_to() as u64,
                }),
        }
    }

    /// Checks an increment, which stores a counter.
    pub(crate) fn check_increment(&self) -> Result<(), Violation> {
        self.check_len(COUNTER)?;
        match self.kind {
            Kind::Bytes | Kind::Counter => Ok(()),
            Kind::Utf8 => Err(Violation::NotACounter),
        }
    }

    fn check_len(&self, len: usize) -> Result<(), Violation> {
        let len = len as u64;
        match self.max_value {
            Some(max) if len > max => Err(Violation::ValueTooLarge { len, max }),
            _ => Ok(()),
        }
    }

    /// Returns the TTL that a write gets.
    pub(crate) fn check_ttl(&self, ttl: Ttl) -> Result<Ttl, Violation> {
        let asked = match ttl {
            Ttl::Default => self.default_ttl,
            other => other,
        };
        let Some(max) = self.max_ttl else {
            return Ok(asked);
        };
        match asked {
            Ttl::After(time) if time <= max => Ok(asked),
            asked => Err(Violation::TtlTooLong { asked, max }),
        }
    }
}

/// The length of a counter in bytes.
pub(crate) const COUNTER: usize = 8;

/// All prefixes of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prefixes {
    /// In the order of their bytes.
    sorted: Vec<Prefix>,
    /// For each of them, the longest other one with which it begins.
    parents: Vec<Option<usize>>,
}

impl Prefixes {
    /// Sorts prefixes. The error is one that occurs twice.
    pub(crate) fn new(mut prefixes: Vec<Prefix>) -> Result<Self, Vec<u8>> {
        prefixes.sort_by(|one, other| one.prefix.cmp(&other.prefix));
        let mut parents = Vec::with_capacity(prefixes.len());
        // The prefixes with which the current one begins, each longer than the one before it.
        let mut open: Vec<usize> = Vec::new();
        for (at, prefix) in prefixes.iter().enumerate() {
            let begins_with = |above: &usize| {
                let above = prefixes.get(*above);
                above.is_some_and(|above| prefix.prefix.starts_with(&above.prefix))
            };
            while open.pop_if(|above| !begins_with(above)).is_some() {}
            let parent = open.last().copied();
            let twice = parent.and_then(|parent| prefixes.get(parent));
            if twice.is_some_and(|parent| parent.prefix == prefix.prefix) {
                return Err(prefix.prefix.clone());
            }
            parents.push(parent);
            open.push(at);
        }
        Ok(Self {
            sorted: prefixes,
            parents,
        })
    }

    /// Returns all of them, in the order of their bytes.
    pub(crate) fn all(&self) -> &[Prefix] {
        &self.sorted
    }

    /// Returns the longest prefix of `key`.
    ///
    /// All prefixes of a key begin the last prefix that is not greater than the key, or are that
    /// prefix itself: what lies between a prefix of the key and the key begins with that prefix.
    pub(crate) fn of(&self, key: &[u8]) -> Option<&Prefix> {
        let not_greater = |prefix: &Prefix| prefix.prefix.as_slice() <= key;
        let mut at = self.sorted.partition_point(not_greater).checked_sub(1);
        while let Some(index) = at {
            let prefix = self.sorted.get(index)?;
            if key.starts_with(&prefix.prefix) {
                return Some(prefix);
            }
            at = *self.parents.get(index)?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixes(all: &[Vec<u8>]) -> Result<Prefixes, Vec<u8>> {
        let prefix = |prefix: &Vec<u8>| Prefix {
            prefix: prefix.clone(),
            kind: Kind::Bytes,
            max_key: None,
            max_value: None,
            default_ttl: Ttl::Default,
            max_ttl: None,
        };
        Prefixes::new(all.iter().map(prefix).collect())
    }

    /// Compares with a search through all of them, for all texts of up to four letters and random
    /// sets of prefixes.
    #[test]
    fn the_longest_prefix_wins() {
        let mut texts = vec![Vec::new()];
        for at in 0.. {
            let Some(text) = texts
                .get(at)
                .cloned()
                .filter(|text: &Vec<u8>| text.len() < 4)
            else {
                break;
            };
            texts.extend([0, b'a', 255].map(|letter| [&text[..], &[letter]].concat()));
        }
        let mut random: u64 = 1;
        for _ in 0..500 {
            let mut next = || {
                random = random.wrapping_mul(6364136223846793005).wrapping_add(1);
                random >> 33
            };
            let mut chosen = texts.clone();
            chosen.retain(|_| next() % 10 == 0);
            let found = prefixes(&chosen).expect("no prefix occurs twice");
            for key in &texts {
                let longest = chosen
                    .iter()
                    .filter(|prefix| key.starts_with(prefix))
                    .max_by_key(|prefix| prefix.len());
                let found = found.of(key).map(|prefix| &prefix.prefix);
                assert_eq!(found, longest, "{key:?} of {chosen:?}");
            }
        }
    }

    #[test]
    fn a_prefix_that_occurs_twice_is_an_error() {
        let all = ["b", "ab", "a", "ab", "abc"].map(|prefix| prefix.as_bytes().to_vec());
        assert_eq!(prefixes(&all).err(), Some(b"ab".to_vec()));
        let empty = [Vec::new(), Vec::new()];
        assert_eq!(prefixes(&empty).err(), Some(Vec::new()));
    }
}
