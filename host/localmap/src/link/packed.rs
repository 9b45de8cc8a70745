//! The functions of `localmap:core/blocks` that take several keys or changes in one list.

use super::block_list::{ReturnedBlocks, SentBlocks};
use super::call::{Call, done, read};
use super::linked_map::Get;
use super::local_map::{LIST, MAX_KEYS_BYTES, apply, findable};
use crate::contract::bindings::local_map as wit;
use crate::contract::change::{Change, Outcome};
use crate::contract::check::MAX_BATCH;
use crate::contract::entry::{Condition, Ttl};
use crate::contract::error::Error;
use crate::contract::observer::{Asked, Operation};
use localmap_packed::{self as packed, Changes, Keys, Malformed, PackedValues};
use std::time::Duration;
use wasmtime::StoreContextMut;
use wasmtime::component::LinkerInstance;

/// Adds the functions to the instance of the interface.
pub(super) fn add_to_instance<T: 'static>(
    blocks: &mut LinkerInstance<'_, T>,
    get: Get<T>,
) -> wasmtime::Result<()> {
    blocks.func_wrap(
        "get-packed",
        move |mut store: StoreContextMut<'_, T>, (keys,): (SentBlocks,)| {
            let call = Call::of(&mut store, get);
            // Takes as many keys as the map has room for. The app calls again for the rest.
            let (mut room, mut key_len) = (MAX_KEYS_BYTES, 0);
            let keys = Keys::new(keys.bytes(&store)).map_while(|key| {
                let findable = findable(key.len());
                room = room.checked_sub(LIST + findable)?;
                key_len += key.len();
                key.get(..findable)
            });
            let keys: Vec<&[u8]> = keys.collect();
            let found = call.read(Asked::keys(Operation::GetMany, key_len), read, |map| {
                map.get_some(&keys)
            })?;
            let mut values = PackedValues::new();
            for value in found {
                match value {
                    Some(value) => values.push(&value),
                    None => values.push_absent(),
                }
            }
            Ok((ReturnedBlocks(values.finish()),))
        },
    )?;
    blocks.func_wrap(
        "apply-packed",
        move |mut store: StoreContextMut<'_, T>, (sent,): (SentBlocks,)| {
            let call = Call::of(&mut store, get);
            // One change more than the limit is enough for the map to reject the batch.
            let sent = Changes::new(sent.bytes(&store)).take(MAX_BATCH + 1);
            let mut changes = Vec::with_capacity(sent.size_hint().1.unwrap_or(0));
            let mut malformed = false;
            for change in sent {
                match change {
                    Ok(change) => changes.push(change_of(change)),
                    Err(Malformed) => malformed = true,
                }
            }
            let key_len = changes.iter().map(Change::key_len).sum();
            let value_len = changes.iter().map(Change::stored_value_len).sum();
            let asked = Asked::keys(Operation::Apply, key_len).value_len(value_len);
            let mut at = changes.len();
            let answer = call.ask(asked, done, |map| {
                if malformed {
                    let max = map.limits()?.max_value;
                    return Err(Error::ValueTooLarge { len: 0, max });
                }
                apply(map, &mut changes, &mut at)
            })?;
            let answer = match answer {
                Ok(outcomes) => packed::pack_outcomes(Vec::new(), outcomes.into_iter().map(number)),
                Err(error) => packed::pack_error(Vec::new(), u32::try_from(at)?, error_of(error)),
            };
            Ok((ReturnedBlocks(answer),))
        },
    )
}

fn change_of(change: packed::Change<'_>) -> Change<'_> {
    match change {
        packed::Change::Set { key, value, ttl } => Change::Set {
            key,
            value,
            ttl: ttl.into(),
        },
        packed::Change::SetIf {
            key,
            value,
            ttl,
            condition,
        } => Change::SetIf {
            key,
            value,
            ttl: ttl.into(),
            condition: match condition {
                packed::Condition::Absent => Condition::Absent,
                packed::Condition::Present => Condition::Present,
                packed::Condition::Version(version) => Condition::Version(version),
            },
        },
        packed::Change::Increment { key, delta, ttl } => Change::Increment {
            key,
            delta,
            ttl: ttl.into(),
        },
        packed::Change::Touch { key, ttl } => Change::Touch {
            key,
            ttl: ttl.into(),
        },
        packed::Change::Delete { key } => Change::Delete { key },
        packed::Change::DeleteIf { key, version } => Change::DeleteIf { key, version },
    }
}

impl From<packed::Ttl> for Ttl {
    fn from(ttl: packed::Ttl) -> Self {
        match ttl {
            packed::Ttl::Default => Self::Default,
            packed::Ttl::Never => Self::Never,
            packed::Ttl::After(nanos) => Self::After(Duration::from_nanos(nanos)),
        }
    }
}

fn number(outcome: Outcome) -> u64 {
    match outcome {
        Outcome::Stored(version) => version,
        Outcome::Counter(sum) => sum.cast_unsigned(),
        Outcome::Touched(present) | Outcome::Deleted(present) => present.into(),
    }
}

fn error_of(error: wit::Error) -> packed::Error {
    use wit::Error;
    match error {
        Error::InvalidKey(fault) => packed::Error::InvalidKey(match fault {
            wit::KeyFault::Empty => packed::KeyFault::Empty,
            wit::KeyFault::TooLong(len) => packed::KeyFault::TooLong(len),
            wit::KeyFault::NotUtf8 => packed::KeyFault::NotUtf8,
        }),
        Error::ValueTooLarge(max) => packed::Error::ValueTooLarge(max),
        Error::InvalidTtl => packed::Error::InvalidTtl,
        Error::Full => packed::Error::Full,
        Error::Conflict(current) => packed::Error::Conflict(current),
        Error::NotACounter => packed::Error::NotACounter,
        Error::Overflow => packed::Error::Overflow,
    }
}
