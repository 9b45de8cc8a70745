//! The list of the keys that have changed, which a watched map keeps for its host. It holds keys and
//! not values: the host reads those when it needs them.

use alloc::vec::Vec;

use crate::error::NoRoom;
use crate::limits::{MAX_KEY_LEN, MAX_WATCH_BYTES};

/// The bytes that a change takes in addition to its key.
const HEAD: usize = size_of::<u16>();

/// The bits of the head that hold the length of the key. What has become of it is in those above.
const LEN_BITS: u32 = 14;

const _: () = assert!(MAX_KEY_LEN < 1 << LEN_BITS);

/// What has become of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// It has got a value, and a deadline or none.
    Stored,
    /// It has got another deadline, or none, and has kept its value.
    Touched,
    /// It has been deleted or evicted, or has expired.
    Gone,
}

/// A change, as [`Map::changes`](crate::Map::changes) visits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed<'a> {
    /// The key.
    pub key: &'a [u8],
    /// What has become of it. Later changes may follow.
    pub became: Became,
}

/// The changes that have not been told.
pub(crate) struct Changes {
    /// The changes, one after the other: a head, and the key.
    list: Vec<u8>,
    /// The bytes at the start of the list that have been told.
    told: usize,
    /// The maximum number of bytes in the list; 0 if the map is not watched.
    max: usize,
    /// Whether changes are missing from the list, which is empty then.
    lost: bool,
}

impl Changes {
    /// The list of a map that is not watched.
    pub(crate) const OFF: Self = Self {
        list: Vec::new(),
        told: 0,
        max: 0,
        lost: false,
    };

    /// Begins an empty list of at most `max` bytes; with 0, ends the list. What has not been told is
    /// lost.
    pub(crate) fn watch(&mut self, max: usize) -> Result<(), NoRoom> {
        let max = max.min(MAX_WATCH_BYTES);
        let lost = self.is_on() && max > 0;
        *self = Self::OFF;
        self.list.try_reserve_exact(max)?;
        (self.max, self.lost) = (max, lost);
        Ok(())
    }

    /// Returns `true` if the map is watched.
    #[inline(always)]
    pub(crate) const fn is_on(&self) -> bool {
        self.max > 0
    }

    /// Adds a change of a watched map. If there is no room for it, all changes are lost.
    #[cold]
    #[inline(never)]
    pub(crate) fn note(&mut self, became: Became, key: &[u8]) {
        if self.lost {
            return;
        }
        let size = HEAD + key.len();
        if self.list.len() + size > self.max {
            self.list.drain(..self.told);
            self.told = 0;
            if self.list.len() + size > self.max {
                self.lose();
                return;
            }
        }
        let head = (became as u16) << LEN_BITS | key.len() as u16;
        self.list.extend_from_slice(&head.to_le_bytes());
        self.list.extend_from_slice(key);
    }

    /// Loses all changes of a watched map.
    pub(crate) fn lose(&mut self) {
        self.list.clear();
        (self.told, self.lost) = (0, true);
    }

    /// Returns `true` if changes have been lost since the last call, or were never noted.
    pub(crate) const fn take_lost(&mut self) -> bool {
        let lost = self.lost;
        self.lost = false;
        lost || !self.is_on()
    }

    /// Returns `true` unless one more change could be lost although others wait to be told.
    pub(crate) const fn has_room(&self) -> bool {
        let waiting = self.list.len() - self.told;
        waiting == 0 || waiting + HEAD + MAX_KEY_LEN <= self.max
    }

    /// Tells the next `most` changes. Returns `true` if more wait.
    pub(crate) fn tell<'a>(&'a mut self, most: usize, mut visit: impl FnMut(Changed<'a>)) -> bool {
        let mut rest = self.list.get(self.told..).unwrap_or_default();
        for _ in 0..most {
            let Some((change, after)) = first(rest) else {
                break;
            };
            visit(change);
            rest = after;
        }
        self.told = self.list.len() - rest.len();
        !rest.is_empty()
    }

    /// Checks the invariants between two calls.
    #[cfg(any(test, feature = "validate"))]
    pub(crate) fn validate(&self) {
        assert!(self.list.len() <= self.max && self.told <= self.list.len());
        assert!(self.max <= MAX_WATCH_BYTES && (self.is_on() || !self.lost));
        assert!(!self.lost || self.list.is_empty(), "changes after a loss");
        let mut rest = &self.list[self.told..];
        while let Some((change, after)) = first(rest) {
            assert!((1..=MAX_KEY_LEN).contains(&change.key.len()));
            rest = after;
        }
        assert!(rest.is_empty(), "half a change");
    }
}

/// Splits a list after its first change.
fn first(list: &[u8]) -> Option<(Changed<'_>, &[u8])> {
    let (head, rest) = list.split_first_chunk::<HEAD>()?;
    let head = u16::from_le_bytes(*head);
    let became = match head >> LEN_BITS {
        0 => Became::Stored,
        1 => Became::Touched,
        _ => Became::Gone,
    };
    let len = head & ((1 << LEN_BITS) - 1);
    let (key, rest) = rest.split_at_checked(len.into())?;
    Some((Changed { key, became }, rest))
}
