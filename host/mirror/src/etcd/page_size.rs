//! How many keys to ask for in the next page of a list, and how long to wait for it.

use std::time::Duration;

/// The bytes of a page to aim at. Larger pages are not faster, and a server builds each in its memory.
const MAX_BYTES: u64 = 4 << 20;

/// The bytes of a page to aim at where the way to the server is slow.
const MIN_BYTES: u64 = 64 << 10;

/// The time of a page to aim at where the way to the server is slow.
const TIME: Duration = Duration::from_secs(1);

/// The keys of the first page, before anything is known of their size.
const FIRST: u32 = 64;

/// The most by which a page may exceed the one before, since entries may be larger than those before.
const GROWTH: u32 = 16;

/// The bytes of a store that is so small that no page of it is too large, however many keys it has. Then the
/// first page is larger, and the second one as large as it can be: a server walks the whole prefix for each.
const SMALL_STORE: u64 = 32 << 20;
const FIRST_OF_SMALL_STORE: u32 = 1_024;

/// How long to wait for a page, and how long at most for one that did not come in time.
const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_TIMEOUT: Duration = Duration::from_secs(60);

/// The number of keys of the next page, and how long to wait for it.
///
/// A server walks the rest of the prefix for each page, so small pages are slow. Entries may be of 1 MB or
/// more, and the way to the server may be slow, so large pages may be too large for a message, or late.
/// Then the page is divided by four.
#[derive(Debug)]
pub(crate) struct PageSize {
    next: u32,
    max: u32,
    growth: u32,
    timeout: Duration,
}

impl PageSize {
    /// Creates sizes of at most `max` keys, for a store of so many bytes, if that is known.
    pub(crate) fn new(max: u32, store: Option<u64>) -> Self {
        let (first, growth) = match store {
            Some(..=SMALL_STORE) => (FIRST_OF_SMALL_STORE, u32::MAX),
            _ => (FIRST, GROWTH),
        };
        Self {
            next: first.min(max).max(1),
            max: max.max(1),
            growth,
            timeout: TIMEOUT,
        }
    }

    /// Returns the number of keys to ask for.
    pub(crate) fn keys(&self) -> u32 {
        self.next
    }

    /// Returns how long to wait for the page.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Notes a page that was received in the time `took`.
    pub(crate) fn received(&mut self, keys: u64, bytes: u64, took: Duration) {
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
        let in_time = bytes.saturating_mul(1_000) / millis;
        let in_time = in_time.saturating_mul(TIME.as_secs());
        let target = in_time.clamp(MIN_BYTES, MAX_BYTES);
        let wanted = target.saturating_mul(keys) / bytes.max(1);
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        let most = self.next.saturating_mul(self.growth).min(self.max);
        self.next = wanted.clamp(1, most);
    }

    /// Notes that a page was too large for a message. Returns `false` if there is no smaller one.
    pub(crate) fn too_large(&mut self) -> bool {
        let was = self.next;
        self.next = (was / 4).max(1);
        was > 1
    }

    /// Notes that a page has not come in time. Returns `false` if it makes no sense to wait for longer.
    pub(crate) fn too_late(&mut self) -> bool {
        let was = self.timeout;
        self.timeout = (was * 2).min(MAX_TIMEOUT);
        self.too_large() || was < MAX_TIMEOUT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A time in which any page comes fast enough.
    const FAST: Duration = Duration::from_millis(1);

    #[test]
    fn pages_grow_to_the_greatest_while_entries_are_small() {
        let mut size = PageSize::new(20_000, None);
        assert_eq!(size.keys(), 64);
        size.received(64, 64 * 1_000, FAST);
        assert_eq!(size.keys(), 1_024);
        size.received(1_024, 1_024 * 100, FAST);
        assert_eq!(size.keys(), 16_384);
        size.received(16_384, 16_384 * 100, FAST);
        assert_eq!(size.keys(), 20_000);
        size.received(20_000, 20_000 * 1_000, FAST);
        assert_eq!(size.keys(), 4_194);
    }

    #[test]
    fn the_second_page_of_a_small_store_is_the_greatest() {
        let small = PageSize::new(20_000, Some(SMALL_STORE));
        assert_eq!(small.keys(), 1_024);
        for (bytes, next) in [(100, 20_000), (10_000, 419)] {
            let mut size = PageSize::new(20_000, Some(SMALL_STORE));
            size.received(1_024, 1_024 * bytes, FAST);
            assert_eq!(size.keys(), next);
        }
        assert_eq!(PageSize::new(20_000, Some(SMALL_STORE + 1)).keys(), 64);
        assert_eq!(PageSize::new(100, Some(0)).keys(), 100);
    }

    #[test]
    fn large_entries_make_small_pages() {
        let mut size = PageSize::new(20_000, None);
        assert!(size.too_large() && size.too_large());
        assert_eq!(size.keys(), 4);
        size.received(4, 4 << 20, FAST);
        assert_eq!(size.keys(), 4);
        size.received(1, 1 << 30, FAST);
        assert_eq!(size.keys(), 1);
        assert!(!size.too_large());
    }

    #[test]
    fn a_slow_way_makes_small_pages_and_long_waits() {
        let mut size = PageSize::new(20_000, None);
        size.received(64, 64 * 10_000, Duration::from_secs(2));
        // 320 kB in a second.
        assert_eq!(size.keys(), 32);
        assert_eq!(size.timeout(), TIMEOUT);
        assert!(size.too_late());
        assert_eq!((size.keys(), size.timeout()), (8, TIMEOUT * 2));
        let attempts = (0..100).take_while(|_| size.too_late()).count();
        assert!(attempts < 10, "{attempts}");
        assert_eq!((size.keys(), size.timeout()), (1, MAX_TIMEOUT));
    }

    #[test]
    fn no_page_is_empty_or_exceeds_the_option() {
        for (max, store) in [
            (0, None),
            (1, Some(1)),
            (7, Some(u64::MAX)),
            (u32::MAX, Some(0)),
        ] {
            let mut size = PageSize::new(max, store);
            for (keys, bytes) in [(0, 0), (u64::MAX, 0), (1, u64::MAX), (u64::MAX, 1)] {
                for took in [Duration::ZERO, FAST, Duration::MAX] {
                    size.received(keys, bytes, took);
                    assert!(size.keys() >= 1 && size.keys() <= max.max(1));
                }
            }
        }
    }
}
