//! The ways to reach a map, from a guest and from the host, with the settings that all of
//! them share: S3-FIFO, room for `capacity` entries, 48 MiB.

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
    /// One component of app and map, by the client crate.
    Client,
    /// The same by bindings of `local-map`.
    Plain,
    /// `localmap::add_to_linker`: the host hands each operation on to a store of its own.
    Bridged,
    /// The host itself calls.
    Host,
    /// `wasmtime-wasi-keyvalue`: a hash map of the host without limits.
    Keyvalue,
    /// A guest of wasi:keyvalue, plugged: a component of ours translates.
    KeyvaluePlugged,
}

impl Way {
    pub(crate) const ALL: [Self; 7] = [
        Self::Client,
        Self::InGuest,
        Self::Plain,
        Self::Bridged,
        Self::Host,
        Self::KeyvaluePlugged,
        Self::Keyvalue,
    ];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::InGuest => "localmap, in the guest",
            Self::Client => "localmap, plugged, client crate",
            Self::Plain => "localmap, plugged, plain contract",
            Self::Bridged => "localmap, linked (add_to_linker)",
            Self::Host => "localmap, the host calls",
            Self::Keyvalue => "wasmtime-wasi-keyvalue (no TTL, no limit, outside the sandbox)",
            Self::KeyvaluePlugged => "localmap, plugged, as wasi:keyvalue",
        }
    }
}

/// The guests of all ways, each compiled when it is wanted first.
pub(crate) struct Ways {
    capacity: u32,
    plugged: OnceCell<Guest>,
    bridged: OnceCell<Guest>,
    host: Host,
    keyvalue: OnceCell<Guest>,
    /// For entries that live for ever, and for those with a TTL.
    keyvalue_plugged: [OnceCell<Guest>; 2],
}

impl Ways {
    /// For maps that evict what is beyond `capacity`.
    pub(crate) fn new(capacity: u32) -> Result<Self> {
        Ok(Self {
            capacity,
            plugged: OnceCell::new(),
            bridged: OnceCell::new(),
            host: Host::new()?,
            keyvalue: OnceCell::new(),
            keyvalue_plugged: [OnceCell::new(), OnceCell::new()],
        })
    }

    /// An empty map that is reached in this way. The capacity of the plan must be that of
    /// [`new`](Self::new).
    pub(crate) fn subject(&self, way: Way, plan: Plan) -> Result<Subject> {
        let capacity = self.capacity;
        let plugged = || made(&self.plugged, || Guest::plugged(capacity));
        // The numbers are those of `bench/guests/boundary/src/lib.rs`.
        match way {
            Way::InGuest => Subject::in_guest(plugged()?, 22, plan),
            Way::Client => Subject::in_guest(plugged()?, 20, plan),
            Way::Plain => Subject::in_guest(plugged()?, 21, plan),
            Way::Bridged => {
                let guest = made(&self.bridged, || Guest::bridged(capacity))?;
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

/// What is in the cell, made where nothing is.
fn made(cell: &OnceCell<Guest>, make: impl FnOnce() -> Result<Guest>) -> Result<&Guest> {
    match cell.get() {
        Some(guest) => Ok(guest),
        None => make().map(|guest| cell.get_or_init(|| guest)),
    }
}
