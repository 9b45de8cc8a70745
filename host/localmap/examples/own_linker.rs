//! Apps of tenants in an engine, a linker and stores of yours, each with a linked map that
//! outlives the app.

use localmap::wasmtime::component::{Component, HasSelf, Linker};
use localmap::wasmtime::{Engine, Store};
use localmap::{Host, LinkedMap, MapOptions, ObservedCall, Observer, Operation};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use world::{Limiter, LimiterImports, LimiterPre};

/// Your world: it imports the map and a function of yours.
mod world {
    ::localmap::wasmtime::component::bindgen!({
        path: "wit",
        inline: "
            package example:limiter;
            world limiter {
                import localmap:core/local-map@0.1.0;
                import log: func(text: string);
                export allow: func(client: list<u8>) -> bool;
            }
        ",
        world: "example:limiter/limiter",
        // The generated code has a module `localmap` too.
        wasmtime_crate: ::localmap::wasmtime,
    });
}

/// The data of a tenant's store.
struct Tenant {
    name: &'static str,
    map: LinkedMap,
}

impl LimiterImports for Tenant {
    fn log(&mut self, text: String) {
        println!("{}: {text}", self.name);
    }
}

/// Counts and times the operations of all apps.
struct Requests {
    count: AtomicU64,
    start: Instant,
}

impl Requests {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Observer for Requests {
    fn begin(&self, _: Operation, _: &[u8]) -> Option<u64> {
        Some(self.now())
    }

    fn end(&self, began: u64, call: &ObservedCall<'_>) {
        let nanos = self.now().saturating_sub(began);
        self.count.fetch_add(1, Ordering::Relaxed);
        println!(
            "{} of a key of {} bytes: {:?}, {nanos} ns",
            call.operation.name(),
            call.key_len,
            call.outcome
        );
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Any engine, and the app, compiled once.
    let engine = Engine::default();
    let app = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/limiter.wat");
    let app = Component::new(&engine, wat::parse_file(app)?)?;

    // The imports of the app: the map, and a function of yours.
    let mut linker = Linker::<Tenant>::new(&engine);
    localmap::add_to_linker(&mut linker, |tenant| &mut tenant.map)?;
    Limiter::add_to_linker_imports::<_, HasSelf<_>>(&mut linker, |tenant| tenant)?;
    let app = LimiterPre::new(linker.instantiate_pre(&app)?)?;

    // The maps have an engine and stores of their own.
    let host = Host::new()?;
    let requests = Arc::new(Requests {
        count: AtomicU64::new(0),
        start: Instant::now(),
    });
    for name in ["blue", "green"] {
        let map = host.map(&MapOptions::new())?;
        let map = LinkedMap::new(map).with_observer(requests.clone());
        let mut store = Store::new(&engine, Tenant { name, map });
        let app = app.instantiate(&mut store)?;

        for _ in 0..3 {
            assert!(app.call_allow(&mut store, b"192.0.2.7")?);
        }
        assert!(!app.call_allow(&mut store, b"192.0.2.7")?);

        // You can use the map too, while the app is there and after it.
        let stats = store.data_mut().map.map().stats()?;
        assert_eq!((stats.entries, stats.writes), (1, 4));
    }
    assert_eq!(requests.count.load(Ordering::Relaxed), 8);
    Ok(())
}
