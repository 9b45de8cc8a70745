//! The functions of `localmap:core/blocks`, with bytes in blocks.

use super::block_list::{BLOCK, Block, ReturnedBlocks, SentBlocks};
use super::call::{Call, done, found};
use super::linked_map::Get;
use super::observer::Operation;
use super::packed;
use crate::contract::bindings::local_map as wit;
use crate::contract::error::{Error, KeyFault};
use crate::contract::names::BLOCKS;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower};

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
    blocks: SentBlocks,
    rest: Block,
}

/// A value that an app receives.
#[derive(ComponentType, Lower)]
#[component(record)]
struct Found {
    length: u32,
    blocks: ReturnedBlocks<Vec<u8>>,
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
            let call = Call::borrowed(&mut store, get);
            let len = key.length as usize;
            let bytes = to_bytes(key.bytes);
            // A key longer than its block is absent, and so is the empty key.
            let key = bytes.get(..len).unwrap_or_default();
            let value = call.read(Operation::Get, len, found, |map| {
                map.get_with(key, |value| value.map(Found::new))
            })?;
            Ok((value.transpose()?,))
        },
    )?;
    blocks.func_wrap(
        "set",
        move |mut store: StoreContextMut<'_, T>, (key, value, ttl): (Key, Sent, wit::Ttl)| {
            let len = key.length as usize;
            let bytes = to_bytes(key.bytes);
            let key = bytes
                .get(..len)
                .ok_or(KeyFault::TooLong { len: len as u64 });
            let rest = to_bytes(value.rest);
            let long = value.join(&store, &rest);
            let short = rest.get(..value.length as usize).unwrap_or_default();
            let call = Call::borrowed(&mut store, get);
            let answer = call.ask(Operation::Set, len, done, |map| {
                let key = key.map_err(|fault| Error::InvalidKey { fault })?;
                match &long {
                    Joined::Rest => Ok(map.set(key, short, ttl.into())?),
                    Joined::Bytes(value) => Ok(map.set(key, value, ttl.into())?),
                    Joined::Malformed => {
                        let (len, max) = (value.length.into(), map.limits()?.max_value);
                        Err(Error::ValueTooLarge { len, max })
                    }
                }
            })?;
            Ok((answer,))
        },
    )?;
    packed::add_to_instance(&mut blocks, get)
}

/// The bytes of a value.
enum Joined {
    /// They are those of its rest.
    Rest,
    /// These.
    Bytes(Vec<u8>),
    /// The length does not match the blocks and the rest.
    Malformed,
}

impl Sent {
    /// Joins the blocks of a long value with its rest.
    fn join<T: 'static>(&self, store: &StoreContextMut<'_, T>, rest: &[u8; BLOCK]) -> Joined {
        let len = self.length as usize;
        if self.blocks.len() != len.saturating_sub(1) / BLOCK {
            return Joined::Malformed;
        }
        let blocks = self.blocks.bytes(store);
        if blocks.is_empty() {
            return Joined::Rest;
        }
        let mut bytes = Vec::with_capacity(blocks.len() + BLOCK);
        bytes.extend_from_slice(blocks);
        bytes.extend_from_slice(rest);
        bytes.truncate(len);
        Joined::Bytes(bytes)
    }
}

impl Found {
    fn new(value: &[u8]) -> wasmtime::Result<Self> {
        let (blocks, rest) = value.split_at(value.len().saturating_sub(1) / BLOCK * BLOCK);
        Ok(Self {
            length: u32::try_from(value.len())?,
            blocks: ReturnedBlocks(blocks.to_vec()),
            rest: to_block(rest),
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
    if let Some(start) = padded.get_mut(..bytes.len()) {
        start.copy_from_slice(bytes);
    }
    let mut block = [0; 8];
    for (to, bytes) in block.iter_mut().zip(padded.as_chunks().0) {
        *to = u64::from_le_bytes(*bytes);
    }
    block.into()
}
