//! Calls of `localmap:core/blocks` with several keys or changes, which are packed into one list.
//!
//! The calls are written by hand, as in `blocks`.

#![allow(
    unsafe_code,
    reason = "calls of the component ABI pass raw pointers: see each use"
)]

use std::mem::MaybeUninit;

use localmap_packed::{Block, Outcomes, Packed, PackedChanges, Values, pack_keys};

use crate::blocks::{as_bytes, in_steps};
use crate::types::nanos;
use crate::{Change, Condition, Error, KeyFault, Outcome, Ttl};

/// The memory layout of a list of blocks.
#[repr(C)]
struct List {
    blocks: *mut Block,
    count: usize,
}

#[cfg(target_arch = "wasm32")]
#[link(wasm_import_module = "localmap:core/blocks@0.1.0")]
unsafe extern "C" {
    #[link_name = "get-packed"]
    fn blocks_get_packed(keys: *const Block, count: usize, answer: *mut List);

    #[link_name = "apply-packed"]
    fn blocks_apply_packed(changes: *const Block, count: usize, answer: *mut List);
}

#[cfg(not(target_arch = "wasm32"))]
unsafe fn blocks_get_packed(_: *const Block, _: usize, _: *mut List) {
    crate::blocks::no_host()
}

#[cfg(not(target_arch = "wasm32"))]
unsafe fn blocks_apply_packed(_: *const Block, _: usize, _: *mut List) {
    crate::blocks::no_host()
}

/// Calls a function with a packed list, and returns the list that it returns.
#[inline(always)]
fn call(function: unsafe fn(*const Block, usize, *mut List), sent: &Packed) -> Vec<Block> {
    let mut answer = MaybeUninit::<List>::uninit();
    let blocks = sent.blocks();
    // SAFETY: the blocks outlive the call, and `answer` has room for the result.
    unsafe { function(blocks.as_ptr(), blocks.len(), answer.as_mut_ptr()) };
    // SAFETY: the call has written all of it.
    let List { blocks, count } = unsafe { answer.assume_init() };
    // SAFETY: the call allocated the list with `cabi_realloc`, as a `Vec` of blocks.
    unsafe { Vec::from_raw_parts(blocks, count, count) }
}

/// Appends the values of `keys` to `values`, of some of them at least.
pub(crate) fn get_many<'k>(
    keys: impl ExactSizeIterator<Item = &'k [u8]> + Clone,
    values: &mut Vec<Option<Vec<u8>>>,
) {
    let most = keys.len();
    // SAFETY: `call` passes a list of blocks and room for the result.
    let function = |keys, count, answer| unsafe { blocks_get_packed(keys, count, answer) };
    let answer = call(function, &pack_keys(Vec::new(), keys));
    let found = Values::new(as_bytes(answer.as_flattened())).take(most);
    values.extend(found.map(|value| value.map(to_vec)));
}

/// Copies a value. A short one is copied without a call.
fn to_vec(value: &[u8]) -> Vec<u8> {
    /// The longest value that is copied in steps.
    const SHORT: usize = 256;

    let mut copy = Vec::with_capacity(value.len());
    if value.len() > SHORT {
        copy.extend_from_slice(value);
    } else {
        let (blocks, rest) = value.as_chunks::<{ size_of::<Block>() }>();
        blocks
            .iter()
            .for_each(|block| copy.extend_from_slice(block));
        in_steps(rest, |bytes| copy.extend_from_slice(bytes));
    }
    copy
}

/// Makes all of `changes` or none of them. A failure has the index of the change. `write` returns
/// the key to send for a change that writes, and `delete` for one that deletes.
pub(crate) fn apply<'a>(
    changes: &[Change<'a>],
    write: impl Fn(&'a [u8]) -> &'a [u8],
    delete: impl Fn(&'a [u8]) -> &'a [u8],
) -> Result<Vec<Outcome>, (u32, Error)> {
    use localmap_packed::Change as Sent;
    let bytes = changes.iter().map(Change::len).sum();
    let mut packed = PackedChanges::with_room(Vec::new(), changes.len(), bytes);
    for change in changes {
        match *change {
            Change::Set { key, value, ttl } => {
                let (key, ttl) = (write(key), ttl.into());
                packed.push(Sent::Set { key, value, ttl });
            }
            Change::SetIf {
                key,
                value,
                ttl,
                condition,
            } => {
                let (key, ttl, condition) = (write(key), ttl.into(), condition.into());
                packed.push(Sent::SetIf {
                    key,
                    value,
                    ttl,
                    condition,
                });
            }
            Change::Increment { key, delta, ttl } => {
                let (key, ttl) = (write(key), ttl.into());
                packed.push(Sent::Increment { key, delta, ttl });
            }
            Change::Touch { key, ttl } => {
                let (key, ttl) = (write(key), ttl.into());
                packed.push(Sent::Touch { key, ttl });
            }
            Change::Delete { key } => packed.push(Sent::Delete { key: delete(key) }),
            Change::DeleteIf { key, version } => {
                let key = delete(key);
                packed.push(Sent::DeleteIf { key, version });
            }
        }
    }
    // SAFETY: `call` passes a list of blocks and room for the result.
    let function = |changes, count, answer| unsafe { blocks_apply_packed(changes, count, answer) };
    let answer = call(function, &packed.finish());
    let outcomes = Outcomes::read(as_bytes(answer.as_flattened()));
    let outcomes = outcomes.map_err(|(index, error)| (index, error.into()))?;
    Ok(changes.iter().zip(outcomes).map(to_outcome).collect())
}

/// Returns the outcome of a change from its number.
const fn to_outcome((change, number): (&Change<'_>, u64)) -> Outcome {
    match change {
        Change::Set { .. } | Change::SetIf { .. } => Outcome::Stored(number),
        Change::Increment { .. } => Outcome::Counter(number.cast_signed()),
        Change::Touch { .. } => Outcome::Touched(number != 0),
        Change::Delete { .. } | Change::DeleteIf { .. } => Outcome::Deleted(number != 0),
    }
}

impl From<Ttl> for localmap_packed::Ttl {
    fn from(ttl: Ttl) -> Self {
        match ttl {
            Ttl::Default => Self::Default,
            Ttl::Never => Self::Never,
            Ttl::After(span) => Self::After(nanos(span)),
        }
    }
}

impl From<Condition> for localmap_packed::Condition {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Absent => Self::Absent,
            Condition::Present => Self::Present,
            Condition::Version(version) => Self::Version(version),
        }
    }
}

impl From<localmap_packed::Error> for Error {
    fn from(error: localmap_packed::Error) -> Self {
        use localmap_packed::{Error, KeyFault as Fault};
        match error {
            Error::InvalidKey(fault) => Self::InvalidKey(match fault {
                Fault::Empty => KeyFault::Empty,
                Fault::TooLong(len) => KeyFault::TooLong { len },
                Fault::NotUtf8 => KeyFault::NotUtf8,
            }),
            Error::ValueTooLarge(max) => Self::ValueTooLarge { max },
            Error::InvalidTtl => Self::InvalidTtl,
            Error::Full => Self::Full,
            Error::Conflict(current) => Self::Conflict { current },
            Error::NotACounter => Self::NotACounter,
            Error::Overflow => Self::Overflow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_every_byte() {
        for len in 0..600 {
            let value: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            assert_eq!(to_vec(&value), value);
        }
    }
}
