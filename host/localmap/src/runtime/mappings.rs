//! The mappings of the process that the memories of compact hosts take. If the kernel ran out of them,
//! memory could not even be returned, so they are counted.

use crate::runtime::config::FIRST_MEMORY;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The mappings that are taken.
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// The maximum. An eighth of those of the process is left to the rest of it.
static MAX: LazyLock<u64> = LazyLock::new(|| match max_map_count() {
    Some(max) => max - max / 8,
    None => u64::MAX,
});

/// Returns the limit of the kernel on the mappings of a process; `None` if there is none.
fn max_map_count() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok()?;
    text.trim().parse().ok()
}

/// The mappings that the memory of one map may take. They are returned when it is dropped.
#[derive(Debug)]
pub(crate) struct Mappings(u64);

impl Mappings {
    /// Takes a mapping for a memory that has not grown. The error is the maximum.
    pub(crate) fn take() -> Result<Self, u64> {
        take_one(*MAX)?;
        Ok(Self(1))
    }

    /// Takes another mapping when the memory grows to `size` bytes, for the address space behind it.
    /// Returns `false` if there is none.
    pub(crate) fn grow(&mut self, size: usize) -> bool {
        if size > FIRST_MEMORY && self.0 == 1 && take_one(*MAX).is_ok() {
            self.0 = 2;
        }
        size <= FIRST_MEMORY || self.0 == 2
    }
}

impl Drop for Mappings {
    fn drop(&mut self) {
        TAKEN.fetch_sub(self.0, Ordering::Relaxed);
    }
}

fn take_one(max: u64) -> Result<(), u64> {
    TAKEN
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            (taken < max).then_some(taken + 1)
        })
        .map(|_| ())
        .map_err(|_| max)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The only test that counts mappings.
    #[test]
    fn a_memory_takes_one_mapping_until_it_grows_and_then_another() {
        let taken = || TAKEN.load(Ordering::Relaxed);
        let mut mappings = Mappings::take().expect("there are some");
        assert!(mappings.grow(FIRST_MEMORY));
        assert_eq!(taken(), 1);
        for _ in 0..2 {
            assert!(mappings.grow(FIRST_MEMORY + 1));
            assert_eq!(taken(), 2);
        }
        assert_eq!(take_one(2), Err(2));
        assert_eq!(take_one(3), Ok(()));
        assert_eq!(take_one(3), Err(3));
        TAKEN.fetch_sub(1, Ordering::Relaxed);
        drop(mappings);
        assert_eq!(taken(), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn some_mappings_are_left_to_the_rest_of_the_process() {
        let all = max_map_count().expect("Linux has a limit");
        assert!(*MAX < all && *MAX > all / 2);
    }
}
