//! An array of counters that many threads add to.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::available_parallelism;

/// The counters that fit in a line of the cache. Threads that write to one line wait for each other.
const LINE: usize = 8;

/// The maximum number of copies of the array. More threads share them.
const MAX_COPIES: usize = 8;

/// An array of counters, with a copy for each of a few threads: the sum of the copies counts.
pub(crate) struct Counts {
    cells: Box<[AtomicU64]>,
    len: usize,
    /// The distance of two copies.
    stride: usize,
    /// The number of copies, a power of two, less 1.
    mask: usize,
}

impl Counts {
    /// Creates counters of 0, with a copy for each processor, up to a maximum.
    pub(crate) fn for_threads(len: usize) -> Self {
        let threads = available_parallelism().map_or(1, usize::from);
        Self::with_copies(len, threads.next_power_of_two().min(MAX_COPIES))
    }

    /// Creates counters of 0 that all threads share.
    pub(crate) fn shared(len: usize) -> Self {
        Self::with_copies(len, 1)
    }

    fn with_copies(len: usize, copies: usize) -> Self {
        let stride = len.next_multiple_of(LINE);
        Self {
            cells: (0..stride * copies).map(|_| AtomicU64::new(0)).collect(),
            len,
            stride,
            mask: copies - 1,
        }
    }

    /// Returns the copy of this thread.
    #[inline]
    pub(crate) fn of_thread(&self) -> &[AtomicU64] {
        let copy = THREAD.with(|number| *number) & self.mask;
        let start = copy * self.stride;
        self.cells.get(start..start + self.len).unwrap_or_default()
    }

    /// Returns the value of a counter, which never decreases.
    pub(crate) fn get(&self, index: usize) -> u64 {
        let copies = self.cells.chunks(self.stride);
        copies
            .filter_map(|copy| copy.get(index))
            .map(|count| count.load(Ordering::Relaxed))
            .fold(0, u64::wrapping_add)
    }
}

/// Adds to a counter of a [copy](Counts::of_thread).
#[inline]
pub(crate) fn add(copy: &[AtomicU64], index: usize, value: u64) {
    if let Some(count) = copy.get(index) {
        count.fetch_add(value, Ordering::Relaxed);
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counts")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The number of this thread. Threads that begin one after the other have different copies.
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn no_count_is_lost_when_threads_share_copies() {
        for counts in [Counts::with_copies(11, 4), Counts::shared(11)] {
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| (0..1_000).for_each(|_| add(counts.of_thread(), 10, 2)));
                }
            });
            assert_eq!((counts.get(10), counts.get(9)), (16_000, 0));
        }
    }

    #[test]
    fn copies_do_not_share_a_line_of_the_cache() {
        let counts = Counts::with_copies(11, 4);
        assert_eq!((counts.stride, counts.cells.len()), (16, 64));
    }
}
