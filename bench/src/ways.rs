//! The ways to reach a map, from a guest and from the host, with the settings that all of
//! them share: S3-FIFO, room for `capacity` entries, 48 MiB.

use crate::guest::Guest;
use crate::hosted;
use crate::subject::Subject;
use anyhow::Result;
use bench_loops::Plan;
use localmap::Host;

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
            Self::Bridged => "localmap, bridged (add_to_linker)",
            Self::Host => "localmap, the host calls",
            Self::Keyvalue => "wasmtime-wasi-keyvalue (no TTL, no limit, outside of the sandbox)",
            Self::KeyvaluePlugged => "localmap, plugged, as wasi:keyvalue",
        }
    }
}

/// The guests of all ways, compiled.
pub(crate) struct Ways {
    plugged: Guest,
    bridged: Guest,
    host: Host,
    keyvalue: Guest,
    /// For entries that live for ever, and for those with a TTL.
    keyvalue_plugged: [Guest; 2],
}

impl Ways {
    /// For maps that evict what is beyond `capacity`.
    pub(crate) fn new(capacity: u32) -> Result<Self> {
        Ok(Self {
            plugged: Guest::plugged(capacity)?,
            bridged: Guest::bridged(capacity)?,
            host: Host::new()?,
            keyvalue: Guest::keyvalue()?,
            keyvalue_plugged: [
                Guest::keyvalue_plugged(capacity, false)?,
                Guest::keyvalue_plugged(capacity, true)?,
            ],
        })
    }

    /// An empty map that is reached in this way. The capacity of the plan must be that of
    /// [`new`](Self::new).
    pub(crate) fn subject(&self, way: Way, plan: Plan) -> Result<Subject> {
        // The numbers are those of `bench/guests/boundary/src/lib.rs`.
        match way {
            Way::InGuest => Subject::in_guest(&self.plugged, 22, plan),
            Way::Client => Subject::in_guest(&self.plugged, 20, plan),
            Way::Plain => Subject::in_guest(&self.plugged, 21, plan),
            Way::Bridged => Subject::in_guest(&self.bridged, 20, plan),
            Way::Host => Ok(Subject::here(hosted::make(&self.host, plan)?)),
            Way::Keyvalue => Subject::in_guest(&self.keyvalue, 0, plan),
            Way::KeyvaluePlugged => {
                let guest = &self.keyvalue_plugged[usize::from(plan.ttl)];
                Subject::in_guest(guest, 0, plan)
            }
        }
    }
}
