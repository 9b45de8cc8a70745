//! The functions of `localmap:core/blocks`: `get` and `set` with bytes in blocks.

use super::call::{Call, done, found};
use super::linked_map::Get;
use super::observer::Operation;
use crate::contract::bindings::local_map as wit;
use crate::contract::error::{Error, KeyFault};
use crate::contract::names::BLOCKS;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, WasmList};

/// A block, as eight little-endian numbers.
type Block = (u64, u64, u64, u64, u64, u64, u64, u64);
/// The size of a block in bytes.
const BLOCK: usize = 64;

/// A key that an app sends.
#[derive(ComponentType, Lift)]
#[component(record)]
struct Key {
    length: u32,
    bytes: Block,
}

/// A value that an app sends.
#[derive(ComponentType, Lift)]
#[component(record)]
struct Sent {
    length: u32,
    blocks: WasmList<Block>,
    rest: Block,
}

/// A value that an app receives.
#[derive(ComponentType, Lower)]
#[component(record)]
struct Found {
    length: u32,
    blocks: Vec<Block>,
    rest: Block,
}

/// Adds the functions of the interface to a linker.
pub(super) fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    get: Get<T>,
) -> wasmtime::Result<()> {
    let mut blocks = linker.instance(BLOCKS)?;
    blocks.func_wrap(
        "get",
        move |mut store: StoreContextMut<'_, T>, (key,): (Key,)| {
            let call = Call::of(&mut store, get);
            let len = key.length as usize;
            let bytes = to_bytes(key.bytes);
            // A key longer than its block is absent, and so is the empty key.
            let key = bytes.get(..len).unwrap_or_default();
            let value = call.read(Operation::Get, len, found, |map| map.get(key))?;
            Ok((value.map(|value| Found::new(&value)).transpose()?,))
        },
    )?;
    blocks.func_wrap(
        "set",
        move |mut store: StoreContextMut<'_, T>, (key, value, ttl): (Key, Sent, wit::Ttl)| {
            let call = Call::of(&mut store, get);
            let len = key.length as usize;
            let bytes = to_bytes(key.bytes);
            let key = bytes
                .get(..len)
                .ok_or(KeyFault::TooLong { len: len as u64 });
            let value_len = value.length.into();
            let value = value.bytes(&mut store)?;
            let answer = call.ask(Operation::Set, len, done, |map| {
                let key = key.map_err(|fault| Error::InvalidKey { fault })?;
                match value {
                    Some(value) => Ok(map.set(key, &value, ttl.into())?),
                    None => {
                        let max = map.limits()?.max_value;
                        Err(Error::ValueTooLarge {
                            len: value_len,
                            max,
                        })
                    }
                }
            })?;
            Ok((answer,))
        },
    )
}

impl Sent {
    /// Returns the bytes of the value; `None` if its length does not match its blocks and rest.
    fn bytes<T: 'static>(
        &self,
        store: &mut StoreContextMut<'_, T>,
    ) -> wasmtime::Result<Option<Vec<u8>>> {
        let len = self.length as usize;
        if self.blocks.len() != len.saturating_sub(1) / BLOCK {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity((self.blocks.len() + 1) * BLOCK);
        for block in self.blocks.iter(store)? {
            bytes.extend_from_slice(&to_bytes(block?));
        }
        bytes.extend_from_slice(&to_bytes(self.rest));
        bytes.truncate(len);
        Ok(Some(bytes))
    }
}

impl Found {
    fn new(value: &[u8]) -> wasmtime::Result<Self> {
        let mut blocks: Vec<Block> = value.chunks(BLOCK).map(to_block).collect();
        Ok(Self {
            length: u32::try_from(value.len())?,
            rest: blocks.pop().unwrap_or_default(),
            blocks,
        })
    }
}

fn to_bytes((a, b, c, d, e, f, g, h): Block) -> [u8; BLOCK] {
    let mut bytes = [0; BLOCK];
    for (to, number) in bytes.chunks_exact_mut(8).zip([a, b, c, d, e, f, g, h]) {
        to.copy_from_slice(&number.to_le_bytes());
    }
    bytes
}

/// Pads up to 64 bytes with zeros.
fn to_block(bytes: &[u8]) -> Block {
    let mut padded = [0; BLOCK];
    for (to, byte) in padded.iter_mut().zip(bytes) {
        *to = *byte;
    }
    let mut block = [0; 8];
    for (to, bytes) in block.iter_mut().zip(padded.as_chunks().0) {
        *to = u64::from_le_bytes(*bytes);
    }
    block.into()
}
