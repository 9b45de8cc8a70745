//! The host's side of a map: its limits, its initial entries and its statistics.

use crate::contract::bindings::control;
use crate::contract::check::key_fault;
use crate::contract::entry::Preload;
use crate::contract::error::{ConfigureError, KeyFault, PreloadError, SetError};
use crate::contract::limits::Limits;
use crate::contract::names::CONTROL;
use crate::contract::stats::Stats;
use std::fmt;
use wasmtime::AsContextMut;
use wasmtime::component::{Component, Instance};

/// The host's side of the map in a [plugged](crate::plug()) app: the interface
/// `localmap:core/control` that the app's instance exports.
///
/// It is not needed for a [`LocalMap`](crate::LocalMap), which has these operations itself.
///
/// Each method calls into the instance. It returns an outer [`wasmtime::Error`] if the instance
/// traps, or has trapped or exited before.
///
/// ```
/// use localmap::wasmtime::component::{Component, Linker};
/// use localmap::wasmtime::{Engine, Store};
/// use localmap::{Control, Limits, Preload, Ttl, plug};
/// # use localmap::wasmtime::StoreContextMut;
///
/// # fn add_wasi_to_linker(linker: &mut Linker<()>) -> localmap::wasmtime::Result<()> {
/// #     let mut clock = linker.instance("wasi:clocks/monotonic-clock@0.2.0")?;
/// #     clock.func_wrap("now", |_: StoreContextMut<'_, ()>, (): ()| Ok((1u64,)))?;
/// #     clock.func_wrap("resolution", |_: StoreContextMut<'_, ()>, (): ()| Ok((1u64,)))?;
/// #     let mut seed = linker.instance("wasi:random/insecure-seed@0.2.0")?;
/// #     seed.func_wrap("insecure-seed", |_: StoreContextMut<'_, ()>, (): ()| Ok(((1u64, 2u64),)))
/// # }
/// let app = wat::parse_str(r#"(component (import "localmap:core/local-map@0.1.0" (instance)))"#)?;
/// let engine = Engine::default();
/// let component = Component::new(&engine, plug(&app, &Limits::default())?)?;
/// let mut linker = Linker::new(&engine);
/// add_wasi_to_linker(&mut linker)?; // the map imports a clock and a seed
/// let mut store = Store::new(&engine, ());
/// let instance = linker.instantiate(&mut store, &component)?;
///
/// let control = Control::find(&mut store, &component, &instance)?.ok_or("not plugged")?;
/// let limits = control.limits(&mut store)?.max_entries(10);
/// control.configure(&mut store, &limits)??;
/// let user = Preload { key: b"user".to_vec(), value: b"alice".to_vec(), ttl: Ttl::Never };
/// control.preload(&mut store, &[user])??;
/// assert_eq!(control.stats(&mut store)?.entries, 1);
/// assert_eq!(control.sweep(&mut store, 100)?, 0);
/// control.clear(&mut store)?;
/// assert_eq!(control.stats(&mut store)?.entries, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Control {
    exports: control::Guest,
}

impl Control {
    /// Finds the interface among the exports of an instance of `component`. Returns `None` if
    /// localmap has not plugged the component, so that it has no such export. See [`Control`] for
    /// an example.
    ///
    /// # Errors
    ///
    /// Returns an error if the types of the interface differ from the contract.
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

    /// Sets the limits of the map, as [`LocalMap::configure`](crate::LocalMap::configure) does.
    /// See [`Control`] for an example.
    ///
    /// # Errors
    ///
    /// - Returns the inner [`ConfigureError::OutOfRange`] or [`ConfigureError::Lowered`] if a
    ///   limit is rejected. In this case no limit has changed.
    /// - Returns the outer error if the instance cannot be called.
    pub fn configure(
        &self,
        store: impl AsContextMut<Data: Send>,
        limits: &Limits,
    ) -> wasmtime::Result<Result<(), ConfigureError>> {
        let answer = self.exports.call_configure(store, limits.to_contract())?;
        Ok(answer.map_err(ConfigureError::from))
    }

    /// Returns the limits in force. See [`Control`] for an example.
    ///
    /// # Errors
    ///
    /// Returns an error if the instance cannot be called.
    pub fn limits(&self, store: impl AsContextMut<Data: Send>) -> wasmtime::Result<Limits> {
        Ok(self.exports.call_current_limits(store)?.into())
    }

    /// Stores entries in order. See [`Control`] for an example.
    ///
    /// # Errors
    ///
    /// - Returns the inner [`PreloadError::Refused`] if an entry is rejected. Those before it
    ///   stay stored.
    /// - Returns the outer error if the instance cannot be called.
    pub fn preload(
        &self,
        mut store: impl AsContextMut<Data: Send>,
        entries: &[Preload],
    ) -> wasmtime::Result<Result<(), PreloadError>> {
        // One at a time, because the map guarantees room only for one key and one value.
        for (index, entry) in entries.iter().enumerate() {
            let preloaded = control::Preloaded {
                key: &entry.key,
                value: &entry.value,
                ttl: entry.ttl.into(),
            };
            if let Err((_, refusal)) = self.exports.call_preload(&mut store, &[preloaded])? {
                let limits = self.limits(&mut store)?;
                let source = rejected(refusal, entry, &limits);
                return Ok(Err(PreloadError::Refused { index, source }));
            }
        }
        Ok(Ok(()))
    }

    /// Returns the statistics of the map. Visits every expired entry. See [`Control`] for an
    /// example.
    ///
    /// # Errors
    ///
    /// Returns an error if the instance cannot be called.
    pub fn stats(&self, store: impl AsContextMut<Data: Send>) -> wasmtime::Result<Stats> {
        Ok(self.exports.call_stats(store)?.into())
    }

    /// Reclaims the memory of at most `max` expired entries and returns their number. If it is
    /// less than `max`, no more expired entries are left. See [`Control`] for an example.
    ///
    /// # Errors
    ///
    /// Returns an error if the instance cannot be called.
    pub fn sweep(&self, store: impl AsContextMut<Data: Send>, max: u32) -> wasmtime::Result<u32> {
        self.exports.call_sweep(store, max)
    }

    /// Removes all entries. Limits, statistics, the version counter and pinned values stay.
    /// See [`Control`] for an example.
    ///
    /// # Errors
    ///
    /// Returns an error if the instance cannot be called.
    pub fn clear(&self, store: impl AsContextMut<Data: Send>) -> wasmtime::Result<()> {
        self.exports.call_clear(store)
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

/// Returns the error that `set` would have returned for this entry under these limits.
fn rejected(refusal: control::Refusal, entry: &Preload, limits: &Limits) -> SetError {
    match refusal {
        control::Refusal::InvalidKey => SetError::InvalidKey {
            fault: key_fault(limits, &entry.key).unwrap_or(KeyFault::NotUtf8),
        },
        control::Refusal::ValueTooLarge => SetError::ValueTooLarge {
            len: entry.value.len() as u64,
            max: limits.max_value,
        },
        control::Refusal::InvalidTtl => SetError::InvalidTtl,
        control::Refusal::Full => SetError::Full,
    }
}
