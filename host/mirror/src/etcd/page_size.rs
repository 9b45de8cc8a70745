//! How many keys to ask for in the next page of a list.

/// The bytes of a page to aim at. Larger pages are not faster, and a server builds each in its memory.
const TARGET: u64 = 4 << 20;

/// The keys of the first page, before anything is known of their size.
const FIRST: u32 = 512;

/// The most by which a page may exceed the one before.
const GROWTH: u32 = 16;

/// The number of keys of the next page.
///
/// A server walks the rest of the prefix for each page, so small pages are slow. Entries may be of 1 MB or
/// more, so large pages may be too large for a message: then the page is divided by four.
#[derive(Debug)]
pub(crate) struct PageSize {
    next: u32,
    max: u32,
}

impl PageSize {
    /// Creates sizes of at most `max` keys.
    pub(crate) fn new(max: u32) -> Self {
        Self {
            next: FIRST.min(max).max(1),
            max: max.max(1),
        }
    }

    /// Returns the number of keys to ask for.
    pub(crate) fn keys(&self) -> u32 {
        self.next
    }

    /// Notes a page that was received.
    pub(crate) fn received(&mut self, keys: u64, bytes: u64) {
        let wanted = TARGET.saturating_mul(keys) / bytes.max(1);
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        let most = self.next.saturating_mul(GROWTH).min(self.max);
        self.next = wanted.clamp(1, most);
    }

    /// Notes that a page was too large. Returns `false` if there is no smaller one.
    pub(crate) fn shrink(&mut self) -> bool {
        let was = self.next;
        self.next = (was / 4).max(1);
        was > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_grow_to_the_greatest_while_entries_are_small() {
        let mut size = PageSize::new(20_000);
        assert_eq!(size.keys(), 512);
        size.received(512, 512 * 100);
        assert_eq!(size.keys(), 512 * 16);
        size.received(8_192, 8_192 * 100);
        assert_eq!(size.keys(), 20_000);
        size.received(20_000, 20_000 * 1_000);
        assert_eq!(size.keys(), 4_194);
    }

    #[test]
    fn large_entries_make_small_pages() {
        let mut size = PageSize::new(20_000);
        assert!(size.shrink() && size.shrink());
        assert_eq!(size.keys(), 32);
        size.received(32, 32 << 20);
        assert_eq!(size.keys(), 4);
        size.received(1, 1 << 30);
        assert_eq!(size.keys(), 1);
        assert!(!size.shrink());
    }

    #[test]
    fn no_page_is_empty_or_exceeds_the_option() {
        for max in [0, 1, 7, u32::MAX] {
            let mut size = PageSize::new(max);
            for (keys, bytes) in [(0, 0), (u64::MAX, 0), (1, u64::MAX), (u64::MAX, 1)] {
                size.received(keys, bytes);
                assert!(size.keys() >= 1 && size.keys() <= max.max(1));
            }
        }
    }
}
