//! The guests, and the Wasmtime that runs them: set up as the library's `Host` is.

use anyhow::Result;
use localmap::wasmtime::component::{Component, Linker, ResourceTable};
use localmap::wasmtime::error::Context as _;
use localmap::wasmtime::{Config, Engine, Store};
use std::path::Path;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// What a store of a guest holds.
pub(crate) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
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
        let file = Path::new(env!("LOCALMAP_BENCH_GUESTS")).join(name);
        let engine = Engine::new(config)?;
        let component = Component::from_file(&engine, &file)
            .with_context(|| format!("cannot compile {}", file.display()))?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        Ok(Self {
            engine,
            component,
            linker,
        })
    }

    /// A store that writes errors to ours, with all the fuel that there is where it
    /// is counted.
    pub(crate) fn store(&self) -> Store<State> {
        let state = State {
            wasi: WasiCtx::builder().inherit_stderr().build(),
            table: ResourceTable::new(),
        };
        let mut store = Store::new(&self.engine, state);
        // Fails where fuel is not counted.
        let _ = store.set_fuel(u64::MAX);
        store
    }
}
