//! Settings that the host writes into the built component.

use core::sync::atomic::{AtomicU64, Ordering};

/// A table of `N` 64-bit words after a mark of 16 bytes. The host finds the mark in the built
/// component and overwrites the words.
///
/// Declare it as a static with `#[used]`, so that the linker keeps it. The words are atomic
/// so that the compiler reads them at run time instead of assuming their initial values.
#[repr(C)]
pub struct Baked<const N: usize> {
    mark: [AtomicU64; 2],
    words: [AtomicU64; N],
}

impl<const N: usize> Baked<N> {
    /// Creates a table with its mark and its initial words, which the host can overwrite.
    ///
    /// The mark must not occur anywhere else in the component.
    pub const fn new(mark: &[u8; 16], words: [u64; N]) -> Self {
        let (&[first, second], _) = mark.as_chunks::<8>() else {
            unreachable!()
        };
        let mut atomics = [const { AtomicU64::new(0) }; N];
        let mut at = 0;
        while at < N {
            atomics[at] = AtomicU64::new(words[at]);
            at += 1;
        }
        Self {
            mark: [
                AtomicU64::new(u64::from_le_bytes(first)),
                AtomicU64::new(u64::from_le_bytes(second)),
            ],
            words: atomics,
        }
    }

    /// Returns all words.
    pub fn words(&self) -> [u64; N] {
        self.words
            .each_ref()
            .map(|word| word.load(Ordering::Relaxed))
    }

    /// Returns an iterator over the words, which reads each word on demand.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.words.iter().map(|word| word.load(Ordering::Relaxed))
    }
}
