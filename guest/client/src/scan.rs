//! The iterator over a scan, which reads one page at a time.

use std::{iter::FusedIterator, vec};

use crate::{LocalMap, Page, Scanned};

/// The maximum number of entries of one page, large enough to make the cost of calls negligible.
const PAGE: u32 = 256;

/// An iterator over the entries of a map, returned by [`LocalMap::scan`].
#[derive(Debug)]
#[must_use = "a scan is lazy: it reads nothing until `next` is called"]
pub struct Scan<'a, M = LocalMap> {
    map: &'a M,
    read_page: ReadPage<M>,
    prefix: Vec<u8>,
    /// The cursor of the next page; `None` after the last one.
    cursor: Option<u64>,
    page: vec::IntoIter<Scanned>,
}

/// Reads a page of a map, with a prefix, a cursor and a limit.
pub(crate) type ReadPage<M> = fn(&M, &[u8], u64, u32) -> Page;

impl<'a, M> Scan<'a, M> {
    pub(crate) fn new(map: &'a M, prefix: &[u8], read_page: ReadPage<M>) -> Self {
        Self {
            map,
            read_page,
            prefix: prefix.to_vec(),
            cursor: Some(0),
            page: Vec::new().into_iter(),
        }
    }
}

impl<M> Iterator for Scan<'_, M> {
    type Item = Scanned;

    fn next(&mut self) -> Option<Scanned> {
        loop {
            if let Some(entry) = self.page.next() {
                return Some(entry);
            }
            let page = (self.read_page)(self.map, &self.prefix, self.cursor?, PAGE);
            self.page = page.entries.into_iter();
            self.cursor = page.next;
        }
    }
}

impl<M> FusedIterator for Scan<'_, M> {}
