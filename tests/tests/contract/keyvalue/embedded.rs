//! Such guests in an embedder's host: plugged, or with a linked map.

use super::DRAFTS;
use localmap::wasmtime::component::{Component, Linker, ResourceTable};
use localmap::wasmtime::{self, Engine, Store};
use localmap::{
    Allocation, Buckets, Host, HostOptions, Limits, LinkedMap, ManualClock, MapOptions, Ttl,
    add_to_linker, bucket_key, bucket_prefix, plug, with_keyvalue,
};
use localmap_tests::guest;
use std::time::Duration;
use wasmtime_wasi::p2::bindings::sync::Command;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_keyvalue::WasiKeyValueCtx;

/// The data of a store.
pub(crate) struct App {
    wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    /// The buckets of Wasmtime's own host.
    pub(crate) keyvalue: WasiKeyValueCtx,
    map: Option<LinkedMap>,
}

impl WasiView for App {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// Runs a command in a new store. Returns its output, and the map.
pub(crate) fn command(
    engine: &Engine,
    component: &[u8],
    map: Option<LinkedMap>,
    args: &[&str],
    link: impl FnOnce(&mut Linker<App>) -> wasmtime::Result<()>,
) -> (String, Option<LinkedMap>) {
    let component = Component::new(engine, component).expect("a component");
    let mut linker = Linker::<App>::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker).expect("WASI");
    link(&mut linker).expect("free names");
    let out = MemoryOutputPipe::new(1 << 20);
    let app = App {
        wasi: WasiCtx::builder()
            .arg("guest")
            .args(args)
            .stdout(out.clone())
            .build(),
        table: ResourceTable::new(),
        keyvalue: WasiKeyValueCtx::builder()
            .in_memory_data([("preset", "5")])
            .build(),
        map,
    };
    let mut store = Store::new(engine, app);
    // Engines of a `Host` use epochs.
    store.set_epoch_deadline(u64::MAX / 2);
    let command = Command::instantiate(&mut store, &component, &linker).expect("a command");
    let ended = command.wasi_cli_run().call_run(&mut store);
    assert!(matches!(ended, Ok(Ok(()))), "{ended:?}");
    let printed = String::from_utf8(out.contents().to_vec()).expect("text");
    (printed, store.into_data().map)
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(guest(name)).expect("a guest")
}

/// Three components have more core instances and memories than one.
#[test]
fn a_plugged_guest_fits_into_the_pool_of_a_host() {
    let options = HostOptions::new()
        .max_maps(1)
        .allocation(Allocation::Pooling);
    let host = Host::with_options(&options).expect("room for a small pool");
    for name in ["kv-draft", "kv-draft2"] {
        let plugged = plug(&read(name), &Limits::default()).expect("it fits");
        let args = ["set", "b", "k", "v", "then", "get", "b", "k"];
        let (printed, _) = command(host.as_ref(), &plugged, None, &args, |_| Ok(()));
        assert_eq!(printed, "ok\nv\n", "{name}");
    }
}

/// The host writes entries that the app reads, reads those that the app writes, and sets the
/// clock.
#[test]
fn a_linked_map_has_the_buckets_of_the_guest() {
    let host = Host::new().expect("a host");
    let buckets = Buckets::new().ttl("short", Duration::from_secs(10));
    for name in DRAFTS {
        let app = with_keyvalue(&read(name), &buckets).expect("it fits");
        let clock = ManualClock::new();
        let options = MapOptions::new()
            .limits(Limits::default().for_buckets())
            .clock(clock.clone());
        let mut map = LinkedMap::new(host.map(&options).expect("a map"));
        let key = bucket_key("b", "k").expect("a key");
        map.map().set(&key, b"v", Ttl::Default).expect("room");
        let args = "get b k then set b l w then set short k v then increment short n 1";
        let args: Vec<&str> = args.split(' ').collect();
        let link = |linker: &mut Linker<App>| {
            add_to_linker(linker, |app: &mut App| {
                app.map.as_mut().expect("it has one")
            })
        };
        let (printed, map) = command(&Engine::default(), &app, Some(map), &args, link);
        assert_eq!(printed, "v\nok\nok\n1\n", "{name}");
        let mut map = map.expect("it is given back");
        let short = bucket_prefix("short").expect("a name");
        let mut left = || -> Vec<Vec<u8>> {
            let page = map.map().scan(&short, 0, 100).expect("alive");
            page.entries.into_iter().map(|entry| entry.key).collect()
        };
        assert_eq!(left().len(), 2);
        clock.advance(Duration::from_secs(10));
        assert_eq!(left().len(), 0);
        let key = bucket_key("b", "l").expect("a key");
        assert_eq!(
            map.map().get(&key).expect("alive").as_deref(),
            Some(&b"w"[..])
        );
    }
}
