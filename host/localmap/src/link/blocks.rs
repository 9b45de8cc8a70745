//! The functions of `localmap:core/blocks`, with bytes in blocks.

use super::block_list::{BLOCK, Buffer, ReturnedBytes, SentBytes, SentKey};
use super::call::{Call, done, found};
use super::linked_map::Get;
use super::observer::Operation;
use super::packed;
use crate::contract::bindings::local_map as wit;
use crate::contract::change::Change;
use crate::contract::error::{Error, KeyFault};
use crate::contract::names::BLOCKS;
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
            let value = call.read(Operation::Get, key.len(), found, |map| {
                map.get_with(bytes, |value| value.map(ReturnedBytes::new))
            })?;
            Ok((value.transpose()?,))
        },
    )?;
    blocks.func_wrap(
        "set",
        move |mut store: StoreContextMut<'_, T>,
              (key, value, ttl): (SentKey, SentBytes, wit::Ttl)| {
            let value = value.join(&store);
            let call = Call::borrowed(&mut store, get);
            let answer = call.ask(Operation::Set, key.len(), done, |map| {
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
