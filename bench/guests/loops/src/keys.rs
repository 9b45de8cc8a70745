//! The keys and values of all systems, generated on the fly so that no table of them occupies
//! the CPU caches.

use std::hint::black_box;

/// Bytes of a key. Keys consist of letters, because some systems accept only text.
pub const KEY_LEN: usize = 16;

/// An owned key, for operations on several keys.
pub type Key = [u8; KEY_LEN];

/// Generates keys and values, and draws random numbers of keys.
pub struct Keys {
    key: Key,
    /// Hidden from the compiler, so that no map is specialised for one key length.
    key_len: usize,
    value: Vec<u8>,
    random: u64,
}

impl Keys {
    /// Creates keys for values of `value_len` bytes.
    #[must_use]
    pub fn new(value_len: usize) -> Self {
        Self {
            key: [0; KEY_LEN],
            key_len: black_box(KEY_LEN),
            value: vec![0xa5; value_len],
            random: 0x2545_f491_4f6c_dd1d,
        }
    }

    /// Returns the key with this number as an owned key.
    #[inline]
    #[must_use]
    pub fn make(number: u64) -> Key {
        // The factor is odd, so no two numbers have the same product.
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut key = [0; KEY_LEN];
        let (first, last) = key.split_at_mut(8);
        first.copy_from_slice(&letters(mixed >> 32).to_le_bytes());
        last.copy_from_slice(&letters(mixed & 0xffff_ffff).to_le_bytes());
        key
    }

    /// Returns the key with this number.
    #[inline]
    pub fn key(&mut self, number: u64) -> &[u8] {
        self.key = Self::make(number);
        &self.key[..self.key_len]
    }

    /// Returns the key with this number, and its value.
    #[inline]
    pub fn pair(&mut self, number: u64) -> (&[u8], &[u8]) {
        if let Some(first) = self.value.first_chunk_mut() {
            *first = number.to_le_bytes();
        }
        self.key(number);
        (&self.key[..self.key_len], &self.value)
    }

    /// Returns the value of the last pair.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// Draws a number below `bound`, in random order, with repetitions.
    #[inline]
    pub fn random(&mut self, bound: u32) -> u64 {
        self.random_after(bound, 0)
    }

    /// Draws a number that depends on `last`, so that it cannot be computed before `last` is known.
    #[inline]
    pub fn random_after(&mut self, bound: u32, last: u64) -> u64 {
        self.random ^= last;
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.random >> 32) * u64::from(bound)) >> 32
    }
}

/// Encodes the eight nibbles of 32 bits as letters from `a` to `p`.
#[inline]
fn letters(word: u64) -> u64 {
    let word = (word | word << 16) & 0x0000_ffff_0000_ffff;
    let word = (word | word << 8) & 0x00ff_00ff_00ff_00ff;
    let word = (word | word << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    word + 0x6161_6161_6161_6161
}
