//! The sandbox of a guest: its limits, its permissions, and its store.

mod config_store;
mod data;
mod debug_string;
mod engine;
mod imports;
mod logging;

use crate::error::SandboxError;
use crate::outgoing::{AllowedHost, HttpFailure, Outgoing};
use engine::{Needs, Settings};
use localmap::wasmtime::component::Component;
use localmap::wasmtime::{Engine, Store};
use localmap::{CancelHandle, Inspection, MemoryLimiter};
use localmap_mirror::Mirrors;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use wasmtime_wasi::cli::StdoutStream;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

pub use data::Sandbox;

/// The number of epochs until a store without a timeout is interrupted. On an engine that counts
/// epochs, a guest without a deadline would trap at once. Half of the maximum, so that no sum
/// overflows.
const NEVER: u64 = u64::MAX / 2;

/// The limits and permissions of a guest.
///
/// By default, a guest can use only clocks and random numbers: it has no environment variables,
/// folders, output or sockets, and can send no HTTP requests.
///
/// ```
/// use localmap_serve::SandboxConfig;
/// use std::time::Duration;
///
/// let sandbox = SandboxConfig::new()
///     .max_memory(64 << 20)
///     .timeout(Some(Duration::from_secs(5)))
///     .env("LIMIT", "10");
/// ```
#[derive(Clone)]
pub struct SandboxConfig {
    max_memory: usize,
    max_handles: Option<usize>,
    timeout: Option<Duration>,
    #[cfg(feature = "cache")]
    cache: bool,
    envs: Vec<(String, String)>,
    dirs: Vec<(PathBuf, String)>,
    values: Arc<Vec<(String, String)>>,
    mirrors: Mirrors,
    outgoing: Arc<Outgoing>,
    stdout: Option<Arc<dyn StdoutStream + Sync>>,
    stderr: Option<Arc<dyn StdoutStream + Sync>>,
}

impl SandboxConfig {
    /// The default of [`max_memory`](Self::max_memory): 268,435,456 bytes (256 MiB).
    pub const DEFAULT_MAX_MEMORY: usize = 256 << 20;

    /// Creates the default configuration.
    pub fn new() -> Self {
        Self {
            max_memory: Self::DEFAULT_MAX_MEMORY,
            max_handles: None,
            timeout: None,
            #[cfg(feature = "cache")]
            cache: false,
            envs: Vec::new(),
            dirs: Vec::new(),
            values: Arc::default(),
            mirrors: Mirrors::new(),
            outgoing: Arc::default(),
            stdout: None,
            stderr: None,
        }
    }

    /// Sets the maximum total size of the linear memories and tables of an instance, in bytes.
    /// Default 268,435,456 (256 MiB).
    #[must_use]
    pub fn max_memory(mut self, bytes: usize) -> Self {
        self.max_memory = bytes;
        self
    }

    /// Sets the maximum number of host handles that a guest may hold: requests, headers, bodies,
    /// streams, files; and of its streams, futures and tasks of WASI 0.3. Exceeding it traps. Default: Wasmtime's own limit, or 10,000 for the guests
    /// of a [`Handler`](crate::Handler).
    #[must_use]
    pub fn max_handles(mut self, handles: usize) -> Self {
        self.max_handles = Some(handles);
        self
    }

    /// Sets how long a guest may run. Default: `None`, which means no limit for a store that you
    /// create, and 30 s for a request of a [`Handler`](crate::Handler).
    #[must_use]
    pub fn timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets an environment variable. If a name is set twice, the last value wins.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.envs.retain(|(before, _)| *before != name);
        self.envs.push((name, value.into()));
        self
    }

    /// Grants read and write access to a folder of the host, under the name `guest`. The folder is
    /// opened for each guest.
    #[must_use]
    pub fn dir(mut self, host: impl AsRef<Path>, guest: impl Into<String>) -> Self {
        self.dirs.push((host.as_ref().to_owned(), guest.into()));
        self
    }

    /// Sets a value of `wasi:config/store`. If a name is set twice, the last value wins.
    #[must_use]
    pub fn config(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        let values = Arc::make_mut(&mut self.values);
        values.retain(|(before, _)| *before != name);
        values.push((name, value.into()));
        self
    }

    /// Sets the mirrors that guests read through `localmap:core/mirror`. Default: none.
    ///
    /// A [`Handler`](crate::Handler) links the interface. In your own linker, use
    /// [`localmap_mirror::add_to_linker`] with [`Sandbox::mirrors`].
    ///
    /// ```
    /// use localmap::Host;
    /// use localmap_mirror::{Feed, MirrorOptions, Mirrors};
    /// use localmap_serve::SandboxConfig;
    ///
    /// let feed = Feed::new(&Host::new()?, MirrorOptions::new())?;
    /// let sandbox = SandboxConfig::new().mirrors(Mirrors::new().mirror("flags", feed.reader()));
    /// # Ok::<(), localmap_mirror::OpenError>(())
    /// ```
    #[must_use]
    pub fn mirrors(mut self, mirrors: Mirrors) -> Self {
        self.mirrors = mirrors;
        self
    }

    /// Returns `true` if guests can read a mirror.
    pub(crate) fn has_mirrors(&self) -> bool {
        !self.mirrors.is_empty()
    }

    /// Allows guests to send HTTP requests to these hosts. Default: none. See [`AllowedHost`] for
    /// the addresses that a host may lead to.
    ///
    /// Requests are sent with HTTP/1.1 over TCP, or over TLS with the root certificates of the
    /// operating system. A guest can have 16 of them at a time; the next one fails with
    /// `connection-limit-reached`. Unless the guest sets other timeouts, connecting takes at most
    /// 30 s, and the response begins, and continues, within 10 minutes. A redirect is a response
    /// as any other, so following it is a request of its own.
    ///
    /// ```
    /// use localmap_serve::SandboxConfig;
    ///
    /// let sandbox = SandboxConfig::new()
    ///     .allow_http("example.com".parse()?)
    ///     .allow_http("127.0.0.1:9200".parse()?);
    /// # Ok::<(), localmap_serve::ParseAllowedHostError>(())
    /// ```
    #[must_use]
    pub fn allow_http(mut self, host: AllowedHost) -> Self {
        Arc::make_mut(&mut self.outgoing).allow(host);
        self
    }

    /// Sets the function that is called when a request of a guest fails for a reason that the
    /// guest does not see, such as a host that is not allowed. Each guest is reported at most 10
    /// times. The function must not block. Default: none; a [`Handler`](crate::Handler) with a
    /// [log](crate::HandlerOptions::log) reports to its log instead.
    #[must_use]
    pub fn on_http_failure(
        mut self,
        report: impl Fn(&HttpFailure) + Send + Sync + 'static,
    ) -> Self {
        Arc::make_mut(&mut self.outgoing).report_to(Arc::new(report));
        self
    }

    /// Sets the destination of the guests' standard output. Default: none.
    #[must_use]
    pub fn stdout(mut self, stream: impl StdoutStream + Sync + 'static) -> Self {
        self.stdout = Some(Arc::new(stream));
        self
    }

    /// Sets the destination of the guests' standard error, and of the messages that they send to
    /// `wasi:logging`. Default: none.
    #[must_use]
    pub fn stderr(mut self, stream: impl StdoutStream + Sync + 'static) -> Self {
        self.stderr = Some(Arc::new(stream));
        self
    }

    /// Compiles a component for stores that exist one at a time, whose memory comes from the
    /// operating system. A guest that computes can be interrupted only if a
    /// [`timeout`](Self::timeout) is set now: one that is set later, for the [store](Self::store)
    /// alone, has no effect. See [`store`](Self::store) for an example.
    ///
    /// The engine supports concurrency if the component
    /// [needs it](localmap::needs_concurrency), as those of WASI 0.3 do; other components run
    /// faster without.
    ///
    /// # Errors
    ///
    /// Returns [`SandboxError::Compile`] if Wasmtime cannot compile the component for this
    /// machine.
    pub fn compile(&self, component: &[u8]) -> Result<Component, SandboxError> {
        let settings = self.settings(self.timeout.is_some());
        engine::compile(settings, component, Needs::of(component))
    }

    /// Compiles a component for up to `instances` async stores at a time. Their memory comes from
    /// a pool if its address space can be reserved and the component fits, and otherwise from the
    /// operating system. A guest that computes can always be interrupted. The usage is the same as
    /// for [`compile`](Self::compile).
    ///
    /// # Errors
    ///
    /// Returns [`SandboxError::Compile`] if Wasmtime cannot compile the component for this
    /// machine.
    pub fn compile_pooled(
        &self,
        component: &[u8],
        instances: u32,
    ) -> Result<Component, SandboxError> {
        engine::compile_pooled(
            self.settings(true),
            component,
            Needs::of(component),
            instances,
        )
    }

    /// As [`compile_pooled`](Self::compile_pooled), for a component that has been read.
    pub(crate) fn compile_inspected(
        &self,
        component: &[u8],
        found: &Inspection,
        instances: u32,
    ) -> Result<Component, SandboxError> {
        let needs = Needs::found(found);
        engine::compile_pooled(self.settings(true), component, needs, instances)
    }

    /// Creates an engine that accepts the same components as [`compile`](Self::compile), to which
    /// a linker for [`missing_imports`](localmap::missing_imports) can belong. It supports
    /// concurrency, neither has a pool nor keeps code on disk.
    ///
    /// ```
    /// use localmap::wasmtime::component::Linker;
    /// use localmap_serve::SandboxConfig;
    ///
    /// let linker = Linker::<()>::new(&SandboxConfig::new().engine()?);
    /// // A map imports a clock and a seed.
    /// assert_eq!(localmap::missing_imports(localmap::MAP_COMPONENT, &linker)?.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`SandboxError::Compile`] if Wasmtime cannot run on this machine.
    pub fn engine(&self) -> Result<Engine, SandboxError> {
        engine::engine(self.settings(true))
    }

    /// Creates a builder for the WASI context of a guest, with its variables, folders and output,
    /// to which the caller can add. See [`store`](Self::store) for an example.
    ///
    /// # Errors
    ///
    /// Returns [`SandboxError::Dir`] if a folder cannot be opened.
    pub fn wasi(&self) -> Result<WasiCtxBuilder, SandboxError> {
        let mut wasi = WasiCtx::builder();
        wasi.envs(&self.envs);
        if let Some(stdout) = &self.stdout {
            wasi.stdout(Arc::clone(stdout));
        }
        if let Some(stderr) = &self.stderr {
            wasi.stderr(Arc::clone(stderr));
        }
        for (host, guest) in &self.dirs {
            wasi.preopened_dir(host, guest, FsPerms::ReadWrite)
                .map_err(|error| SandboxError::Dir {
                    host: host.clone(),
                    source: std::io::Error::other(format!("{error:#}")),
                })?;
        }
        Ok(wasi)
    }

    /// Creates the store of a guest whose calls are sync, with its limits. The
    /// [`timeout`](Self::timeout) starts now. When it expires, a guest that computes ends with
    /// [`TimedOut`](localmap::TimedOut), but one that waits in the host is not interrupted.
    ///
    /// If this configuration has a timeout, the engine must be that of a component that was
    /// [compiled](Self::compile) with a timeout. A store without a timeout works with any engine.
    ///
    /// ```no_run
    /// use localmap::TimedOut;
    /// use localmap::wasmtime::component::Linker;
    /// use localmap_serve::{Sandbox, SandboxConfig};
    /// use std::time::Duration;
    ///
    /// let config = SandboxConfig::new().timeout(Some(Duration::from_millis(50)));
    /// // A component that exports a function `spin` and imports nothing.
    /// let component = config.compile(&std::fs::read("spin.wasm")?)?;
    /// let engine = component.engine();
    /// let guest = Sandbox::new(config.wasi()?.build(), None, ());
    /// let mut store = config.store(engine, guest);
    /// let instance = Linker::new(engine).instantiate(&mut store, &component)?;
    /// let spin = instance.get_typed_func::<(), ()>(&mut store, "spin")?;
    /// assert!(spin.call(&mut store, ()).unwrap_err().is::<TimedOut>());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn store<T: 'static>(&self, engine: &Engine, guest: Sandbox<T>) -> Store<Sandbox<T>> {
        let mut store = self.bounded(engine, guest);
        match self.timeout {
            Some(_) => CancelHandle::new().guard(&mut store, self.timeout),
            None => store.set_epoch_deadline(NEVER),
        }
        store
    }

    /// Creates the store of a guest whose calls are async, with its limits, on an engine from
    /// [`compile_pooled`](Self::compile_pooled). A guest that computes yields its thread every 10
    /// ms. To enforce a timeout, the caller drops the future of the call. The usage is the same as
    /// for [`store`](Self::store).
    pub fn store_async<T: 'static>(&self, engine: &Engine, guest: Sandbox<T>) -> Store<Sandbox<T>> {
        let mut store = self.bounded(engine, guest);
        // The epochs of the engine advance since it was created.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        store
    }

    fn bounded<T: 'static>(&self, engine: &Engine, mut guest: Sandbox<T>) -> Store<Sandbox<T>> {
        guest.limit(MemoryLimiter::new(self.max_memory), self.max_handles);
        guest.grant(Arc::clone(&self.values), &self.mirrors, &self.outgoing);
        let mut store = Store::new(engine, guest);
        store.limiter(|guest| guest.limiter());
        // Streams, futures and tasks of WASI 0.3.
        if let (Some(handles), Some(table)) = (self.max_handles, store.concurrent_resource_table())
        {
            table.set_max_capacity(handles);
        }
        store
    }

    fn settings(&self, epochs: bool) -> Settings {
        Settings {
            max_memory: self.max_memory,
            epochs,
            #[cfg(feature = "cache")]
            cache: self.cache,
        }
    }

    /// Returns the [timeout](Self::timeout), if one was set.
    ///
    /// ```
    /// use localmap_serve::SandboxConfig;
    ///
    /// assert_eq!(SandboxConfig::new().time_limit(), None);
    /// ```
    pub fn time_limit(&self) -> Option<Duration> {
        self.timeout
    }

    /// Returns the maximum number of [handles](Self::max_handles), if one was set.
    ///
    /// ```
    /// use localmap_serve::SandboxConfig;
    ///
    /// assert_eq!(SandboxConfig::new().max_handles(10).handle_limit(), Some(10));
    /// ```
    pub fn handle_limit(&self) -> Option<usize> {
        self.max_handles
    }
}

#[cfg(feature = "cache")]
impl SandboxConfig {
    /// Sets whether compiled code is kept on disk, in Wasmtime's own cache: see
    /// [`HostOptions::cache`](localmap::HostOptions::cache). Default `false`.
    #[must_use]
    pub fn cache(mut self, keep: bool) -> Self {
        self.cache = keep;
        self
    }

    pub(crate) fn keeps_code(&self) -> bool {
        self.cache
    }
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SandboxConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values of variables may be secrets.
        let envs: Vec<&String> = self.envs.iter().map(|(name, _)| name).collect();
        let values: Vec<&String> = self.values.iter().map(|(name, _)| name).collect();
        let mirrors: Vec<&str> = self.mirrors.iter().map(|(name, _)| name).collect();
        f.debug_struct("SandboxConfig")
            .field("max_memory", &self.max_memory)
            .field("max_handles", &self.max_handles)
            .field("timeout", &self.timeout)
            .field("envs", &envs)
            .field("dirs", &self.dirs)
            .field("values", &values)
            .field("mirrors", &mirrors)
            .field("outgoing", &self.outgoing)
            .finish_non_exhaustive()
    }
}
