//! The relaying app, in an engine of the embedder.

use localmap::wasmtime::component::{Component, Linker};
use localmap::wasmtime::{self, Config, Engine, Store};
use localmap::{LinkedMap, LocalMap, Observer};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

mod contract {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
    use localmap::wasmtime;

    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package localmap:tests;
            world instance { export localmap:core/local-map@0.1.0; }
        ",
        world: "localmap:tests/instance",
        wasmtime_crate: localmap::wasmtime,
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

mod in_async {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
    use localmap::wasmtime;

    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package localmap:tests;
            world instance { export localmap:core/local-map@0.1.0; }
        ",
        world: "localmap:tests/instance",
        wasmtime_crate: localmap::wasmtime,
        ownership: Borrowing { duplicate_if_necessary: false },
        exports: { default: async },
    });
}

pub(crate) use contract::exports::localmap::core::local_map as wit;
pub(crate) use in_async::exports::localmap::core::local_map as wit_async;

/// The data of a store.
pub(crate) struct Tenant {
    pub(crate) map: LinkedMap,
}

/// The compiled app, and a linker with its imports.
pub(crate) struct Apps {
    engine: Engine,
    component: Component,
}

impl Apps {
    pub(crate) fn new(config: &Config) -> Self {
        Self::in_engine(Engine::new(config).expect("an engine"))
    }

    pub(crate) fn in_engine(engine: Engine) -> Self {
        let component = Component::new(&engine, localmap_tests::relay()).expect("it compiles");
        Self { engine, component }
    }

    pub(crate) fn linker(&self) -> Linker<Tenant> {
        let mut linker = Linker::new(&self.engine);
        localmap::add_to_linker(&mut linker, |tenant: &mut Tenant| &mut tenant.map)
            .expect("the names are free");
        linker
    }

    /// Creates a store for an app.
    pub(crate) fn store(&self, map: LocalMap) -> Store<Tenant> {
        self.store_of(LinkedMap::new(map))
    }

    fn store_of(&self, map: LinkedMap) -> Store<Tenant> {
        let mut store = Store::new(&self.engine, Tenant { map });
        // Set whichever of the two the engine supports.
        let _ = store.set_fuel(u64::MAX);
        store.set_epoch_deadline(1 << 60);
        store
    }

    pub(crate) fn app(&self, map: LocalMap) -> App {
        self.instantiate(self.store(map))
    }

    /// Creates an app that shares its map with others.
    pub(crate) fn sharing(&self, map: &Arc<Mutex<LocalMap>>) -> App {
        self.instantiate(self.store_of(LinkedMap::from_shared(Arc::clone(map))))
    }

    pub(crate) fn observed(&self, map: LocalMap, observer: Arc<dyn Observer>) -> App {
        self.instantiate(self.store_of(LinkedMap::new(map).with_observer(observer)))
    }

    fn instantiate(&self, mut store: Store<Tenant>) -> App {
        let instance = self.linker().instantiate(&mut store, &self.component);
        let instance = instance.expect("an instance");
        let exports = contract::Instance::new(&mut store, &instance).expect("its exports");
        App { store, exports }
    }

    pub(crate) async fn instantiate_async(&self, store: &mut Store<Tenant>) -> wit_async::Guest {
        let linker = self.linker();
        let instance = linker.instantiate_async(&mut *store, &self.component);
        let instance = instance.await.expect("an instance");
        let exports = in_async::Instance::new(store, &instance).expect("its exports");
        exports.localmap_core_local_map().clone()
    }
}

pub(crate) struct App {
    pub(crate) store: Store<Tenant>,
    exports: contract::Instance,
}

impl App {
    /// Calls the app, which calls its map.
    pub(crate) fn call<R>(
        &mut self,
        call: impl FnOnce(&wit::Guest, &mut Store<Tenant>) -> wasmtime::Result<R>,
    ) -> wasmtime::Result<R> {
        call(self.exports.localmap_core_local_map(), &mut self.store)
    }

    pub(crate) fn map(&mut self) -> MutexGuard<'_, LocalMap> {
        self.store.data_mut().map.map()
    }
}

/// Runs a future that waits for nothing outside itself.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
