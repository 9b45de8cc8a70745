//! The guests, and the Wasmtime that runs them: set up as the library's `Host` is.

use anyhow::{Context as _, Result};
use localmap::wasmtime::component::{Component, Linker, ResourceTable};
use localmap::wasmtime::{Config, Engine, Store};
use localmap::{Buckets, Host, Limits, LinkedMap, MapOptions, PlugOptions, Policy};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_keyvalue::{WasiKeyValue, WasiKeyValueCtx};

/// The guest with the engine and with maps written by hand.
pub(crate) const ENGINE: &str = "bench_engine.wasm";
/// The guest with what crosses a boundary, and the map in the guest.
const BOUNDARY: &str = "bench_boundary.wasm";
/// The guest of wasi:keyvalue.
const KEYVALUE: &str = "bench_keyvalue.wasm";

/// What a store of a guest holds.
pub(crate) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    keyvalue: WasiKeyValueCtx,
    /// Of a guest that is bridged alone.
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
    /// The maps beside the stores of a guest that is bridged.
    maps: Option<(Host, MapOptions)>,
}

/// The limits of all maps that a guest reaches across a boundary: what is beyond `capacity`
/// is evicted.
pub(crate) fn limits(capacity: u32) -> Limits {
    Limits::default()
        .max_entries(capacity.into())
        .max_bytes(48 << 20)
        .policy(Policy::S3Fifo)
}

impl Guest {
    /// The settings of the library's `Host`.
    pub(crate) fn config() -> Config {
        let mut config = Config::new();
        config.concurrency_support(false);
        config
    }

    /// Compiles the guest of this file name.
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

    /// The guest with its map beside it, in one component.
    pub(crate) fn plugged(capacity: u32) -> Result<Self> {
        let plugged = localmap::plug(&read(BOUNDARY)?, &limits(capacity))?;
        Self::compile(&Self::config(), BOUNDARY, &plugged)
    }

    /// The same guest, whose calls the host hands on to a map in a store of its own.
    pub(crate) fn bridged(capacity: u32) -> Result<Self> {
        let mut guest = Self::load(&Self::config(), BOUNDARY)?;
        localmap::add_to_linker(&mut guest.linker, |state: &mut State| {
            state.map.as_mut().expect("`store` gives it one")
        })?;
        guest.maps = Some((Host::new()?, MapOptions::new().limits(limits(capacity))));
        Ok(guest)
    }

    /// The guest of wasi:keyvalue, with the map that Wasmtime's host of it has.
    pub(crate) fn keyvalue() -> Result<Self> {
        let mut guest = Self::load(&Self::config(), KEYVALUE)?;
        wasmtime_wasi_keyvalue::add_to_linker(&mut guest.linker, |state: &mut State| {
            WasiKeyValue::new(&state.keyvalue, &mut state.table)
        })?;
        Ok(guest)
    }

    /// The same guest, plugged: its buckets are in a map of ours. With `ttl` its entries
    /// live for an hour, which the host says, since the guest cannot.
    pub(crate) fn keyvalue_plugged(capacity: u32, ttl: bool) -> Result<Self> {
        let mut buckets = Buckets::new();
        if ttl {
            buckets = buckets.ttl("", Duration::from_nanos(bench_loops::TTL));
        }
        let options = PlugOptions::new().limits(limits(capacity)).buckets(buckets);
        let plugged = localmap::plug_with(&read(KEYVALUE)?, &options)?;
        Self::compile(&Self::config(), KEYVALUE, &plugged)
    }

    /// A store that writes errors to ours, with all the fuel that there is where it
    /// is counted.
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
        // Fails where fuel is not counted.
        let _ = store.set_fuel(u64::MAX);
        Ok(store)
    }
}

/// Starts the threads that compile. They stay on the core that their starter is kept on.
pub(crate) fn start_compilers() -> Result<()> {
    Component::new(&Engine::default(), wat::parse_str(crate::life::SMALLEST)?)?;
    Ok(())
}

/// The bytes of a guest that build.rs has built.
fn read(name: &str) -> Result<Vec<u8>> {
    let file: PathBuf = Path::new(env!("LOCALMAP_BENCH_GUESTS")).join(name);
    fs::read(&file).with_context(|| format!("no guest {}", file.display()))
}
