//! The guests of a sidecar: components that peers call, each time with the map of a tenant.

mod component;
mod error;
mod failure;
mod options;

pub use error::GuestError;
pub(crate) use failure::CallFailure;
pub use options::GuestsOptions;

use crate::limiter::ReportLimiter;
use crate::name;
use component::GuestComponent;
use localmap::wasmtime::Store;
use localmap::{Host, LinkedMap, MapOptions};
use localmap_serve::{Caller, InstanceError, Sandbox, SandboxError};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// The maximum number of bytes that a guest may pass to the host in one call of it, and return.
///
/// Wasmtime's own limit is 128 MiB, all of which would be copied before a response is found to be too
/// long.
const PASSED: usize = 16 << 20;

/// Components that export `localmap:core/handler`, compiled and linked, with their names.
///
/// Each call of a guest has an instance of its own, in the sandbox that [`localmap_serve`] gives to the
/// guests of an HTTP server.
///
/// ```no_run
/// use localmap_sidecar::{Guests, GuestsOptions, SidecarOptions};
///
/// let mut guests = Guests::new(GuestsOptions::new().max_calls(16));
/// guests.add("quota", &std::fs::read("quota.wasm")?)?;
/// let options = SidecarOptions::new().guests(guests);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Guests {
    components: BTreeMap<String, Arc<GuestComponent>>,
    options: Arc<GuestsOptions>,
    room: Arc<Semaphore>,
    /// The number of calls so far.
    calls: AtomicU64,
    reports: ReportLimiter,
}

/// A call that may begin.
pub(crate) struct AdmittedCall {
    /// The number of the call, counted from 1.
    pub(crate) id: u64,
    component: Arc<GuestComponent>,
    options: Arc<GuestsOptions>,
    /// Released when the call has ended.
    _permit: OwnedSemaphorePermit,
}

impl Guests {
    /// Creates a set without guests.
    pub fn new(options: GuestsOptions) -> Self {
        Self {
            components: BTreeMap::new(),
            room: Arc::new(Semaphore::new(options.max_calls as usize)),
            options: Arc::new(options),
            calls: AtomicU64::new(0),
            reports: ReportLimiter::new(10, Duration::from_secs(10)),
        }
    }

    /// Compiles a component, and adds it under a name of 1 to 63 of the characters `A-Z a-z 0-9 - _ .`,
    /// by which peers call it. See [`Guests`] for an example.
    ///
    /// # Errors
    ///
    /// Returns [`GuestError::Name`] or [`Duplicate`](GuestError::Duplicate) if there can be no guest of
    /// this name, [`Component`](GuestError::Component) if the bytes are not a component,
    /// [`NoHandler`](GuestError::NoHandler) or [`OtherHandler`](GuestError::OtherHandler) if it does not
    /// export `localmap:core/handler@0.1.0`, [`Incompatible`](GuestError::Incompatible) if it imports
    /// another map, [`Keyvalue`](GuestError::Keyvalue) if it imports `wasi:keyvalue`,
    /// [`Imports`](GuestError::Imports) if it imports anything else that it cannot get, and
    /// [`Sandbox`](GuestError::Sandbox) if it cannot be compiled or a folder cannot be opened.
    pub fn add(&mut self, name: &str, component: &[u8]) -> Result<(), GuestError> {
        if !name::is_valid(name) {
            return Err(GuestError::Name);
        }
        if self.components.contains_key(name) {
            return Err(GuestError::Duplicate);
        }
        let component = GuestComponent::new(component, &self.options)?;
        // Each call opens its folders again.
        self.options.sandbox.wasi()?;
        self.components.insert(name.to_owned(), Arc::new(component));
        Ok(())
    }

    /// Creates an instance of each guest with a map of its own, and drops it without calling it. Calls
    /// would fail for the same reason if this does. Must be called within a tokio runtime whose timer is
    /// enabled.
    ///
    /// # Errors
    ///
    /// Returns the name of the first guest that fails, and [`GuestError::Instance`] if it needs more
    /// memory than it may have, or fails before it is called, [`Map`](GuestError::Map) if there is no map
    /// for it, and [`Sandbox`](GuestError::Sandbox) if a folder cannot be opened.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with its timer enabled.
    pub async fn try_instances(&self, host: &Host) -> Result<(), (&str, GuestError)> {
        for (name, component) in &self.components {
            let tried = self.try_instance(component, host).await;
            tried.map_err(|error| (name.as_str(), error))?;
        }
        Ok(())
    }

    async fn try_instance(
        &self,
        component: &GuestComponent,
        host: &Host,
    ) -> Result<(), GuestError> {
        let map = LinkedMap::new(host.map(&MapOptions::new())?);
        let mut store = self.options.store(component, map, 0)?;
        let limit = self.options.timeout();
        match timeout(limit, component.instantiate(&mut store)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(source)) => {
                let denied = store.data().denied();
                Err(InstanceError::explain(source, denied).into())
            }
            Err(_) => Err(GuestError::TimedOut { limit }),
        }
    }

    /// Returns the names of the guests, in alphabetical order.
    ///
    /// ```
    /// use localmap_sidecar::{Guests, GuestsOptions};
    ///
    /// assert_eq!(Guests::new(GuestsOptions::new()).names().count(), 0);
    /// ```
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.components.keys().map(String::as_str)
    }

    /// Lets a call of a guest begin, if there is one of this name.
    ///
    /// # Errors
    ///
    /// Returns the limit on running calls if it is reached.
    pub(crate) fn admit(&self, name: &str) -> Result<Option<AdmittedCall>, u32> {
        let Some(component) = self.components.get(name) else {
            return Ok(None);
        };
        let permit = Arc::clone(&self.room).try_acquire_owned();
        Ok(Some(AdmittedCall {
            _permit: permit.map_err(|_| self.options.max_calls)?,
            id: self.calls.fetch_add(1, Ordering::Relaxed) + 1,
            component: Arc::clone(component),
            options: Arc::clone(&self.options),
        }))
    }

    /// Returns the number of failures that have not been reported before if one is to be reported now.
    pub(crate) fn admit_report(&self) -> Option<u64> {
        self.reports.admit(Instant::now())
    }

    /// Returns the runtime that runs the guests.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime if the options have none.
    pub(crate) fn runtime(&self) -> Handle {
        self.options.runtime.clone().unwrap_or_else(Handle::current)
    }
}

impl AdmittedCall {
    /// Calls the guest on behalf of `caller`. Its response or error may have `max_len` bytes. The inner error is the one that
    /// it has returned. Dropping the future ends the guest.
    pub(crate) async fn run(
        self,
        map: LinkedMap,
        caller: Caller,
        request: &[u8],
        max_len: usize,
    ) -> Result<Result<Vec<u8>, String>, CallFailure> {
        let store = self.options.store(&self.component, map, self.id);
        let mut store = store.map_err(|error| CallFailure::no_store(&error))?;
        store.data_mut().set_caller(caller);
        let limit = self.options.timeout();
        match timeout(limit, self.component.call(&mut store, request)).await {
            Ok(Ok(answer)) => CallFailure::check_len(answer, max_len),
            Ok(Err(error)) => Err(CallFailure::of(error, self.options.backtraces)),
            Err(_) => Err(CallFailure::TimedOut { limit }),
        }
    }
}

impl GuestsOptions {
    /// Creates the store of an instance. `id` is the number of the call.
    fn store(
        &self,
        component: &GuestComponent,
        map: LinkedMap,
        id: u64,
    ) -> Result<Store<Sandbox<()>>, SandboxError> {
        let mut wasi = self.sandbox.wasi()?;
        if let Some(output) = &self.output {
            wasi.stdout(output.stdout(id)).stderr(output.stderr(id));
        }
        let guest = Sandbox::new(wasi.build(), Some(map), ());
        let mut store = self.sandbox.store_async(component.engine(), guest);
        store.set_hostcall_fuel(PASSED);
        Ok(store)
    }

    fn timeout(&self) -> Duration {
        self.sandbox
            .time_limit()
            .unwrap_or(GuestsOptions::DEFAULT_TIMEOUT)
    }
}

impl fmt::Debug for Guests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guests")
            .field("names", &self.components.keys())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
