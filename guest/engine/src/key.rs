//! A key prepared for a lookup.

/// A key to look up, as words: `memcmp` compares byte by byte in wasm, and two words contain all
/// of a key of up to 16 bytes.
pub(crate) struct KeyProbe<'k> {
    pub(crate) key: &'k [u8],
    /// The first 8 bytes, little-endian, or all bytes of a shorter key.
    pub(crate) first: u64,
    /// The last 8 bytes, or all bytes of a shorter key.
    pub(crate) last: u64,
}

impl<'k> KeyProbe<'k> {
    #[inline(always)]
    pub(crate) fn new(key: &'k [u8]) -> Self {
        let (first, last) = match (key.first_chunk(), key.last_chunk()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => {
                let all = load_short_key(key);
                (all, all)
            }
        };
        Self { key, first, last }
    }

    /// Returns the bits of the first 8 bytes that belong to a key shorter than that.
    #[inline]
    pub(crate) const fn short_mask(&self) -> u64 {
        (1 << (8 * self.key.len() as u32)) - 1
    }
}

/// Returns the bytes of a key shorter than 8 bytes.
#[inline(never)]
fn load_short_key(key: &[u8]) -> u64 {
    let len = key.len() as u32;
    if let (Some(first), Some(last)) = (key.first_chunk(), key.last_chunk()) {
        let word = |bytes| u64::from(u32::from_le_bytes(bytes));
        return word(*first) | word(*last) << (8 * (len - 4));
    }
    let byte = |at: u32| u64::from(key.get(at as usize).copied().unwrap_or(0)) << (8 * at);
    byte(0) | byte(1) | byte(2)
}

/// Returns `true` if two keys of the same length are equal between their first and their last
/// word.
#[inline(never)]
pub(crate) fn middle_eq(a: &[u8], b: &[u8]) -> bool {
    let words = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    words.skip(1).all(|(a, b)| word(a) == word(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_words_and_the_middle_are_every_byte() {
        let same = |a: &[u8], b: &[u8]| {
            let (a, b) = (KeyProbe::new(a), KeyProbe::new(b));
            (a.first, a.last) == (b.first, b.last) && (a.key.len() <= 16 || middle_eq(a.key, b.key))
        };
        for len in 0..=128 {
            let key = std::vec![7u8; len];
            assert!(same(&key, &key.clone()));
            for at in 0..len {
                let mut changed = key.clone();
                changed[at] = 8;
                assert!(!same(&key, &changed), "byte {at} of {len}");
            }
        }
    }
}
