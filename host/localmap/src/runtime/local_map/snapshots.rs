//! Publication of a map's entries to readers on other threads.

use super::LocalMap;
use crate::contract::error::MapTerminated;
use crate::contract::limits::Limits;
use crate::runtime::abi::page::ScannedInPlace;
use crate::runtime::map_instance::MapInstance;
use crate::snapshot::reader::Snapshot;
use crate::snapshot::table::{Record, Table, TableBuilder};
use std::num::NonZeroU64;

/// The number of entries in a page of the scan, the largest that a map returns.
const ENTRIES_PER_CALL: u32 = 4096;

/// # Snapshots
impl LocalMap {
    /// Publishes the entries of the map as they are now, and returns a reader of them, which any
    /// number of threads can use without a lock. See [`Snapshot`] for an example.
    ///
    /// A map has one snapshot: earlier readers see the new entries too. Publishing copies all
    /// entries, and is one operation with one [`call_timeout`](crate::MapOptions::call_timeout).
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has terminated, in this call or before it.
    pub fn snapshot(&mut self) -> Result<Snapshot, MapTerminated> {
        self.cell.enter(publish)
    }

    /// Publishes the entries of the map again, as they are now, so that all readers of its
    /// [snapshot](Self::snapshot) see them. Each read sees either all of the old entries or all of
    /// the new ones. Does nothing if there is no reader. See [`Snapshot`] for an example.
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has terminated, in this call or before it.
    pub fn publish(&mut self) -> Result<(), MapTerminated> {
        self.cell.enter(|live| {
            if live.publisher.has_readers() {
                publish(live)?;
            }
            Ok(())
        })
    }
}

/// Copies the entries to the readers.
fn publish(live: &mut MapInstance) -> wasmtime::Result<Snapshot> {
    // All pages are read at one instant, from which the deadlines follow exactly.
    let now = live.core.store.data_mut().stop_time();
    let entries = copy(live, now)?;
    let data = live.core.store.data_mut();
    data.resume_time();
    let published = live.publisher.publish(entries, data.shared_time());
    Ok(Snapshot::new(published))
}

/// Copies all entries of the map, whose time is `now`.
fn copy(live: &mut MapInstance, now: u64) -> wasmtime::Result<Table> {
    let mut table = TableBuilder::default();
    let (mut bytes, mut cursor) = (0, 0);
    loop {
        let (limits, core) = (&live.limits, &mut live.core);
        let next = core.scan_in_place(cursor, ENTRIES_PER_CALL, |scanned| {
            table.add(&record(scanned, now));
            bytes += (scanned.key.len() + scanned.value.len()) as u64;
            check(limits, table.entries() as u64, bytes)
        })?;
        match next {
            Some(next) => cursor = next,
            None => return Ok(table.build()),
        }
    }
}

fn record<'a>(scanned: &ScannedInPlace<'a>, now: u64) -> Record<'a> {
    let deadline = scanned
        .expires_in
        .map(|left| now.saturating_add(left.max(1)));
    Record {
        key: scanned.key,
        value: scanned.value,
        version: scanned.version,
        deadline: deadline.and_then(NonZeroU64::new),
    }
}

/// The number of bytes that an entry takes in addition to its key and value, at least, in a map and
/// in its snapshot.
const ENTRY_BYTES: u64 = 45;

/// Checks that the map returns no more than it can hold, so that its limits bound its snapshot.
fn check(limits: &Limits, entries: u64, bytes: u64) -> wasmtime::Result<()> {
    let bytes = bytes.saturating_add(entries.saturating_mul(ENTRY_BYTES));
    if entries > limits.max_entries || bytes > limits.max_bytes {
        return Err(wasmtime::Error::msg(
            "the map contradicts its contract: scan returned more entries than the limits allow",
        ));
    }
    Ok(())
}
