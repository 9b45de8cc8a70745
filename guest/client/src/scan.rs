//! A scan that turns its own pages.

use std::{iter::FusedIterator, vec};

use crate::{LocalMap, Page, Scanned};

/// Entries that one page holds at most: enough that the calls do not count beside
/// the entries.
const PAGE: u32 = 256;

/// The entries of a map, made by [`LocalMap::scan`].
#[derive(Debug)]
#[must_use = "a scan reads nothing until it is asked for entries"]
pub struct Scan<'a, M = LocalMap> {
    map: &'a M,
    turn: Turn<M>,
    prefix: Vec<u8>,
    /// Where the next page starts; none: there is no further page.
    cursor: Option<u64>,
    page: vec::IntoIter<Scanned>,
}

/// Gives the page of a map with this prefix, cursor and limit.
pub(crate) type Turn<M> = fn(&M, &[u8], u64, u32) -> Page;

impl<'a, M> Scan<'a, M> {
    pub(crate) fn new(map: &'a M, prefix: &[u8], turn: Turn<M>) -> Self {
        Self {
            map,
            turn,
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
            let page = (self.turn)(self.map, &self.prefix, self.cursor?, PAGE);
            self.page = page.entries.into_iter();
            self.cursor = page.next;
        }
    }
}

impl<M> FusedIterator for Scan<'_, M> {}
