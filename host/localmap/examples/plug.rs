//! An app and its map as one component, in a store of yours.

use localmap::wasmtime::component::{Component, Linker};
use localmap::wasmtime::{Engine, Store};
use localmap::{Control, Limits, MemoryLimiter, plug};
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};

/// The data of the store. The map imports a clock and a seed, which WASI provides.
struct Tenant {
    wasi: WasiCtx,
    table: ResourceTable,
    memory: MemoryLimiter,
}

impl WasiView for Tenant {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // One component, which any host of WASI 0.2 can run: write it to a file, or run it here.
    let app = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/limiter.wat");
    let limits = Limits::default().max_entries(1_000);
    let plugged = plug(&wat::parse_file(app)?, &limits)?;

    let engine = Engine::default();
    let plugged = Component::new(&engine, plugged)?;
    let mut linker = Linker::<Tenant>::new(&engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    linker.root().func_wrap("log", |_, (text,): (String,)| {
        println!("{text}");
        Ok(())
    })?;
    let app = linker.instantiate_pre(&plugged)?;

    // The limit applies to app and map together.
    let tenant = Tenant {
        wasi: WasiCtx::builder().build(),
        table: ResourceTable::new(),
        memory: MemoryLimiter::new(64 << 20),
    };
    let mut store = Store::new(&engine, tenant);
    store.limiter(|tenant| &mut tenant.memory);
    let app = app.instantiate(&mut store)?;

    let allow = app.get_typed_func::<(&[u8],), (bool,)>(&mut store, "allow")?;
    for _ in 0..3 {
        assert_eq!(allow.call(&mut store, (b"192.0.2.7",))?, (true,));
    }
    assert_eq!(allow.call(&mut store, (b"192.0.2.7",))?, (false,));

    // The host's side of the map, which the app does not see.
    let control = Control::find(&mut store, &plugged, &app)?.ok_or("it is not plugged")?;
    let stats = control.stats(&mut store)?;
    assert_eq!((stats.entries, stats.writes), (1, 4));
    Ok(())
}
