//! Reads a page of a scan in place, so that keys and values are copied only to where they stay.

use super::layout::Layout;
use super::lift::{Lift, Source, field};
use crate::contract::bindings::local_map::{Page, Scanned};
use wasmtime::Result;

/// An entry of a page, whose key and value are in the memory of the map.
pub(crate) struct ScannedInPlace<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    pub(crate) version: u64,
    /// The time until the entry expires, in nanoseconds.
    pub(crate) expires_in: Option<u64>,
}

/// The offsets of the fields of a scanned entry after its key, and of the field `next` of a page.
const VALUE: usize = 8;
const VERSION: usize = 16;
const EXPIRES_IN: usize = 24;
const NEXT: usize = 8;

const _: () = assert!(EXPIRES_IN + <Option<u64> as Layout>::SIZE == Scanned::SIZE);
const _: () = assert!(NEXT + <Option<u64> as Layout>::SIZE == Page::SIZE);

impl<'a> Source<'a> {
    /// Calls `visit` with each entry of the page at the address that a call has returned. Returns
    /// the cursor of the next page.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`read`](Self::read) and of `visit`, perhaps after some entries were
    /// visited.
    pub(crate) fn read_page(
        &mut self,
        address: u32,
        mut visit: impl FnMut(&ScannedInPlace<'a>) -> Result<()>,
    ) -> Result<Option<u64>> {
        let page = self.bytes(address, Page::SIZE, Page::ALIGN)?;
        let entries = self.list(page, Scanned::SIZE, Scanned::ALIGN)?;
        for entry in entries.chunks_exact(Scanned::SIZE) {
            let key = self.list(entry, 1, 1)?;
            let value = self.list(field(entry, VALUE), 1, 1)?;
            self.consume(size_of::<Scanned>() + key.len() + value.len())?;
            visit(&ScannedInPlace {
                key,
                value,
                version: u64::lift(self, field(entry, VERSION))?,
                expires_in: Option::lift(self, field(entry, EXPIRES_IN))?,
            })?;
        }
        Option::lift(self, field(page, NEXT))
    }
}
