//! A list that never copies its elements when it grows, for wasm, where a copy of a long list would
//! make a single write slow. (Elsewhere, the system moves the pages of a long list instead.)

use alloc::vec::Vec;

use super::MAX_BLOCKS;
use crate::error::NoRoom;

/// The number of elements in the first segment. Each further segment has twice as many as the one
/// before it.
pub(super) const FIRST: usize = 4;

/// The number of segments, enough for all blocks.
const SEGMENTS: usize = 1 + (MAX_BLOCKS / FIRST).ilog2() as usize;

/// A list of elements in segments.
pub(super) struct Segments<T> {
    segments: [Vec<T>; SEGMENTS],
    len: usize,
}

/// Returns the segment of an element, and its place in the segment.
#[inline]
const fn locate(index: usize) -> (usize, usize) {
    // The segments before segment `n` have `(FIRST << n) - FIRST` elements.
    let number = index + FIRST;
    let log = (usize::BITS - 1) - number.leading_zeros();
    ((log - FIRST.ilog2()) as usize, number - (1 << log))
}

impl<T> Segments<T> {
    pub(super) const fn new() -> Self {
        Self {
            segments: [const { Vec::new() }; SEGMENTS],
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Returns the number of elements for which memory is allocated.
    pub(super) fn capacity(&self) -> usize {
        self.segments.iter().map(Vec::capacity).sum()
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&T> {
        let (segment, at) = locate(index);
        self.segments.get(segment)?.get(at)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        let (segment, at) = locate(index);
        self.segments.get_mut(segment)?.get_mut(at)
    }

    /// Makes room for one more element. If there is none, allocates a segment of the list's length
    /// plus [`FIRST`].
    pub(super) fn try_reserve_one(&mut self) -> Result<(), NoRoom> {
        let (len, (segment, _)) = (self.len, locate(self.len));
        let segment = self.segments.get_mut(segment).ok_or(NoRoom)?;
        if segment.capacity() == 0 {
            segment.try_reserve_exact(len + FIRST)?;
        }
        Ok(())
    }

    /// Adds an element.
    pub(super) fn push(&mut self, element: T) {
        if let Some(segment) = self.segments.get_mut(locate(self.len).0) {
            segment.push(element);
            self.len += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_stay_where_they_are() {
        let mut list = Segments::new();
        let mut first: Option<*const usize> = None;
        for number in 0..1000 {
            list.try_reserve_one().unwrap();
            let capacity = list.capacity();
            list.push(number);
            assert_eq!((list.len(), list.capacity()), (number + 1, capacity));
            assert_eq!(capacity, (number + FIRST + 1).next_power_of_two() - FIRST);
            let here = core::ptr::from_ref(list.get(0).unwrap());
            assert_eq!(*first.get_or_insert(here), here);
        }
        for number in 0..1000 {
            assert_eq!(list.get(number), Some(&number));
            *list.get_mut(number).unwrap() += 1;
            assert_eq!(list.get(number), Some(&(number + 1)));
        }
        assert_eq!(list.get(1000), None);
        assert_eq!(list.get_mut(1 << 30), None);
    }

    #[test]
    fn there_are_segments_for_all_blocks() {
        assert_eq!(locate(MAX_BLOCKS - 1).0, SEGMENTS - 1);
    }
}
