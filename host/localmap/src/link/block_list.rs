//! A `list<block>` as its bytes, which Wasmtime would otherwise take apart word by word.
//!
//! All unsafe code of this crate is here. The traits of [`wasmtime::component`] are unsafe because
//! a wrong layout or a missing type check would let an app and its host disagree about memory. Both
//! types leave the layout and the check to Wasmtime's own implementations for lists.

#![allow(
    unsafe_code,
    reason = "Wasmtime's traits of component types are unsafe"
)]

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

    /// Returns the number of blocks.
    pub(super) fn len(&self) -> usize {
        self.0.len() / BLOCK
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
    if address % 8 != 0 {
        return Err(wasmtime::Error::msg("list pointer is not aligned"));
    }
    let len = count.checked_mul(BLOCK as u32);
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

/// A list of blocks that an app receives: the whole blocks of these bytes.
pub(super) struct ReturnedBlocks<B>(pub(super) B);

impl<B: AsRef<[u8]>> ReturnedBlocks<B> {
    /// Copies the blocks into the memory of the app. Returns their address and their number.
    fn store<T>(&self, cx: &mut LowerContext<'_, T>) -> wasmtime::Result<(u32, u32)> {
        let blocks: &[[u8; BLOCK]] = self.0.as_ref().as_chunks().0;
        let (bytes, count) = (blocks.as_flattened(), blocks.len());
        let address = cx.realloc(0, 0, Block::ALIGN32, bytes.len())?;
        let room = cx.as_slice_mut().get_mut(address..);
        let room = room.and_then(|room| room.get_mut(..bytes.len()));
        room.ok_or_else(|| wasmtime::Error::msg("no such memory"))?
            .copy_from_slice(bytes);
        Ok((u32::try_from(address)?, u32::try_from(count)?))
    }
}

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
        let (address, count) = self.store(cx)?;
        dst.write([address, count].map(|word| ValRaw::i64(word.into())));
        Ok(())
    }

    fn linear_lower_to_memory<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        _: InterfaceType,
        offset: usize,
    ) -> wasmtime::Result<()> {
        let (address, count) = self.store(cx)?;
        *cx.get(offset) = address.to_le_bytes();
        *cx.get(offset + size_of::<u32>()) = count.to_le_bytes();
        Ok(())
    }
}
