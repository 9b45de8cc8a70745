//! `localmap:core/words`: `get` and `set` where keys and values travel as words, which
//! hosts copy faster than bytes.
//!
//! The calls are written by hand. What would be generated takes every block apart, word
//! by word.

#![allow(
    unsafe_code,
    reason = "calls of the component ABI pass raw pointers: see each use"
)]
#![allow(
    clippy::cast_possible_truncation,
    reason = "lengths and addresses have 32 bits where there is a map to call"
)]

use std::mem::{self, MaybeUninit};
use std::slice;
use std::time::Duration;

use crate::{Error, KeyFault, Ttl, Version};

/// Bytes in little-endian words.
type Block = [u64; 8];

/// Bytes of a block.
const BLOCK: usize = size_of::<Block>();

/// The longest key that goes this way, in bytes.
pub(crate) const MAX_KEY: usize = BLOCK;

/// Tells the linker what the interface is.
mod contract {
    #![allow(unused, missing_docs, clippy::all, reason = "written by the macro")]

    wit_bindgen::generate!({
        path: "wit",
        inline: "
            package localmap:client;
            world words {
                import localmap:core/words@0.1.0;
            }
        ",
        world: "localmap:client/words",
        generate_all,
        skip: ["get", "set"],
    });
}

#[cfg(target_arch = "wasm32")]
#[link(wasm_import_module = "localmap:core/words@0.1.0")]
unsafe extern "C" {
    #[link_name = "get"]
    fn words_get(
        key_len: u32,
        a: u64,
        b: u64,
        c: u64,
        d: u64,
        e: u64,
        f: u64,
        g: u64,
        h: u64,
        answer: *mut Found,
    );

    #[link_name = "set"]
    fn words_set(parameters: *const Set, answer: *mut [u64; 4]);
}

#[cfg(not(target_arch = "wasm32"))]
#[expect(clippy::too_many_arguments, reason = "as the call has it")]
#[rustfmt::skip]
unsafe fn words_get(
    _: u32, _: u64, _: u64, _: u64, _: u64, _: u64, _: u64, _: u64, _: u64, _: *mut Found,
) {
    no_host()
}

#[cfg(not(target_arch = "wasm32"))]
unsafe fn words_set(_: *const Set, _: *mut [u64; 4]) {
    no_host()
}

/// As the calls do that are generated.
#[cfg(not(target_arch = "wasm32"))]
fn no_host() -> ! {
    unreachable!("there is no host outside of WebAssembly")
}

/// `bytes`, as it lies in memory.
#[repr(C, align(8))]
struct Bytes {
    len: u32,
    blocks: *const Block,
    block_count: usize,
    rest: Block,
}

/// `option<bytes>`. Without a value only its first byte is written.
#[repr(C)]
struct Found {
    some: u8,
    value: Bytes,
}

/// What `set` takes.
#[repr(C, align(8))]
struct Set {
    key_len: u32,
    key: Block,
    value: Bytes,
    ttl: u8,
    nanos: u64,
}

/// As the canonical ABI lays them out.
#[cfg(target_arch = "wasm32")]
const _: () = assert!(size_of::<Found>() == 88 && size_of::<Set>() == 168);

/// The value of a key of at most [`MAX_KEY`] bytes.
pub(crate) fn get(key: &[u8]) -> Option<Vec<u8>> {
    find(key, |found| {
        let mut value = Vec::with_capacity(found.len());
        found.append_to(&mut value);
        value
    })
}

/// Puts the value of a key of at most [`MAX_KEY`] bytes in place of what is in `value`.
/// False: it is not there.
pub(crate) fn get_into(key: &[u8], value: &mut Vec<u8>) -> bool {
    value.clear();
    let found = find(key, |found| {
        value.reserve(found.len());
        found.append_to(value);
    });
    found.is_some()
}

/// Calls with a value, which stays where the answer is: to move it would be a call of
/// `memcpy`.
#[inline(always)]
fn find<R>(key: &[u8], read: impl FnOnce(&mut Bytes) -> R) -> Option<R> {
    let [a, b, c, d, e, f, g, h] = to_block(key);
    let key_len = key.len() as u32;
    let mut found = MaybeUninit::<Found>::uninit();
    let answer = found.as_mut_ptr();
    // SAFETY: there is room for the answer.
    unsafe { words_get(key_len, a, b, c, d, e, f, g, h, answer) };
    // SAFETY: this much is always written.
    if unsafe { (&raw const (*answer).some).read() } == 0 {
        return None;
    }
    // SAFETY: where there is a value, all of it is written.
    let found = unsafe { found.assume_init_mut() };
    Some(read(&mut found.value))
}

/// Stores under a key of at most [`MAX_KEY`] bytes.
pub(crate) fn set(key: &[u8], value: &[u8], ttl: Ttl) -> Result<Version, Error> {
    let (blocks, rest) = value.split_at(value.len().saturating_sub(1) / BLOCK * BLOCK);
    let mut at = blocks.as_ptr().cast::<Block>();
    let copy: Vec<Block>;
    if blocks.is_empty() || !at.is_aligned() {
        copy = blocks.chunks(BLOCK).map(to_block).collect();
        at = copy.as_ptr();
    }
    let (ttl, span) = match ttl {
        Ttl::Default => (0, Duration::ZERO),
        Ttl::Never => (1, Duration::ZERO),
        Ttl::After(span) => (2, span),
    };
    let parameters = Set {
        key_len: key.len() as u32,
        key: to_block(key),
        value: Bytes {
            len: value.len() as u32,
            blocks: at,
            block_count: blocks.len() / BLOCK,
            rest: to_block(rest),
        },
        ttl,
        nanos: u64::try_from(span.as_nanos()).unwrap_or(u64::MAX),
    };
    // `result<version, error>`. Which case it is tells the first byte of a word.
    let mut answer = [0; 4];
    // SAFETY: the blocks are there, and there is room for the answer.
    unsafe { words_set(&raw const parameters, &raw mut answer) };
    let [refused, case, payload, inner] = answer;
    match refused as u8 {
        0 => Ok(case),
        _ => Err(match case as u8 {
            0 => Error::InvalidKey(match payload as u8 {
                0 => KeyFault::Empty,
                1 => KeyFault::TooLong { len: inner },
                _ => KeyFault::NotUtf8,
            }),
            1 => Error::ValueTooLarge { max: payload },
            2 => Error::InvalidTtl,
            3 => Error::Full,
            4 => Error::Conflict {
                current: (payload as u8 != 0).then_some(inner),
            },
            5 => Error::NotACounter,
            _ => Error::Overflow,
        }),
    }
}

impl Bytes {
    /// Its length, but for an answer that says more than it has.
    const fn len(&self) -> usize {
        let room = (self.block_count + 1).saturating_mul(BLOCK);
        let len = self.len as usize;
        if len < room { len } else { room }
    }

    /// Appends the bytes of an answer, and frees its blocks.
    #[inline(always)]
    fn append_to(&mut self, value: &mut Vec<u8>) {
        let count = mem::take(&mut self.block_count);
        if count > 0 {
            // SAFETY: the list has been made for us, as a `Vec` of these is.
            let blocks = unsafe { Vec::from_raw_parts(self.blocks.cast_mut(), count, count) };
            value.extend_from_slice(as_bytes(blocks.as_flattened()));
        }
        let rest = (self.len as usize).saturating_sub(value.len());
        let rest = as_bytes(&self.rest).get(..rest).unwrap_or_default();
        in_steps(rest, |bytes| value.extend_from_slice(bytes));
    }
}

/// At most 64 bytes, and zeros behind.
fn to_block(bytes: &[u8]) -> Block {
    let mut padded = [0; BLOCK];
    let mut room = &mut padded[..];
    in_steps(bytes, |bytes| {
        if let Some(room) = room.split_off_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
        }
    });
    let mut block = [0; 8];
    for (word, bytes) in block.iter_mut().zip(padded.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    block
}

/// Calls with parts of at most 64 bytes, in their order. Each has a length that is known
/// when it is compiled, so that to copy it takes a few instructions and no call.
#[inline(always)]
fn in_steps(mut bytes: &[u8], mut step: impl FnMut(&[u8])) {
    macro_rules! steps {
        ($($len:literal)*) => {
            $(if let Some(part) = bytes.split_off(..$len) {
                step(part);
            })*
        };
    }
    steps!(64 32 16 8 4 2 1);
}

/// The bytes of words, which are little-endian in WebAssembly.
const fn as_bytes(words: &[u64]) -> &[u8] {
    // SAFETY: where a word lies, eight bytes lie.
    unsafe { slice::from_raw_parts(words.as_ptr().cast(), size_of_val(words)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_every_length_and_zeros_behind() {
        let bytes: Vec<u8> = (1..=64).collect();
        for len in 0..=BLOCK {
            let words = to_block(&bytes[..len]).map(u64::to_le_bytes);
            let (there, behind) = words.as_flattened().split_at(len);
            assert_eq!(there, &bytes[..len]);
            assert!(behind.iter().all(|byte| *byte == 0), "{len}");
        }
    }

    #[test]
    fn an_answer_that_does_not_add_up_gives_what_there_is() {
        for (len, expected) in [(0, 0), (3, 3), (64, 64), (65, 0)] {
            let mut bytes = Bytes {
                len,
                blocks: std::ptr::null(),
                block_count: 0,
                rest: [u64::MAX; 8],
            };
            let mut value = Vec::new();
            bytes.append_to(&mut value);
            assert_eq!(value, vec![0xff; expected]);
        }
    }
}
