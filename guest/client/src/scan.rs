//! A scan that turns its own pages.

use std::{iter::FusedIterator, vec};

use crate::{LocalMap, MAX_KEY_LEN, Scanned};

/// Places of the map that one page visits: enough that the calls do not count
/// beside the entries.
const PAGE: u32 = 256;

/// The entries of a map, made by [`LocalMap::scan`].
#[derive(Debug)]
#[must_use = "a scan reads nothing until it is asked for entries"]
pub struct Scan<'a> {
    map: &'a LocalMap,
    prefix: Vec<u8>,
    /// Where the next page starts; none: there is no further page.
    cursor: Option<u64>,
    page: vec::IntoIter<Scanned>,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(map: &'a LocalMap, prefix: &[u8]) -> Self {
        // No key is longer, so none begins with more.
        let possible = prefix.len() <= MAX_KEY_LEN;
        Self {
            map,
            prefix: if possible {
                prefix.to_vec()
            } else {
                Vec::new()
            },
            cursor: possible.then_some(0),
            page: Vec::new().into_iter(),
        }
    }
}

impl Iterator for Scan<'_> {
    type Item = Scanned;

    fn next(&mut self) -> Option<Scanned> {
        loop {
            if let Some(entry) = self.page.next() {
                return Some(entry);
            }
            let cursor = self.cursor?;
            let (entries, next) = self.map.page(&self.prefix, cursor, PAGE);
            self.page = entries.into_iter();
            self.cursor = next;
        }
    }
}

impl FusedIterator for Scan<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_longer_than_any_key_ends_the_scan_before_a_call() {
        // Natively a call would panic.
        let map = LocalMap::new();
        assert_eq!(Scan::new(&map, &[b'k'; MAX_KEY_LEN + 1]).next(), None);
    }
}
