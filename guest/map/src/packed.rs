//! `get-packed` and `apply-packed` of `localmap:core/blocks`: several keys or changes in one list.

use crate::state::{storing, with_map};
use crate::{batch, memory};
use alloc::vec::Vec;
use localmap_engine as engine;
use localmap_packed::{
    Change, Changes, Condition, Error, KeyFault, Keys, Packed, PackedValues, Ttl, pack_error,
    pack_outcomes,
};

/// The room for a result of `get-packed`, in words for each key. More is reserved if it is needed.
const VALUE_WORDS: usize = 16;

/// Returns the values of packed keys.
pub(crate) fn get(keys: &[u8]) -> Packed {
    let keys = Keys::new(keys);
    let most = keys.size_hint().1.unwrap_or(0).min(engine::MAX_CHANGES);
    let mut values = PackedValues::from_memory(memory::scratch_vec(VALUE_WORDS * (most + 1)));
    with_map(|map| {
        map.get_many(keys, |value| match value {
            None => values.push_absent(),
            Some(value) => match value.as_slice() {
                Some(bytes) => values.push(bytes),
                None => values.push_with(value.len(), |room| {
                    value.copy_to(room);
                }),
            },
        });
    });
    values.finish()
}

/// Makes packed changes. Returns their outcomes, or the error of one of them.
pub(crate) fn apply(changes: &[u8]) -> Packed {
    let applied = read(changes).and_then(|changes| {
        storing(|map| {
            batch::check(&changes, map.limits())?;
            map.apply(&changes)
        })
    });
    match applied {
        Ok(outcomes) => {
            let memory = memory::scratch_vec(outcomes.len() + 8);
            pack_outcomes(memory, outcomes.into_iter().map(number))
        }
        Err((index, error)) => pack_error(memory::scratch_vec(8), index, error_of(error)),
    }
}

/// Reads changes, at most one more than a batch can have.
fn read(bytes: &[u8]) -> Result<Vec<engine::Change<'_>>, (u32, engine::Error)> {
    const MOST: usize = engine::MAX_CHANGES + 1;
    let packed = Changes::new(bytes).take(MOST);
    let mut changes = memory::scratch_vec(packed.size_hint().1.unwrap_or(MOST));
    for (index, change) in (0..).zip(packed) {
        let Ok(change) = change else {
            let max = with_map(|map| map.limits().max_value);
            return Err((index, engine::Error::ValueTooLarge(max)));
        };
        changes.push(change_of(change));
    }
    Ok(changes)
}

#[inline]
const fn change_of(change: Change<'_>) -> engine::Change<'_> {
    match change {
        Change::Set { key, value, ttl } => engine::Change::Set {
            key,
            value,
            ttl: ttl_of(ttl),
        },
        Change::SetIf {
            key,
            value,
            ttl,
            condition,
        } => engine::Change::SetIf {
            key,
            value,
            ttl: ttl_of(ttl),
            condition: match condition {
                Condition::Absent => engine::Condition::Absent,
                Condition::Present => engine::Condition::Present,
                Condition::Version(version) => engine::Condition::Version(version),
            },
        },
        Change::Increment { key, delta, ttl } => engine::Change::Increment {
            key,
            delta,
            ttl: ttl_of(ttl),
        },
        Change::Touch { key, ttl } => engine::Change::Touch {
            key,
            ttl: ttl_of(ttl),
        },
        Change::Delete { key } => engine::Change::Delete { key },
        Change::DeleteIf { key, version } => engine::Change::DeleteIf { key, version },
    }
}

#[inline]
const fn ttl_of(ttl: Ttl) -> engine::Ttl {
    match ttl {
        Ttl::Default => engine::Ttl::Default,
        Ttl::Never => engine::Ttl::Never,
        Ttl::After(nanos) => engine::Ttl::After(nanos),
    }
}

#[inline]
const fn number(outcome: engine::Outcome) -> u64 {
    match outcome {
        engine::Outcome::Stored(version) => version,
        engine::Outcome::Counter(sum) => sum.cast_unsigned(),
        engine::Outcome::Touched(present) | engine::Outcome::Deleted(present) => present as u64,
    }
}

const fn error_of(error: engine::Error) -> Error {
    match error {
        engine::Error::InvalidKey(engine::KeyFault::Empty) => Error::InvalidKey(KeyFault::Empty),
        engine::Error::InvalidKey(engine::KeyFault::TooLong(len)) => {
            Error::InvalidKey(KeyFault::TooLong(len))
        }
        engine::Error::InvalidKey(engine::KeyFault::NotUtf8) => {
            Error::InvalidKey(KeyFault::NotUtf8)
        }
        engine::Error::ValueTooLarge(max) => Error::ValueTooLarge(max),
        engine::Error::InvalidTtl => Error::InvalidTtl,
        engine::Error::Full => Error::Full,
        engine::Error::Conflict(current) => Error::Conflict(current),
        engine::Error::NotACounter => Error::NotACounter,
        engine::Error::Overflow => Error::Overflow,
    }
}
