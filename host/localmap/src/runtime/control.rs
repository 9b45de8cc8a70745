//! The host's side of a map: its limits, its initial entries and its statistics. The submodule
//! `changes` has its changes.

mod changes;
mod functions;

use crate::contract::bindings::control;
use crate::contract::check::key_fault;
use crate::contract::entry::Preload;
use crate::contract::error::{ConfigureError, KeyFault, PreloadError, SetError};
use crate::contract::limits::Limits;
use crate::contract::names::{CHANGES, CONTROL};
use crate::contract::stats::Stats;
use functions::{ChangesFunctions, Exports};
use std::fmt;
use wasmtime::AsContextMut;
use wasmtime::component::{Component, Instance, TypedFunc};

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
///
/// # Which form
///
/// Each method has two forms. Use the one without a suffix in a store whose functions you call with
/// [`TypedFunc::call`], and the one that ends with `_async` where you need
/// [`TypedFunc::call_async`]: if a function that the instance imports is async, even if the instance
/// never calls it, or if the store yields at an epoch deadline or for fuel. There, the form without
/// a suffix returns the error ``store configuration requires that `*_async` functions are used
/// instead``. The async form works in every store of an engine with async support, so use it if you
/// do not know. An instance of WASI 0.3 always needs it.
///
/// In an engine with `Config::concurrency_support`, the async form also runs the other tasks of the
/// store until its answer is there. Call it between two calls of `Store::run_concurrent`: within
/// one, the store is borrowed.
///
/// ```
/// # use localmap::wasmtime::component::{Component, Linker};
/// # use localmap::wasmtime::{Engine, Store, StoreContextMut};
/// # use localmap::{Control, Limits, plug};
/// # fn add_wasi_to_linker(linker: &mut Linker<()>) -> localmap::wasmtime::Result<()> {
/// #     let mut clock = linker.instance("wasi:clocks/monotonic-clock@0.2.0")?;
/// #     clock.func_wrap("now", |_: StoreContextMut<'_, ()>, (): ()| Ok((1u64,)))?;
/// #     clock.func_wrap("resolution", |_: StoreContextMut<'_, ()>, (): ()| Ok((1u64,)))?;
/// #     let mut seed = linker.instance("wasi:random/insecure-seed@0.2.0")?;
/// #     seed.func_wrap("insecure-seed", |_: StoreContextMut<'_, ()>, (): ()| Ok(((1u64, 2u64),)))
/// # }
/// async fn entries(plugged: &[u8]) -> localmap::wasmtime::Result<u64> {
///     let engine = Engine::default();
///     let component = Component::new(&engine, plugged)?;
///     let mut linker = Linker::new(&engine);
///     add_wasi_to_linker(&mut linker)?; // and functions of your own, some of which are async
///     let mut store = Store::new(&engine, ());
///     let instance = linker.instantiate_async(&mut store, &component).await?;
///     // Call the app here.
///     let Some(control) = Control::find(&mut store, &component, &instance)? else {
///         return Ok(0);
///     };
///     Ok(control.stats_async(&mut store).await?.entries)
/// }
/// # let app = wat::parse_str(r#"(component (import "localmap:core/local-map@0.1.0" (instance)))"#)?;
/// # let plugged = plug(&app, &Limits::default())?;
/// # let mut entries = std::pin::pin!(entries(&plugged));
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # let answer = loop {
/// #     if let std::task::Poll::Ready(answer) = entries.as_mut().poll(&mut context) { break answer }
/// # };
/// # assert_eq!(answer?, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Control {
    configure: TypedFunc<(control::Limits,), (Result<(), control::ConfigureError>,)>,
    limits: TypedFunc<(), (control::Limits,)>,
    preload: TypedFunc<(&'static [control::Preloaded<'static>],), (Preloading,)>,
    stats: TypedFunc<(), (control::Statistics,)>,
    sweep: TypedFunc<(u32,), (u32,)>,
    clear: TypedFunc<(), ()>,
    /// The functions of `localmap:core/changes`, if the instance exports it.
    changes: Option<ChangesFunctions>,
}

/// What the map answers to entries: the index of the first one that it rejects, and why.
type Preloading = Result<(), (u32, control::Refusal)>;

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
        let Some(interface) = component.get_export_index(None, CONTROL) else {
            return Ok(None);
        };
        let mut exports = Exports {
            store: store.as_context_mut(),
            component,
            instance,
            name: CONTROL,
            interface,
        };
        Ok(Some(Self {
            configure: exports.function("configure")?,
            limits: exports.function("current-limits")?,
            preload: exports.function("preload")?,
            stats: exports.function("stats")?,
            sweep: exports.function("sweep")?,
            clear: exports.function("clear")?,
            changes: match component.get_export_index(None, CHANGES) {
                Some(interface) => {
                    (exports.name, exports.interface) = (CHANGES, interface);
                    Some(ChangesFunctions::find(&mut exports)?)
                }
                None => None,
            },
        }))
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
        store: impl AsContextMut,
        limits: &Limits,
    ) -> wasmtime::Result<Result<(), ConfigureError>> {
        let (answer,) = self.configure.call(store, (limits.to_contract(),))?;
        Ok(answer.map_err(ConfigureError::from))
    }

    /// Sets the limits of the map, in a store whose calls are async.
    ///
    /// # Errors
    ///
    /// The errors are those of [`configure`](Self::configure).
    pub async fn configure_async(
        &self,
        store: impl AsContextMut<Data: Send>,
        limits: &Limits,
    ) -> wasmtime::Result<Result<(), ConfigureError>> {
        let limits = limits.to_contract();
        let (answer,) = self.configure.call_async(store, (limits,)).await?;
        Ok(answer.map_err(ConfigureError::from))
    }

    /// Returns the limits in force. See [`Control`] for an example.
    ///
    /// # Errors
    ///
    /// Returns an error if the instance cannot be called.
    pub fn limits(&self, store: impl AsContextMut) -> wasmtime::Result<Limits> {
        Ok(self.limits.call(store, ())?.0.into())
    }

    /// Returns the limits in force, in a store whose calls are async.
    ///
    /// # Errors
    ///
    /// Returns an error if the instance cannot be called.
    pub async fn limits_async(
        &self,
        store: impl AsContextMut<Data: Send>,
    ) -> wasmtime::Result<Limits> {
        Ok(self.limits.call_async(store, ()).await?.0.into())
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
        mut store: impl AsContextMut,
        entries: &[Preload],
    ) -> wasmtime::Result<Result<(), PreloadError>> {
        // One at a time, because the map guarantees room only for one key and one value.
        for (index, entry) in entries.iter().enumerate() {
            let (answer,) = self.preload.call(&mut store, (&[preloaded(entry)],))?;
            if let Err((_, refusal)) = answer {
                let limits = self.limits(&mut store)?;
                let source = rejected(refusal, entry, &limits);
                return Ok(Err(PreloadError::Refused { index, source }));
            }
        }
        Ok(Ok(()))
    }

    /// Stores entries in order, in a store whose calls are async.
    ///
    /// # Errors
    ///
    /// The errors are those of [`preload`](Self::preload).
    pub async fn preload_async(
        &self,
        mut store: impl AsContextMut<Data: Send>,
        entries: &[Preload],
    ) -> wasmtime::Result<Result<(), PreloadError>> {
        for (index, entry) in entries.iter().enumerate() {
            let one = [preloaded(entry)];
            let (answer,) = self.preload.call_async(&mut store, (&one,)).await?;
            if let Err((_, refusal)) = answer {
                let limits = self.limits_async(&mut store).await?;
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
    pub fn stats(&self, store: impl AsContextMut) -> wasmtime::Result<Stats> {
        Ok(self.stats.call(store, ())?.0.into())
    }

    /// Returns the statistics of the map, in a store whose calls are async. Visits every expired
    /// entry. See [`Control`](Control#which-form) for an example.
    ///
    /// # Errors
    ///
    /// Returns an error if the instance cannot be called.
    pub async fn stats_async(
        &self,
        store: impl AsContextMut<Data: Send>,
    ) -> wasmtime::Result<Stats> {
        Ok(self.stats.call_async(store, ()).await?.0.into())
    }

    /// Reclaims the memory of at most `max` expired entries and returns their number. If it is
    /// less than `max`, no more expired entries are left. See [`Control`] for an example.
    ///
    /// # Errors
    ///
    /// Returns an error if the instance cannot be called.
    pub fn sweep(&self, store: impl AsContextMut, max: u32) -> wasmtime::Result<u32> {
        Ok(self.sweep.call(store, (max,))?.0)
    }

    /// Reclaims the memory of at most `max` expired entries and returns their number, in a store
    /// whose calls are async. If it is less than `max`, no more expired entries are left.
    ///
    /// # Errors
    ///
    /// Returns an error if the instance cannot be called.
    pub async fn sweep_async(
        &self,
        store: impl AsContextMut<Data: Send>,
        max: u32,
    ) -> wasmtime::Result<u32> {
        Ok(self.sweep.call_async(store, (max,)).await?.0)
    }

    /// Removes all entries. Limits, statistics, the version counter and pinned values stay.
    /// See [`Control`] for an example.
    ///
    /// # Errors
    ///
    /// Returns an error if the instance cannot be called.
    pub fn clear(&self, store: impl AsContextMut) -> wasmtime::Result<()> {
        self.clear.call(store, ())
    }

    /// Removes all entries, in a store whose calls are async. Limits, statistics, the version
    /// counter and pinned values stay.
    ///
    /// # Errors
    ///
    /// Returns an error if the instance cannot be called.
    pub async fn clear_async(&self, store: impl AsContextMut<Data: Send>) -> wasmtime::Result<()> {
        self.clear.call_async(store, ()).await
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

fn preloaded(entry: &Preload) -> control::Preloaded<'_> {
    control::Preloaded {
        key: &entry.key,
        value: &entry.value,
        ttl: entry.ttl.into(),
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
