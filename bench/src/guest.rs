//! The guests, and the Wasmtime that runs them, configured like the library's `Host`.

use anyhow::{Context as _, Result};
use localmap::wasmtime::component::{Component, Linker, ResourceTable};
use localmap::wasmtime::{Config, Engine, Store};
use localmap::{Buckets, Host, Limits, LinkedMap, MapOptions, Observer, PlugOptions, Policy};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_keyvalue::{WasiKeyValue, WasiKeyValueCtx};

/// The guest with the engine and with hand-written maps.
pub(crate) const ENGINE: &str = "bench_engine.wasm";
/// The guest that reaches maps across a boundary, and has one in its own memory.
const BOUNDARY: &str = "bench_boundary.wasm";
/// The guest that uses wasi:keyvalue.
const KEYVALUE: &str = "bench_keyvalue.wasm";

/// The data of a guest's store.
pub(crate) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    keyvalue: WasiKeyValueCtx,
    /// Only in the stores of a linked guest.
    map: Option<LinkedMap>,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// A compiled guest.
pub(crate) struct Guest {
    pub(crate) engine: Engine,
    pub(crate) component: Component,
    pub(crate) linker: Linker<State>,
    /// Creates the maps of a linked guest.
    maps: Option<(Host, MapOptions)>,
}

/// Returns the limits of all maps that a guest reaches across a boundary. Entries beyond
/// `capacity` are evicted.
pub(crate) fn limits(capacity: u32) -> Limits {
    Limits::default()
        .max_entries(capacity.into())
        .max_bytes(48 << 20)
        .policy(Policy::S3Fifo)
}

impl Guest {
    /// Returns the settings of the library's `Host`.
    pub(crate) fn config() -> Config {
        let mut config = Config::new();
        config.concurrency_support(false);
        config
    }

    /// Compiles the guest with this file name.
    pub(crate) fn load(config: &Config, name: &str) -> Result<Self> {
        Self::compile(config, name, &read(name)?)
    }

    fn compile(config: &Config, name: &str, bytes: &[u8]) -> Result<Self> {
        let engine = Engine::new(config)?;
        let component = Component::new(&engine, bytes).map_err(|error| {
            anyhow::Error::from(error).context(format!("cannot compile {name}"))
        })?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        Ok(Self {
            engine,
            component,
            linker,
            maps: None,
        })
    }

    /// Compiles the guest with its map plugged into it.
    pub(crate) fn plugged(capacity: u32) -> Result<Self> {
        let plugged = localmap::plug(&read(BOUNDARY)?, &limits(capacity))?;
        Self::compile(&Self::config(), BOUNDARY, &plugged)
    }

    /// Compiles the same guest with a linked map, in its own store.
    pub(crate) fn linked(capacity: u32) -> Result<Self> {
        Self::observed(capacity, None)
    }

    /// Compiles it with an observer of its map.
    pub(crate) fn observed(capacity: u32, observer: Option<Arc<dyn Observer>>) -> Result<Self> {
        let mut guest = Self::load(&Self::config(), BOUNDARY)?;
        localmap::add_to_linker(&mut guest.linker, |state: &mut State| {
            state.map.as_mut().expect("`store` gives it one")
        })?;
        let options = MapOptions::new().limits(limits(capacity));
        let options = match observer {
            Some(observer) => options.observer(observer),
            None => options,
        };
        guest.maps = Some((Host::new()?, options));
        Ok(guest)
    }

    /// Compiles the guest of wasi:keyvalue, with Wasmtime's implementation of it in the host.
    pub(crate) fn keyvalue() -> Result<Self> {
        let mut guest = Self::load(&Self::config(), KEYVALUE)?;
        wasmtime_wasi_keyvalue::add_to_linker(&mut guest.linker, |state: &mut State| {
            WasiKeyValue::new(&state.keyvalue, &mut state.table)
        })?;
        Ok(guest)
    }

    /// Compiles the same guest, plugged, so that its buckets are in a localmap map. With `ttl`,
    /// entries live for an hour; the host sets that, since the guest cannot.
    pub(crate) fn keyvalue_plugged(capacity: u32, ttl: bool) -> Result<Self> {
        let mut buckets = Buckets::new();
        if ttl {
            buckets = buckets.ttl("", Duration::from_nanos(bench_loops::TTL));
        }
        let options = PlugOptions::new().limits(limits(capacity)).buckets(buckets);
        let plugged = localmap::plug_with(&read(KEYVALUE)?, &options)?;
        Self::compile(&Self::config(), KEYVALUE, &plugged)
    }

    /// Creates a store whose guest writes errors to our standard error. If fuel is counted, it has
    /// the largest amount.
    pub(crate) fn store(&self) -> Result<Store<State>> {
        let map = match &self.maps {
            Some((host, options)) => Some(LinkedMap::new(host.map(options)?)),
            None => None,
        };
        let state = State {
            wasi: WasiCtx::builder().inherit_stderr().build(),
            table: ResourceTable::new(),
            keyvalue: WasiKeyValueCtx::builder().build(),
            map,
        };
        let mut store = Store::new(&self.engine, state);
        // Fails if fuel is not counted.
        let _ = store.set_fuel(u64::MAX);
        Ok(store)
    }
}

/// Starts the compiler threads. They inherit the cores of the thread that starts them.
pub(crate) fn start_compilers() -> Result<()> {
    Component::new(
        &Engine::default(),
        wat::parse_str(crate::smallest::SMALLEST)?,
    )?;
    Ok(())
}

/// Returns the bytes of a guest that build.rs has built.
pub(crate) fn read(name: &str) -> Result<Vec<u8>> {
    let file = path(name);
    fs::read(&file).with_context(|| format!("cannot read the guest {}", file.display()))
}

/// Returns the file of a guest that build.rs has built.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("LOCALMAP_BENCH_GUESTS")).join(name)
}
