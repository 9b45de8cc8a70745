//! The guest `wasip3-relay` in a store of its own.

use localmap::wasmtime::component::{Accessor, Component, Linker, ResourceTable};
use localmap::wasmtime::{self, Config, Engine, Store};
use localmap::{Host, LinkedMap, LocalMap, MapOptions};
use std::sync::{Arc, Mutex};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::link::apps::block_on;

mod world {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]

    ::localmap::wasmtime::component::bindgen!({
        path: ["../wit", "guests/wasip3-relay/tasks.wit"],
        world: "localmap:tasks/relay",
        // The generated code has a module `localmap` too.
        wasmtime_crate: ::localmap::wasmtime,
    });
}

pub(crate) use world::exports::localmap::tasks::tasks::Guest;
pub(crate) use world::localmap::core::local_map as wit;

/// The data of a store.
pub(crate) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    map: LinkedMap,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// The compiled guest, in an engine with concurrency.
pub(crate) struct Compiled {
    component: Component,
    linker: Linker<State>,
    host: Host,
}

impl Compiled {
    pub(crate) fn new() -> Self {
        let mut config = Config::new();
        config.epoch_interruption(true);
        localmap::set_concurrent_features(&mut config);
        let engine = Engine::new(&config).expect("an engine");
        let component = Component::from_file(&engine, localmap_tests::guest("wasip3_relay"))
            .expect("it compiles");
        let mut linker = Linker::new(&engine);
        // Rust's standard library is built on WASI 0.2.
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("free names");
        localmap::add_to_linker(&mut linker, |state: &mut State| &mut state.map)
            .expect("free names");
        Self {
            component,
            linker,
            host: Host::new().expect("a host"),
        }
    }

    pub(crate) fn map(&self, options: &MapOptions) -> LocalMap {
        self.host.map(options).expect("a map")
    }

    pub(crate) fn relay_with(&self, options: &MapOptions) -> Relay {
        self.relay(LinkedMap::new(self.map(options)))
    }

    pub(crate) fn relay(&self, map: LinkedMap) -> Relay {
        let state = State {
            wasi: WasiCtx::builder().build(),
            table: ResourceTable::new(),
            map,
        };
        let mut store = Store::new(self.linker.engine(), state);
        store.set_epoch_deadline(1 << 60);
        let instance = self.linker.instantiate_async(&mut store, &self.component);
        let instance = block_on(instance).expect("an instance");
        let exports = world::Relay::new(&mut store, &instance).expect("its exports");
        Relay { store, exports }
    }
}

/// An instance, which many tasks may enter at a time.
pub(crate) struct Relay {
    pub(crate) store: Store<State>,
    exports: world::Relay,
}

impl Relay {
    /// Runs the tasks that `calls` starts until it returns.
    pub(crate) fn call<R>(
        &mut self,
        calls: impl AsyncFnOnce(&Accessor<State>, &Guest) -> wasmtime::Result<R>,
    ) -> wasmtime::Result<R> {
        let (store, guest) = self.parts();
        block_on(store.run_concurrent(async |store| calls(store, guest).await))?
    }

    pub(crate) fn parts(&mut self) -> (&mut Store<State>, &Guest) {
        (&mut self.store, self.exports.localmap_tasks_tasks())
    }

    pub(crate) fn shared(&self) -> Arc<Mutex<LocalMap>> {
        self.store.data().map.shared()
    }

    /// Calls the linked map.
    pub(crate) fn with_map<R>(&mut self, call: impl FnOnce(&mut LocalMap) -> R) -> R {
        call(&mut self.store.data_mut().map.map())
    }

    /// Returns a counter in the linked map, or 0.
    pub(crate) fn counter(&mut self, key: &[u8]) -> i64 {
        let value = self.with_map(|map| map.get(key).expect("alive"));
        let bytes = value.unwrap_or_else(|| vec![0; 8]);
        i64::from_le_bytes(bytes.try_into().expect("eight bytes"))
    }
}
