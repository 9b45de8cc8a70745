//! The functions of `localmap:core/blocks`, with bytes in blocks.

use super::block_list::{BLOCK, Buffer, ReturnedBytes, SentBytes, SentKey};
use super::call::{Call, done};
use super::linked_map::Get;
use super::packed;
use crate::contract::bindings::local_map as wit;
use crate::contract::change::Change;
use crate::contract::error::{Error, KeyFault};
use crate::contract::names::BLOCKS;
use crate::contract::observer::{Asked, CallOutcome, Operation, found};
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

/// Adds the functions of the interface to a linker.
pub(super) fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    get: Get<T>,
) -> wasmtime::Result<()> {
    let mut blocks = linker.instance(BLOCKS)?;
    blocks.func_wrap(
        "get",
        move |mut store: StoreContextMut<'_, T>, (key,): (SentKey,)| {
            let call = Call::borrowed(&mut store, get);
            // A key longer than its block is absent, and so is the empty key.
            let bytes = key.bytes().unwrap_or_default();
            let asked = Asked {
                key_len: key.len(),
                ..Asked::key(Operation::Get, bytes)
            };
            let value = call.read(asked, looked_up, |map| {
                map.get_with(bytes, |value| {
                    value.map(|value| (ReturnedBytes::new(value), value.len()))
                })
            })?;
            Ok((value.map(|(value, _)| value).transpose()?,))
        },
    )?;
    blocks.func_wrap(
        "set",
        move |mut store: StoreContextMut<'_, T>,
              (key, value, ttl): (SentKey, SentBytes, wit::Ttl)| {
            let value = value.join(&store);
            let call = Call::borrowed(&mut store, get);
            let asked = Asked {
                key_len: key.len(),
                ..Asked::key(Operation::Set, key.bytes().unwrap_or_default())
            };
            let asked = asked.value_len(value.len());
            let answer = call.ask(asked, done, |map| {
                let len = key.len() as u64;
                let fault = KeyFault::TooLong { len };
                let key = key.bytes().ok_or(Error::InvalidKey { fault })?;
                let value = match &value {
                    Joined::Short(len, rest) => rest.get(..*len).unwrap_or_default(),
                    Joined::Long(Buffer(value)) => value,
                    Joined::Malformed(len) => {
                        let (len, max) = (u64::from(*len), map.limits()?.max_value);
                        return Err(Error::ValueTooLarge { len, max });
                    }
                };
                let ttl = ttl.into();
                let ttl = map.admit(&Change::Set { key, value, ttl }, ttl)?;
                Ok(map.set(key, value, ttl)?)
            })?;
            Ok((answer,))
        },
    )?;
    packed::add_to_instance(&mut blocks, get)
}

/// The bytes of a value.
enum Joined {
    /// The first bytes of its rest, as many as this.
    Short(usize, [u8; BLOCK]),
    /// Its blocks and its rest.
    Long(Buffer),
    /// Its length, which does not match the blocks and the rest.
    Malformed(u32),
}

impl Joined {
    /// Returns the length that the app has sent.
    fn len(&self) -> usize {
        match self {
            Self::Short(len, _) => *len,
            Self::Long(Buffer(value)) => value.len(),
            Self::Malformed(len) => *len as usize,
        }
    }
}

impl SentBytes {
    /// Joins the blocks of a long value with its rest.
    fn join<T: 'static>(self, store: &StoreContextMut<'_, T>) -> Joined {
        let len = self.length as usize;
        let blocks = self
            .blocks
            .as_ref()
            .map_or(&[][..], |list| list.bytes(store));
        if blocks.len() / BLOCK != len.saturating_sub(1) / BLOCK {
            return Joined::Malformed(self.length);
        }
        if blocks.is_empty() {
            return Joined::Short(len, self.rest);
        }
        let mut bytes = Buffer::take();
        bytes.0.reserve(blocks.len() + BLOCK);
        bytes.0.extend_from_slice(blocks);
        bytes.0.extend_from_slice(&self.rest);
        bytes.0.truncate(len);
        Joined::Long(bytes)
    }
}

/// Describes a value with its length.
fn looked_up<V>(value: &Option<(V, usize)>) -> (CallOutcome, usize) {
    let len = value.as_ref().map(|(_, len)| *len);
    (found(len.is_some()), len.unwrap_or(0))
}
