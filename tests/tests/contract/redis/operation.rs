//! The operations of both sides, and their answers.

use std::collections::BTreeSet;

/// A value: a counter, or bytes that neither side accepts as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Datum {
    Counter(i64),
    Bytes(Vec<u8>),
}

/// The remaining time of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Absent,
    Forever,
    Hours(u64),
}

/// The answer of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Done,
    Datum(Option<Datum>),
    Data(Vec<Option<Datum>>),
    Truth(bool),
    Sum(i64),
    Keys(BTreeSet<Vec<u8>>),
    NotACounter,
    Overflow,
}

/// An operation on keys, which are given by number. TTLs are in hours, and `None` means forever.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Pass(u64),
    Get(u8),
    GetMany(Vec<u8>),
    Contains(u8),
    Take(u8),
    Set(u8, Datum, Option<u64>),
    SetIfAbsent(u8, Datum, Option<u64>),
    SetIfPresent(u8, Datum, Option<u64>),
    Increment(u8, i64, Option<u64>),
    /// With 0, the entry expires at once.
    Expire(u8, u64),
    Persist(u8),
    Delete(u8),
    Keys,
    Clear,
}

/// One of the two sides that are compared.
pub(crate) trait Side {
    fn perform(&mut self, operation: &Operation) -> Answer;
    /// Returns the value of a key, and its remaining time.
    fn state(&mut self, number: u8) -> (Option<Datum>, Left);
}

/// Returns the bytes of a key. Some are not text, and one has the maximum length.
pub(crate) fn key(number: u8) -> Vec<u8> {
    match number % KEYS {
        0 => vec![0],
        1 => vec![0xff; 128],
        2 => b"two\r\n$3".to_vec(),
        number => format!("key {number}").into_bytes(),
    }
}

pub(crate) const KEYS: u8 = 7;

impl Operation {
    pub(crate) fn random(random: &mut fastrand::Rng) -> Self {
        let key = random.u8(0..KEYS);
        match random.u8(0..100) {
            0..10 => Self::Pass(random.u64(1..4)),
            10..20 => Self::Get(key),
            20..25 => Self::GetMany((0..random.u8(1..6)).map(|_| random.u8(0..KEYS)).collect()),
            25..28 => Self::Contains(key),
            28..32 => Self::Take(key),
            32..52 => Self::Set(key, datum(random), ttl(random)),
            52..56 => Self::SetIfAbsent(key, datum(random), ttl(random)),
            56..60 => Self::SetIfPresent(key, datum(random), ttl(random)),
            60..80 => Self::Increment(key, counter(random), ttl(random)),
            80..88 => Self::Expire(key, hours(random)),
            88..91 => Self::Expire(key, 0),
            91..94 => Self::Persist(key),
            94..97 => Self::Delete(key),
            97..99 => Self::Keys,
            _ => Self::Clear,
        }
    }

    /// Returns the key of an operation on a single key.
    pub(crate) fn key(&self) -> Option<u8> {
        match self {
            Self::Get(key) | Self::Contains(key) | Self::Take(key) => Some(*key),
            Self::Set(key, ..) | Self::SetIfAbsent(key, ..) => Some(*key),
            Self::SetIfPresent(key, ..) | Self::Increment(key, ..) => Some(*key),
            Self::Expire(key, _) | Self::Persist(key) | Self::Delete(key) => Some(*key),
            Self::Pass(_) | Self::GetMany(_) | Self::Keys | Self::Clear => None,
        }
    }
}

fn counter(random: &mut fastrand::Rng) -> i64 {
    match random.u8(0..8) {
        0 => i64::MAX,
        1 => i64::MIN,
        2 => random.i64(..),
        _ => random.i64(-3..4),
    }
}

fn datum(random: &mut fastrand::Rng) -> Datum {
    if random.bool() {
        return Datum::Counter(counter(random));
    }
    let len = match random.u8(0..20) {
        0 => random.usize(..200_000),
        _ => random.usize(..100),
    };
    let mut bytes: Vec<u8> = (0..len).map(|_| random.u8(..)).collect();
    // Not a number for Redis, and shorter than a counter of a map.
    if let Some(first) = bytes.first_mut() {
        *first = b'x';
    }
    if len == 8 {
        bytes.push(0);
    }
    Datum::Bytes(bytes)
}

fn hours(random: &mut fastrand::Rng) -> u64 {
    match random.u8(0..16) {
        0 => random.u64(1..1_000_000),
        _ => random.u64(1..8),
    }
}

fn ttl(random: &mut fastrand::Rng) -> Option<u64> {
    (random.u8(0..4) > 0).then(|| hours(random))
}
