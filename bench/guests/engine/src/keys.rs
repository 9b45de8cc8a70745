//! The keys and values of all systems: made on the way, so that no table of them
//! takes part in the caches.

use std::hint::black_box;

const KEY_LEN: usize = 16;

pub(crate) struct Keys {
    key: [u8; KEY_LEN],
    /// Not known to the compiler: no map may be compiled for one length of keys.
    key_len: usize,
    value: Vec<u8>,
    random: u64,
}

impl Keys {
    pub(crate) fn new(value_len: usize) -> Self {
        Self {
            key: [0; KEY_LEN],
            key_len: black_box(KEY_LEN),
            value: vec![0xa5; value_len],
            random: 0x2545_f491_4f6c_dd1d,
        }
    }

    /// The key with this number. Two multiplications, which do not wait for each other.
    #[inline]
    pub(crate) fn key(&mut self, number: u64) -> &[u8] {
        let (first, last) = self.key.split_at_mut(8);
        first.copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        let other = (number ^ 0x5851_f42d).wrapping_mul(0xd6e8_feb8_6659_fd93);
        last.copy_from_slice(&other.to_le_bytes());
        &self.key[..self.key_len]
    }

    /// The key with this number, and its value.
    #[inline]
    pub(crate) fn pair(&mut self, number: u64) -> (&[u8], &[u8]) {
        if let Some(first) = self.value.first_chunk_mut() {
            *first = number.to_le_bytes();
        }
        self.key(number);
        (&self.key[..self.key_len], &self.value)
    }

    /// A number under `bound`: any order, with repetitions.
    #[inline]
    pub(crate) fn random(&mut self, bound: u32) -> u64 {
        self.random_after(bound, 0)
    }

    /// A number that is not known before `last` is.
    #[inline]
    pub(crate) fn random_after(&mut self, bound: u32, last: u64) -> u64 {
        self.random ^= last;
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.random >> 32) * u64::from(bound)) >> 32
    }
}
