//! The layout of the contract's types in linear memory: their sizes and alignments in bytes, as the
//! canonical ABI computes them.
//! Source: <https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md>

/// A type with a layout in linear memory.
pub(crate) trait Layout {
    /// The size in bytes, a multiple of the alignment.
    const SIZE: usize;
    /// The alignment in bytes, a power of two.
    const ALIGN: usize;
}

/// Returns the first multiple of `align` from `offset` on.
pub(super) const fn align_to(offset: usize, align: usize) -> usize {
    offset.next_multiple_of(align)
}

/// Returns the larger of two sizes or alignments.
pub(super) const fn max(one: usize, other: usize) -> usize {
    if one > other { one } else { other }
}

/// Returns the size and the alignment of a variant whose payloads have these sizes and alignments.
/// The discriminant has one byte, so the payload begins at the first multiple of its alignment: its
/// offset is the alignment itself.
pub(super) const fn variant(payloads: &[(usize, usize)]) -> (usize, usize) {
    let (mut size, mut align, mut at) = (0, 1, 0);
    while at < payloads.len() {
        size = max(size, payloads[at].0);
        align = max(align, payloads[at].1);
        at += 1;
    }
    (align_to(align + size, align), align)
}

/// Returns the size and the alignment of a type.
pub(super) const fn of<T: Layout>() -> (usize, usize) {
    (T::SIZE, T::ALIGN)
}

/// The types whose layout is that of the same Rust type.
macro_rules! plain {
    ($($type:ty)*) => {
        $(impl Layout for $type {
            const SIZE: usize = size_of::<$type>();
            const ALIGN: usize = size_of::<$type>();
        })*
    };
}

plain!(u32 u64 i64 bool);

/// The payload of a case without one.
impl Layout for () {
    const SIZE: usize = 0;
    const ALIGN: usize = 1;
}

/// A list: its address and its length.
impl<T> Layout for Vec<T> {
    const SIZE: usize = 8;
    const ALIGN: usize = 4;
}

/// A list: its address and its length.
impl<T> Layout for &[T] {
    const SIZE: usize = 8;
    const ALIGN: usize = 4;
}

impl<T: Layout> Layout for Option<T> {
    const SIZE: usize = variant(&[of::<T>()]).0;
    const ALIGN: usize = variant(&[of::<T>()]).1;
}

impl<T: Layout, E: Layout> Layout for Result<T, E> {
    const SIZE: usize = variant(&[of::<T>(), of::<E>()]).0;
    const ALIGN: usize = variant(&[of::<T>(), of::<E>()]).1;
}

impl<A: Layout, B: Layout> Layout for (A, B) {
    const SIZE: usize = align_to(align_to(A::SIZE, B::ALIGN) + B::SIZE, Self::ALIGN);
    const ALIGN: usize = max(A::ALIGN, B::ALIGN);
}
