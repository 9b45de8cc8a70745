//! Random operations.

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::model::{Answer, Owned};
use crate::{Clock, Condition, Entry, Limits, Map, Scanned, Ttl};

/// Something that is done to a map, or to its clock.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    Advance(u64),
    Rewind(u64),
    Get(Vec<u8>),
    GetEntry(Vec<u8>),
    GetMany(Vec<Vec<u8>>),
    Contains(Vec<u8>),
    Set(Vec<u8>, Vec<u8>, Ttl),
    SetIf(Vec<u8>, Vec<u8>, Ttl, Condition),
    Increment(Vec<u8>, i64, Ttl),
    Touch(Vec<u8>, Ttl),
    Take(Vec<u8>),
    Delete(Vec<u8>),
    DeleteIf(Vec<u8>, u64),
    Scan(Vec<u8>, u32),
    /// One page of a scan that goes on while other things happen.
    Page(u32),
    Len,
    Stats,
    Sweep(u32),
    Clear,
    Configure(Limits),
}

impl Operation {
    /// How many due entries it may take back; `None`: all.
    pub(super) fn may_take_back(&self) -> Option<u64> {
        match self {
            Self::Get(_) | Self::GetEntry(_) | Self::Contains(_) | Self::Take(_) => Some(1),
            Self::Delete(_) | Self::DeleteIf(..) => Some(1),
            Self::GetMany(keys) => Some(keys.len() as u64),
            Self::Scan(..) | Self::Page(_) | Self::Configure(_) => Some(0),
            Self::Advance(_) | Self::Rewind(_) => Some(0),
            // Writes may take back all before they answer `full`.
            _ => None,
        }
    }

    /// The same, if it does not take away all entries at once.
    pub(super) fn tame(self) -> Self {
        match self {
            Self::Clear | Self::Configure(_) => Self::Len,
            Self::Advance(by) => Self::Advance(by.min(11)),
            other => other,
        }
    }

    /// Does it to a map, and gives what that answers.
    pub(super) fn perform(&self, map: &mut Map<impl Clock>) -> Answer {
        match self {
            Self::Get(key) => Answer::Value(map.get(key).map(<[u8]>::to_vec)),
            Self::GetEntry(key) => Answer::Entry(map.get_entry(key).map(owned)),
            Self::GetMany(keys) => {
                let mut values = Vec::new();
                map.get_many(keys.iter().map(Vec::as_slice), |value| {
                    values.push(value.map(<[u8]>::to_vec));
                });
                Answer::Values(values)
            }
            Self::Contains(key) => Answer::Truth(Ok(map.contains(key))),
            Self::Set(key, value, ttl) => Answer::Version(map.set(key, value, *ttl)),
            Self::SetIf(key, value, ttl, condition) => {
                Answer::Version(map.set_if(key, value, *ttl, *condition))
            }
            Self::Increment(key, delta, ttl) => Answer::Sum(map.increment(key, *delta, *ttl)),
            Self::Touch(key, ttl) => Answer::Truth(map.touch(key, *ttl)),
            Self::Take(key) => Answer::Value(map.take(key)),
            Self::Delete(key) => Answer::Truth(Ok(map.delete(key))),
            Self::DeleteIf(key, version) => {
                Answer::Truth(map.delete_if(key, *version).map(|()| true))
            }
            Self::Scan(prefix, limit) => Answer::Scan(scan(map, prefix, *limit)),
            Self::Len => Answer::Number(map.len()),
            Self::Stats => Answer::Stats(map.stats()),
            Self::Configure(limits) => Answer::Configured(map.configure(limits.clone())),
            Self::Clear => {
                map.clear();
                Answer::Done
            }
            Self::Advance(_) | Self::Rewind(_) | Self::Sweep(_) | Self::Page(_) => Answer::Done,
        }
    }
}

fn owned(entry: Entry<'_>) -> Owned {
    (entry.value.to_vec(), entry.version, entry.expires_in)
}

/// A whole scan, in the order of the keys.
fn scan(map: &mut Map<impl Clock>, prefix: &[u8], limit: u32) -> Vec<(Vec<u8>, Owned)> {
    let (mut entries, mut next) = (Vec::new(), Some(0));
    while let Some(cursor) = next {
        let before = entries.len();
        next = map.scan(prefix, cursor, limit, |scanned| {
            let Scanned {
                key,
                value,
                version,
                expires_in,
            } = scanned;
            entries.push((key.to_vec(), (value.to_vec(), version, expires_in)));
        });
        assert!(entries.len() - before <= limit.max(1) as usize);
    }
    entries.sort();
    entries
}

/// Tiny limits.
pub(super) fn small_limits() -> impl Strategy<Value = Limits> {
    let ttl = prop_oneof![2 => Just(None), 1 => (1u64..12).prop_map(Some)];
    (0u64..6, 0u64..800, 0u64..48, ttl, prop::bool::weighted(0.2)).prop_map(
        |(max_entries, max_bytes, max_value, default_ttl, utf8_keys)| Limits {
            // 0 stands for one that is not in the way.
            max_entries: max_entries.checked_sub(1).map_or(1000, |n| n + 1),
            max_bytes: if max_bytes < 100 { 9999 } else { max_bytes },
            max_value,
            default_ttl,
            utf8_keys,
        },
    )
}

/// Spans at the edges: small, around the tick of 10, around powers of two.
fn span() -> impl Strategy<Value = u64> {
    prop_oneof![
        8 => 0u64..4,
        8 => 9u64..12,
        4 => 0u64..2000,
        2 => (0u32..64, 0u64..3).prop_map(|(bit, more)| (1 << bit) - 1 + more),
        1 => Just(u64::MAX),
    ]
}

fn step() -> impl Strategy<Value = u64> {
    prop_oneof![30 => 0u64..4, 10 => 9u64..12, 1 => span()]
}

fn ttl() -> impl Strategy<Value = Ttl> {
    prop_oneof![
        1 => Just(Ttl::Default),
        2 => Just(Ttl::Never),
        5 => span().prop_map(Ttl::After),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..50),
        1 => counter().prop_map(|n| n.to_le_bytes().to_vec()),
    ]
}

fn counter() -> impl Strategy<Value = i64> {
    prop_oneof![3 => -3i64..4, 1 => Just(i64::MAX), 1 => Just(i64::MIN), 1 => any::<i64>()]
}

/// Keys by number, and some that cannot exist.
fn key(numbers: core::ops::Range<u16>) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        40 => numbers.prop_map(|n| match n.to_be_bytes() {
            [0, 0] => b"\xff".to_vec(),
            [0, low] => [b'a' + low % 2, low].to_vec(),
            [high, low] => [low, high].repeat(usize::from(1 + low % 9)),
        }),
        1 => Just(Vec::new()),
        1 => (127usize..131).prop_map(|len| [b'k'].repeat(len)),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        Just(Condition::Absent),
        Just(Condition::Present),
        (0u64..30).prop_map(Condition::Version),
    ]
}

/// Any operation, on keys with these numbers.
pub(super) fn operation(numbers: core::ops::Range<u16>) -> impl Strategy<Value = Operation> {
    let key = move || key(numbers.clone());
    prop_oneof![
        8 => step().prop_map(Operation::Advance),
        1 => step().prop_map(Operation::Rewind),
        3 => key().prop_map(Operation::Get),
        3 => key().prop_map(Operation::GetEntry),
        2 => prop::collection::vec(key(), 0..5).prop_map(Operation::GetMany),
        1 => key().prop_map(Operation::Contains),
        20 => (key(), value(), ttl()).prop_map(|(k, v, t)| Operation::Set(k, v, t)),
        4 => (key(), value(), ttl(), condition())
            .prop_map(|(k, v, t, c)| Operation::SetIf(k, v, t, c)),
        6 => (key(), counter(), ttl()).prop_map(|(k, n, t)| Operation::Increment(k, n, t)),
        4 => (key(), ttl()).prop_map(|(k, t)| Operation::Touch(k, t)),
        2 => key().prop_map(Operation::Take),
        3 => key().prop_map(Operation::Delete),
        1 => (key(), 0u64..30).prop_map(|(k, v)| Operation::DeleteIf(k, v)),
        1 => (prop_oneof![Just(Vec::new()), Just(b"a".to_vec()), key()], 0u32..9)
            .prop_map(|(prefix, limit)| Operation::Scan(prefix, limit)),
        3 => (0u32..4).prop_map(Operation::Page),
        1 => Just(Operation::Len),
        1 => Just(Operation::Stats),
        1 => (0u32..5).prop_map(Operation::Sweep),
        1 => prop_oneof![
            Just(Operation::Clear),
            small_limits().prop_map(Operation::Configure),
        ],
    ]
}
