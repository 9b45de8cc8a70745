//! The form of a value in the map: the revision at which it was stored, and then the value of the source.

use crate::read::EntryRef;

/// The bytes of the revision that is stored in front of each value.
pub(crate) const REVISION_LEN: usize = 8;

/// Splits a stored value into its revision and the value of the source.
pub(crate) fn entry(stored: &[u8]) -> Option<EntryRef<'_>> {
    let (revision, value) = stored.split_first_chunk()?;
    Some(EntryRef {
        value,
        mod_revision: u64::from_le_bytes(*revision),
    })
}
