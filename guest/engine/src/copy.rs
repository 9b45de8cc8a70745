//! Copying of short byte strings.

/// Copies bytes to a slice of the same length. Short slices are copied word by word, since a call
/// of `memcpy` is more expensive in wasm.
#[inline]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    const FEW: usize = 128;
    debug_assert_eq!(to.len(), from.len());
    let (Some(end), true) = (from.last_chunk::<8>(), from.len() <= FEW) else {
        if from.len() > FEW {
            to.copy_from_slice(from);
        } else {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
        return;
    };
    let words = to.as_chunks_mut::<8>().0.iter_mut();
    words
        .zip(from.as_chunks::<8>().0)
        .for_each(|(to, from)| *to = *from);
    if let Some(to_end) = to.last_chunk_mut::<8>() {
        *to_end = *end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_every_byte_and_no_more() {
        for len in (0..=140).chain([1000, 4096]) {
            let from: std::vec::Vec<u8> = (0..len).map(|n| (n % 251) as u8 + 1).collect();
            let mut to = std::vec![0; len + 2];
            copy(&mut to[1..=len], &from);
            assert_eq!(to[1..=len], from[..]);
            assert_eq!((to[0], to[len + 1]), (0, 0));
        }
    }
}
