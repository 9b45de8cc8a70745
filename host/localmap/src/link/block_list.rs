//! Blocks as their bytes, which Wasmtime would otherwise take apart word by word.
//!
//! All unsafe code of this crate is here. The traits of [`wasmtime::component`] are unsafe because
//! a wrong layout or a missing type check would let an app and its host disagree about memory. All
//! types leave both to implementations of Wasmtime.

#![allow(
    unsafe_code,
    reason = "Wasmtime's traits of component types are unsafe"
)]

use std::cell::Cell;
use std::mem::MaybeUninit;
use wasmtime::StoreContext;
use wasmtime::ValRaw;
use wasmtime::component::__internal::{
    CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext, LowerContext,
};
use wasmtime::component::{ComponentType, Lift, Lower, WasmList};

/// A block, as eight little-endian numbers.
pub(super) type Block = (u64, u64, u64, u64, u64, u64, u64, u64);

/// The size of a block in bytes.
pub(super) const BLOCK: usize = 64;

/// The type whose implementation decides what is a list of blocks.
type Model = WasmList<Block>;

/// A list of blocks that an app sends, in the memory of the app.
pub(super) struct SentBlocks(WasmList<u8>);

impl SentBlocks {
    /// Returns the bytes of the blocks, in the memory of the app.
    pub(super) fn bytes<'a, T: 'static>(&self, store: impl Into<StoreContext<'a, T>>) -> &'a [u8] {
        self.0.as_le_slice(store)
    }
}

// SAFETY: layout and type check are those of Wasmtime's own list of blocks.
unsafe impl ComponentType for SentBlocks {
    type Lower = <Model as ComponentType>::Lower;

    const ABI: CanonicalAbiInfo = <Model as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        Model::typecheck(ty, types)
    }
}

/// Returns the number of bytes of `count` blocks at `address`.
fn byte_len(address: u32, count: u32) -> wasmtime::Result<u32> {
    if !address.is_multiple_of(Block::ALIGN32) {
        return Err(wasmtime::Error::msg("list pointer is not aligned"));
    }
    let len = count.checked_mul(u32::try_from(BLOCK)?);
    len.ok_or_else(|| wasmtime::Error::msg("list pointer/length out of bounds of memory"))
}

// SAFETY: a list of n blocks has the bytes of a list of 64 n bytes at the same address, and
// Wasmtime checks that they lie in the memory of the app. The alignment of blocks is checked here.
unsafe impl Lift for SentBlocks {
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        src: &Self::Lower,
    ) -> wasmtime::Result<Self> {
        let [address, count] = src.map(|word| word.get_u32());
        let len = byte_len(address, count)?;
        let bytes = [address, len].map(|word| ValRaw::i64(word.into()));
        WasmList::linear_lift_from_flat(cx, ty, &bytes).map(Self)
    }

    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        bytes: &[u8],
    ) -> wasmtime::Result<Self> {
        let words = bytes.as_chunks().0;
        let [address, count] = [words.first(), words.get(1)]
            .map(|word| word.map_or(0, |word| u32::from_le_bytes(*word)));
        let pair = [address, count].map(|word| ValRaw::i64(word.into()));
        Self::linear_lift_from_flat(cx, ty, &pair)
    }
}

/// The type whose implementation decides what is a key.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct KeyModel {
    length: u32,
    bytes: Block,
}

/// A key that an app sends.
pub(super) struct SentKey {
    length: u32,
    bytes: [u8; BLOCK],
}

impl SentKey {
    /// Returns the length that the app has sent.
    pub(super) fn len(&self) -> usize {
        self.length as usize
    }

    /// Returns the bytes of the key; `None` if it is longer than its block.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        self.bytes.get(..self.len())
    }
}

// SAFETY: layout and type check are those that Wasmtime derives for the record.
unsafe impl ComponentType for SentKey {
    type Lower = <KeyModel as ComponentType>::Lower;

    const ABI: CanonicalAbiInfo = <KeyModel as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        KeyModel::typecheck(ty, types)
    }
}

/// The offset of the bytes in a key. The length is at 0.
const KEY_BYTES: usize = 8;

/// Checks the layout against that of the record.
const _: () = assert!(KeyModel::SIZE32 == KEY_BYTES + BLOCK);

// SAFETY: the fields are read at their offsets, and may have any value.
unsafe impl Lift for SentKey {
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        src: &Self::Lower,
    ) -> wasmtime::Result<Self> {
        let KeyModel { length, bytes } = KeyModel::linear_lift_from_flat(cx, ty, src)?;
        let bytes = to_bytes(bytes);
        Ok(Self { length, bytes })
    }

    fn linear_lift_from_memory(
        _: &mut LiftContext<'_>,
        _: InterfaceType,
        bytes: &[u8],
    ) -> wasmtime::Result<Self> {
        Ok(Self {
            length: u32::from_le_bytes(field(bytes, 0)?),
            bytes: field(bytes, KEY_BYTES)?,
        })
    }
}

/// Returns a field of a record.
fn field<const N: usize>(record: &[u8], offset: usize) -> wasmtime::Result<[u8; N]> {
    let field = record.get(offset..).and_then(|rest| rest.first_chunk());
    field
        .copied()
        .ok_or_else(|| wasmtime::Error::msg("the record has no such field"))
}

fn to_bytes((a, b, c, d, e, f, g, h): Block) -> [u8; BLOCK] {
    let mut bytes = [0; BLOCK];
    for (to, number) in bytes
        .as_chunks_mut()
        .0
        .iter_mut()
        .zip([a, b, c, d, e, f, g, h])
    {
        *to = number.to_le_bytes();
    }
    bytes
}

/// A value that an app sends.
pub(super) struct SentBytes {
    pub(super) length: u32,
    /// `None` if there are no blocks.
    pub(super) blocks: Option<SentBlocks>,
    pub(super) rest: [u8; BLOCK],
}

// SAFETY: layout and type check are those that Wasmtime derives for the record.
unsafe impl ComponentType for SentBytes {
    type Lower = <BytesModel as ComponentType>::Lower;

    const ABI: CanonicalAbiInfo = <BytesModel as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        BytesModel::typecheck(ty, types)
    }
}

// SAFETY: the fields are read at their offsets, and the list as above.
unsafe impl Lift for SentBytes {
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        src: &Self::Lower,
    ) -> wasmtime::Result<Self> {
        let value = BytesModel::linear_lift_from_flat(cx, ty, src)?;
        Ok(Self {
            length: value.length,
            blocks: Some(value.blocks),
            rest: to_bytes(value.rest),
        })
    }

    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        bytes: &[u8],
    ) -> wasmtime::Result<Self> {
        let list: [u8; 8] = field(bytes, LIST)?;
        let blocks = if list.ends_with(&[0; 4]) {
            None
        } else {
            let InterfaceType::Record(record) = ty else {
                return Err(wasmtime::Error::msg("a value is a record"));
            };
            let ty = cx.types[record].fields.get(1).map(|field| field.ty);
            let ty = ty.ok_or_else(|| wasmtime::Error::msg("a value has blocks"))?;
            Some(SentBlocks::linear_lift_from_memory(cx, ty, &list)?)
        };
        Ok(Self {
            length: u32::from_le_bytes(field(bytes, 0)?),
            blocks,
            rest: field(bytes, REST)?,
        })
    }
}

/// Copies whole blocks into the memory of an app. Returns their address and their number.
fn store<T>(cx: &mut LowerContext<'_, T>, blocks: &[u8]) -> wasmtime::Result<[u32; 2]> {
    // No blocks need no memory, only an address that is aligned.
    if blocks.is_empty() {
        return Ok([Block::ALIGN32, 0]);
    }
    let address = cx.realloc(0, 0, Block::ALIGN32, blocks.len())?;
    room(cx, address, blocks.len())?.copy_from_slice(blocks);
    Ok([
        u32::try_from(address)?,
        u32::try_from(blocks.len() / BLOCK)?,
    ])
}

/// Returns memory of an app.
fn room<'a, T>(
    cx: &'a mut LowerContext<'_, T>,
    address: usize,
    len: usize,
) -> wasmtime::Result<&'a mut [u8]> {
    let rest = cx.as_slice_mut().get_mut(address..);
    let room = rest.and_then(|rest| rest.get_mut(..len));
    room.ok_or_else(|| wasmtime::Error::msg("the app has no such memory"))
}

/// A list of blocks that an app receives, as its bytes.
pub(super) struct ReturnedBlocks<B>(pub(super) B);

// SAFETY: layout and type check are those of Wasmtime's own list of blocks.
unsafe impl<B: Send + Sync> ComponentType for ReturnedBlocks<B> {
    type Lower = <Model as ComponentType>::Lower;

    const ABI: CanonicalAbiInfo = <Model as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        Model::typecheck(ty, types)
    }
}

// SAFETY: all of the address and the number are written, and there are as many blocks of
// initialised bytes, which may have any value, at that address.
unsafe impl<B: AsRef<[u8]> + Send + Sync> Lower for ReturnedBlocks<B> {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        _: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> wasmtime::Result<()> {
        let list = store(cx, self.0.as_ref())?;
        dst.write(list.map(|word| ValRaw::i64(word.into())));
        Ok(())
    }

    fn linear_lower_to_memory<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        _: InterfaceType,
        offset: usize,
    ) -> wasmtime::Result<()> {
        let list = store(cx, self.0.as_ref())?.map(u32::to_le_bytes);
        room(cx, offset, size_of_val(&list))?.copy_from_slice(list.as_flattened());
        Ok(())
    }
}

/// The type whose implementation decides what is a value.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct BytesModel {
    length: u32,
    blocks: SentBlocks,
    rest: Block,
}

/// A value that an app receives: the record `bytes`, which is written at once instead of word by
/// word.
pub(super) enum ReturnedBytes {
    /// At most a block: the number of bytes, and the bytes followed by zeros.
    Short(u32, [u8; BLOCK]),
    /// More than that, in whole blocks, of which the last ends in zeros.
    Long(u32, Buffer),
}

impl ReturnedBytes {
    /// Copies a value.
    pub(super) fn new(value: &[u8]) -> wasmtime::Result<Self> {
        let len = u32::try_from(value.len())?;
        let mut short = [0; BLOCK];
        if let Some(start) = short.get_mut(..value.len()) {
            start.copy_from_slice(value);
            return Ok(Self::Short(len, short));
        }
        let mut blocks = Buffer::take();
        blocks.0.extend_from_slice(value);
        blocks.0.resize(value.len().next_multiple_of(BLOCK), 0);
        Ok(Self::Long(len, blocks))
    }

    /// Returns the number of bytes, the blocks before the last, and the last.
    fn parts(&self) -> (u32, &[u8], &[u8]) {
        match self {
            Self::Short(len, rest) => (*len, &[], rest),
            Self::Long(len, Buffer(blocks)) => {
                let (blocks, rest) = blocks.split_at(blocks.len().saturating_sub(BLOCK));
                (*len, blocks, rest)
            }
        }
    }
}

// SAFETY: layout and type check are those that Wasmtime derives for the record.
unsafe impl ComponentType for ReturnedBytes {
    type Lower = <BytesModel as ComponentType>::Lower;

    const ABI: CanonicalAbiInfo = <BytesModel as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        BytesModel::typecheck(ty, types)
    }
}

/// The offsets of the list of blocks and of the rest in a value. The length is at 0.
const LIST: usize = 4;
const REST: usize = 16;

/// Checks the layout against that of the record.
const _: () = assert!(BytesModel::SIZE32 == REST + BLOCK && BytesModel::ALIGN32 == 8);

// SAFETY: all fields of the record are written, at their offsets, and the list as above.
unsafe impl Lower for ReturnedBytes {
    fn linear_lower_to_flat<T>(
        &self,
        _: &mut LowerContext<'_, T>,
        _: InterfaceType,
        _: &mut MaybeUninit<Self::Lower>,
    ) -> wasmtime::Result<()> {
        // The only function that returns a value returns an option of it, which is in memory.
        Err(wasmtime::Error::msg("a value is returned in memory"))
    }

    fn linear_lower_to_memory<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        _: InterfaceType,
        offset: usize,
    ) -> wasmtime::Result<()> {
        let (len, blocks, rest) = self.parts();
        let [address, count] = store(cx, blocks)?;
        let head = [len, address, count].map(u32::to_le_bytes);
        let record = room(cx, offset, REST + BLOCK)?;
        let (to_head, to_rest) = record.split_at_mut(REST);
        let to_head = to_head.split_at_mut(size_of_val(&head)).0;
        to_head.copy_from_slice(head.as_flattened());
        to_rest.copy_from_slice(rest);
        Ok(())
    }
}

thread_local! {
    /// The memory of the last buffer.
    static MEMORY: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The largest memory that a buffer leaves to the next, in bytes.
const MOST_LEFT: usize = 64 << 10;

/// A buffer for a long value, which leaves its memory to the next one on the same thread.
pub(super) struct Buffer(pub(super) Vec<u8>);

impl Buffer {
    /// Creates an empty buffer.
    pub(super) fn take() -> Self {
        let mut memory = MEMORY.take();
        memory.clear();
        Self(memory)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.0.capacity() <= MOST_LEFT {
            MEMORY.set(std::mem::take(&mut self.0));
        }
    }
}
