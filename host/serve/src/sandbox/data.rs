//! The data of a guest's store.

use crate::caller::Caller;
use crate::outgoing::{OnBehalf, Outgoing, OutgoingHooks};
use localmap::wasmtime::component::ResourceTable;
use localmap::{Denied, LinkedMap, MemoryLimiter};
use localmap_mirror::Mirrors;
use std::fmt;
use std::sync::Arc;
use wasmtime_wasi::p2::OutputStream;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// The data of a guest's store: WASI, its limits, its linked map if it has one, and `T`, the
/// embedder's own data. See [`SandboxConfig::store`](crate::SandboxConfig::store) for how to create
/// one.
pub struct Sandbox<T> {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: OutgoingHooks,
    values: Arc<Vec<(String, String)>>,
    mirrors: Mirrors,
    /// The stream to which the guest's messages go, opened for the first of them.
    log: Option<Box<dyn OutputStream>>,
    table: ResourceTable,
    memory: MemoryLimiter,
    map: Option<LinkedMap>,
    /// The embedder's own data.
    pub data: T,
}

impl<T> Sandbox<T> {
    /// Creates the data of a store. Its limits and permissions are those of the
    /// [`SandboxConfig`](crate::SandboxConfig) that [creates](crate::SandboxConfig::store) the
    /// store.
    pub fn new(wasi: WasiCtx, map: Option<LinkedMap>, data: T) -> Self {
        Self {
            wasi,
            http: WasiHttpCtx::new(),
            hooks: OutgoingHooks::default(),
            values: Arc::default(),
            mirrors: Mirrors::new(),
            log: None,
            table: ResourceTable::new(),
            memory: MemoryLimiter::new(0),
            map,
            data,
        }
    }

    /// Returns the guest's linked map, if it has one.
    pub fn map(&mut self) -> Option<&mut LinkedMap> {
        self.map.as_mut()
    }

    /// Returns the guest's linked map, for use with [`localmap::add_to_linker`].
    ///
    /// # Panics
    ///
    /// Panics if the guest has no linked map. Link the map only if every store has one.
    pub fn linked_map(&mut self) -> &mut LinkedMap {
        self.map
            .as_mut()
            .expect("a map is linked only if the store has one")
    }

    /// Returns the [mirrors](crate::SandboxConfig::mirrors) that the guest reads, for use with
    /// [`localmap_mirror::add_to_linker`].
    ///
    /// ```
    /// use localmap::wasmtime::component::Linker;
    /// use localmap_serve::{Sandbox, SandboxConfig};
    ///
    /// let mut linker = Linker::<Sandbox<()>>::new(&SandboxConfig::new().engine()?);
    /// localmap_mirror::add_to_linker(&mut linker, Sandbox::mirrors)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn mirrors(&self) -> &Mirrors {
        &self.mirrors
    }

    /// Returns what memory the guest was denied last, if it was.
    pub fn denied(&self) -> Option<Denied> {
        self.memory.denied()
    }

    /// Returns the table of the guest's handles.
    pub fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    /// Returns the table of the guest's handles and the embedder's own data.
    pub fn parts(&mut self) -> (&mut ResourceTable, &mut T) {
        (&mut self.table, &mut self.data)
    }

    /// Sets the limits of the store.
    pub(super) fn limit(&mut self, memory: MemoryLimiter, handles: Option<usize>) {
        self.memory = memory;
        if let Some(handles) = handles {
            self.table.set_max_capacity(handles);
        }
    }

    /// Sets the values of `wasi:config/store`, the mirrors, and the requests that the guest may send.
    pub(super) fn grant(
        &mut self,
        values: Arc<Vec<(String, String)>>,
        mirrors: &Mirrors,
        outgoing: &Arc<Outgoing>,
    ) {
        self.values = values;
        self.mirrors = mirrors.clone();
        self.hooks = OutgoingHooks::new(Arc::clone(outgoing));
    }

    /// Sets the request on whose behalf the guest runs from now on: that of its operations, and of the
    /// requests that it sends.
    ///
    /// ```
    /// use localmap_serve::{Caller, Sandbox, SandboxConfig};
    ///
    /// let mut guest = Sandbox::new(SandboxConfig::new().wasi()?.build(), None, ());
    /// guest.set_caller(Caller::default());
    /// # Ok::<(), localmap_serve::SandboxError>(())
    /// ```
    pub fn set_caller(&mut self, caller: Caller) {
        self.run_for(OnBehalf {
            caller,
            reporter: None,
        });
    }

    /// Sets the request on whose behalf the guest runs from now on.
    pub(crate) fn run_for(&mut self, of: OnBehalf) {
        let map = self.map.take();
        self.map = map.map(|map| map.with_caller(of.caller.number()));
        self.hooks.send_for(of);
    }

    pub(super) fn limiter(&mut self) -> &mut MemoryLimiter {
        &mut self.memory
    }

    /// Returns the values of `wasi:config/store`.
    pub(super) fn values(&self) -> &[(String, String)] {
        &self.values
    }

    /// Returns the stream to which the guest's messages go, if it is open.
    pub(super) fn log(&mut self) -> &mut Option<Box<dyn OutputStream>> {
        &mut self.log
    }
}

impl<T: Send> WasiView for Sandbox<T> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl<T: Send> WasiHttpView for Sandbox<T> {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}

impl<T> fmt::Debug for Sandbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("memory", &self.memory)
            .field("map", &self.map)
            .finish_non_exhaustive()
    }
}
