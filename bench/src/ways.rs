//! The ways to reach a map, from a guest and from the host. All share the same settings:
//! S3-FIFO, room for `capacity` entries, 48 MiB.

use crate::guest::Guest;
use crate::hosted;
use crate::subject::Subject;
use anyhow::Result;
use bench_loops::Plan;
use localmap::Host;
use std::cell::OnceCell;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// `localmap_client::in_process`: the map is in the memory of the guest.
    InGuest,
    /// One component of app and map, called through the client crate.
    Client,
    /// The same component, called through bindings of `local-map`.
    Plain,
    /// `localmap::add_to_linker`: the host passes each operation on to the map's own store.
    Linked,
    /// The host calls the map itself.
    Host,
    /// `wasmtime-wasi-keyvalue`: a hash map in the host, without limits.
    Keyvalue,
    /// A guest of wasi:keyvalue, plugged: the keyvalue adapter translates.
    KeyvaluePlugged,
}

impl Way {
    pub(crate) const ALL: [Self; 7] = [
        Self::Client,
        Self::InGuest,
        Self::Plain,
        Self::Linked,
        Self::Host,
        Self::KeyvaluePlugged,
        Self::Keyvalue,
    ];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::InGuest => "localmap, in the guest",
            Self::Client => "localmap, plugged, client crate",
            Self::Plain => "localmap, plugged, plain contract",
            Self::Linked => "localmap, linked (add_to_linker)",
            Self::Host => "localmap, the host calls",
            Self::Keyvalue => "wasmtime-wasi-keyvalue (no TTL, no limit, outside the sandbox)",
            Self::KeyvaluePlugged => "localmap, plugged, as wasi:keyvalue",
        }
    }
}

/// The guests of all ways, each compiled on first use.
pub(crate) struct Ways {
    capacity: u32,
    plugged: OnceCell<Guest>,
    linked: OnceCell<Guest>,
    host: Host,
    keyvalue: OnceCell<Guest>,
    /// For entries without a TTL, and for entries with one.
    keyvalue_plugged: [OnceCell<Guest>; 2],
}

impl Ways {
    /// Creates the guests for maps that evict entries beyond `capacity`.
    pub(crate) fn new(capacity: u32) -> Result<Self> {
        Ok(Self {
            capacity,
            plugged: OnceCell::new(),
            linked: OnceCell::new(),
            host: Host::new()?,
            keyvalue: OnceCell::new(),
            keyvalue_plugged: [OnceCell::new(), OnceCell::new()],
        })
    }

    /// Creates an empty map that is reached in this way. The plan must have the capacity given to
    /// [`new`](Self::new).
    pub(crate) fn subject(&self, way: Way, plan: Plan) -> Result<Subject> {
        let capacity = self.capacity;
        let plugged = || made(&self.plugged, || Guest::plugged(capacity));
        // The numbers are those of `bench/guests/boundary/src/lib.rs`.
        match way {
            Way::InGuest => Subject::in_guest(plugged()?, 22, plan),
            Way::Client => Subject::in_guest(plugged()?, 20, plan),
            Way::Plain => Subject::in_guest(plugged()?, 21, plan),
            Way::Linked => {
                let guest = made(&self.linked, || Guest::linked(capacity))?;
                Subject::in_guest(guest, 20, plan)
            }
            Way::Host => Ok(Subject::here(hosted::make(&self.host, plan)?)),
            Way::Keyvalue => Subject::in_guest(made(&self.keyvalue, Guest::keyvalue)?, 0, plan),
            Way::KeyvaluePlugged => {
                let guest = made(&self.keyvalue_plugged[usize::from(plan.ttl)], || {
                    Guest::keyvalue_plugged(capacity, plan.ttl)
                })?;
                Subject::in_guest(guest, 0, plan)
            }
        }
    }
}

/// Returns the guest in the cell, which is made if the cell is empty.
fn made(cell: &OnceCell<Guest>, make: impl FnOnce() -> Result<Guest>) -> Result<&Guest> {
    match cell.get() {
        Some(guest) => Ok(guest),
        None => make().map(|guest| cell.get_or_init(|| guest)),
    }
}
