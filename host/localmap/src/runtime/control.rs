//! The host's side of a map: its limits, what it starts with, its statistics.

use crate::contract::bindings::control;
use crate::contract::error::{ConfigureError, KeyFault, PreloadError, SetError};
use crate::contract::limits::Limits;
use crate::contract::names::CONTROL;
use crate::contract::types::{Preload, Stats};
use std::fmt;
use wasmtime::AsContextMut;
use wasmtime::component::{Component, Instance};

/// The `localmap:core/control` that an instance exports: that of a
/// [plugged](crate::plug) app, in a store of your own.
///
/// A [`LocalMap`](crate::LocalMap) needs none: it has these operations itself.
///
/// Each method calls into the instance, and fails with [`wasmtime::Error`] where
/// the instance traps or cannot be entered any more.
pub struct Control {
    exports: control::Guest,
}

impl Control {
    /// Finds the export. `None`: the component has no such export, as it is not
    /// one that localmap has plugged.
    ///
    /// # Errors
    ///
    /// The export is there and has other types than the contract.
    pub fn find(
        mut store: impl AsContextMut,
        component: &Component,
        instance: &Instance,
    ) -> wasmtime::Result<Option<Self>> {
        if component.get_export_index(None, CONTROL).is_none() {
            return Ok(None);
        }
        let exports = control::GuestIndices::new(&instance.instance_pre(&store))?
            .load(&mut store, instance)?;
        Ok(Some(Self { exports }))
    }

    pub(crate) fn new(exports: control::Guest) -> Self {
        Self { exports }
    }

    /// Sets the limits of the map. While it has never held an entry, to any;
    /// after that they may only rise, and the policy stays (the default TTL may
    /// change).
    ///
    /// # Errors
    ///
    /// The inner error tells which limit was refused, and none has changed then.
    pub fn configure(
        &self,
        store: impl AsContextMut<Data: Send>,
        limits: &Limits,
    ) -> wasmtime::Result<Result<(), ConfigureError>> {
        let answer = self.exports.call_configure(store, limits.to_contract())?;
        Ok(answer.map_err(ConfigureError::from))
    }

    /// The limits in force.
    ///
    /// # Errors
    ///
    /// Only where the instance cannot be called.
    pub fn limits(&self, store: impl AsContextMut<Data: Send>) -> wasmtime::Result<Limits> {
        Ok(self.exports.call_current_limits(store)?.into())
    }

    /// Stores entries, in their order.
    ///
    /// # Errors
    ///
    /// The inner error tells which entry was refused; those before it are stored.
    pub fn preload(
        &self,
        mut store: impl AsContextMut<Data: Send>,
        entries: &[Preload],
    ) -> wasmtime::Result<Result<(), PreloadError>> {
        // One at a time: the map promises room for one key and one value.
        for (index, entry) in entries.iter().enumerate() {
            let given = control::Preloaded {
                key: &entry.key,
                value: &entry.value,
                ttl: entry.ttl.into(),
            };
            if let Err((_, refusal)) = self.exports.call_preload(&mut store, &[given])? {
                let limits = self.limits(&mut store)?;
                let source = refused(refusal, entry, &limits);
                return Ok(Err(PreloadError::Refused { index, source }));
            }
        }
        Ok(Ok(()))
    }

    /// What the map has counted since it was made. Visits every entry that is due.
    ///
    /// # Errors
    ///
    /// Only where the instance cannot be called.
    pub fn stats(&self, store: impl AsContextMut<Data: Send>) -> wasmtime::Result<Stats> {
        Ok(self.exports.call_stats(store)?.into())
    }

    /// Takes back the memory of at most `max` entries that are due, and tells how
    /// many they were. Fewer than `max`: none is left.
    ///
    /// # Errors
    ///
    /// Only where the instance cannot be called.
    pub fn sweep(&self, store: impl AsContextMut<Data: Send>, max: u32) -> wasmtime::Result<u32> {
        self.exports.call_sweep(store, max)
    }

    /// Removes all entries. Limits, statistics, the version counter and what is pinned
    /// stay.
    ///
    /// # Errors
    ///
    /// Only where the instance cannot be called.
    pub fn clear(&self, store: impl AsContextMut<Data: Send>) -> wasmtime::Result<()> {
        self.exports.call_clear(store)
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

/// The error that `set` would have given for this entry under these limits.
fn refused(refusal: control::Refusal, entry: &Preload, limits: &Limits) -> SetError {
    match refusal {
        control::Refusal::InvalidKey => SetError::InvalidKey {
            fault: KeyFault::of(&entry.key, limits).unwrap_or(KeyFault::NotUtf8),
        },
        control::Refusal::ValueTooLarge => SetError::ValueTooLarge {
            len: entry.value.len() as u64,
            max: limits.max_value,
        },
        control::Refusal::InvalidTtl => SetError::InvalidTtl,
        control::Refusal::Full => SetError::Full,
    }
}
