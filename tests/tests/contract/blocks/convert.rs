//! Converts between the types of the engine and packed lists.

use super::raw::{Block, from_blocks};
use localmap_engine::{Change, Condition, Error, KeyFault, Outcome, Ttl};
use localmap_packed::{self as packed, Outcomes, Packed, PackedChanges, Values};

/// Packs changes.
pub(crate) fn pack(changes: &[Change<'_>]) -> Packed {
    let mut packed = PackedChanges::with_room(Vec::new(), changes.len(), 0);
    for change in changes {
        packed.push(to_packed(change));
    }
    packed.finish()
}

fn to_packed<'a>(change: &Change<'a>) -> packed::Change<'a> {
    use packed::Change as To;
    match *change {
        Change::Set { key, value, ttl } => To::Set {
            key,
            value,
            ttl: to_ttl(ttl),
        },
        Change::SetIf {
            key,
            value,
            ttl,
            condition,
        } => To::SetIf {
            key,
            value,
            ttl: to_ttl(ttl),
            condition: match condition {
                Condition::Absent => packed::Condition::Absent,
                Condition::Present => packed::Condition::Present,
                Condition::Version(version) => packed::Condition::Version(version),
            },
        },
        Change::Increment { key, delta, ttl } => To::Increment {
            key,
            delta,
            ttl: to_ttl(ttl),
        },
        Change::Touch { key, ttl } => To::Touch {
            key,
            ttl: to_ttl(ttl),
        },
        Change::Delete { key } => To::Delete { key },
        Change::DeleteIf { key, version } => To::DeleteIf { key, version },
    }
}

fn to_ttl(ttl: Ttl) -> packed::Ttl {
    match ttl {
        Ttl::Default => packed::Ttl::Default,
        Ttl::Never => packed::Ttl::Never,
        Ttl::After(after) => packed::Ttl::After(after),
    }
}

/// Returns the values of a packed list.
pub(crate) fn unpack_values(blocks: &[Block]) -> Vec<Option<Vec<u8>>> {
    let bytes = from_blocks(blocks);
    let values = Values::new(&bytes);
    values.map(|value| value.map(<[u8]>::to_vec)).collect()
}

/// Returns the outcomes of a packed list.
pub(crate) fn unpack_outcomes(
    changes: &[Change<'_>],
    blocks: &[Block],
) -> Result<Vec<Outcome>, (u32, Error)> {
    let bytes = from_blocks(blocks);
    let numbers = Outcomes::read(&bytes).map_err(|(index, error)| (index, to_error(error)))?;
    let outcomes = changes.iter().zip(numbers).map(to_outcome);
    let outcomes: Vec<_> = outcomes.collect();
    assert_eq!(outcomes.len(), changes.len());
    Ok(outcomes)
}

fn to_outcome((change, number): (&Change<'_>, u64)) -> Outcome {
    match change {
        Change::Set { .. } | Change::SetIf { .. } => Outcome::Stored(number),
        Change::Increment { .. } => Outcome::Counter(number.cast_signed()),
        Change::Touch { .. } => Outcome::Touched(truth(number)),
        Change::Delete { .. } | Change::DeleteIf { .. } => Outcome::Deleted(truth(number)),
    }
}

fn truth(number: u64) -> bool {
    assert!(number < 2, "{number} is neither true nor false");
    number == 1
}

fn to_error(error: packed::Error) -> Error {
    match error {
        packed::Error::InvalidKey(fault) => Error::InvalidKey(match fault {
            packed::KeyFault::Empty => KeyFault::Empty,
            packed::KeyFault::TooLong(len) => KeyFault::TooLong(len),
            packed::KeyFault::NotUtf8 => KeyFault::NotUtf8,
        }),
        packed::Error::ValueTooLarge(max) => Error::ValueTooLarge(max),
        packed::Error::InvalidTtl => Error::InvalidTtl,
        packed::Error::Full => Error::Full,
        packed::Error::Conflict(current) => Error::Conflict(current),
        packed::Error::NotACounter => Error::NotACounter,
        packed::Error::Overflow => Error::Overflow,
    }
}
