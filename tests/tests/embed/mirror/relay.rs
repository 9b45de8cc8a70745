//! Guests that read mirrors: one that relays every call, and others made of a core module.

use localmap::wasmtime::component::{Component, Linker};
use localmap::wasmtime::{self, Config, Engine, Store};
use localmap_mirror::Mirrors;
use localmap_tests::root;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

mod contract {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
    use localmap::wasmtime;

    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package localmap:tests;
            world instance { export localmap:core/mirror@0.1.0; }
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
            world instance { export localmap:core/mirror@0.1.0; }
        ",
        world: "localmap:tests/instance",
        wasmtime_crate: localmap::wasmtime,
        ownership: Borrowing { duplicate_if_necessary: false },
        exports: { default: async },
    });
}

pub(super) use contract::exports::localmap::core::mirror as wit;
pub(super) use in_async::exports::localmap::core::mirror as wit_async;

/// The worlds of the guests.
const WORLDS: &str = "
    package tests:mirrors;

    world relay {
        import localmap:core/mirror@0.1.0;
        export localmap:core/mirror@0.1.0;
    }
    world reader {
        import localmap:core/mirror@0.1.0;
        export run: func() -> u64;
    }
    world handler {
        import localmap:core/mirror@0.1.0;
        export localmap:core/handler@0.1.0;
    }
";

/// The memory of the guests: an allocator that places results one after the other, until `forget`.
const MEMORY: &str = r#"
    (global $top (mut i32) (i32.const 65536))
    (func $forget (global.set $top (i32.const 65536)))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
        (global.set $top (i32.add (local.get $at) (local.get 3)))
        (block $fits
            (br_if $fits (i32.le_u (global.get $top) (i32.mul (memory.size) (i32.const 65536))))
            (drop (memory.grow (i32.add (i32.shr_u
                (i32.sub (global.get $top) (i32.mul (memory.size) (i32.const 65536)))
                (i32.const 16)) (i32.const 1)))))
        (local.get $at))
"#;

/// The functions of the interface, with their parameters. Results are at address 1024.
const FUNCTIONS: [(&str, usize); 3] = [("get", 4), ("get-many", 4), ("status", 2)];

/// Returns the component that relays every call.
fn relay() -> Vec<u8> {
    let (mut imports, mut exports) = (String::new(), String::new());
    for (name, params) in FUNCTIONS {
        let types = "i32 ".repeat(params);
        let given: String = (0..params).map(|at| format!("(local.get {at})")).collect();
        imports += &format!(
            "(import \"localmap:core/mirror@0.1.0\" \"{name}\" (func ${name} (param {types} i32)))"
        );
        exports += &format!(
            "(func (export \"localmap:core/mirror@0.1.0#{name}\") (param {types}) (result i32)
                (call ${name} {given} (i32.const 1024)) (i32.const 1024))
            (func (export \"cabi_post_localmap:core/mirror@0.1.0#{name}\") (param i32) (call $forget))"
        );
    }
    let fields = format!("{imports} (memory (export \"memory\") 1) {exports}");
    component(&fields, "relay", StringEncoding::UTF8)
}

/// Returns a component that exports `run`, with the code of `guests/hostile/readers/{name}.wat`.
pub(super) fn reader(name: &str, encoding: StringEncoding) -> Vec<u8> {
    let path = root().join(format!("tests/guests/hostile/readers/{name}.wat"));
    let fields = std::fs::read_to_string(path).expect("it is there");
    component(&fields, "reader", encoding)
}

/// Returns a guest of the sidecar that reads a mirror.
pub(super) fn handler() -> Vec<u8> {
    let fields = r#"
        (import "localmap:core/mirror@0.1.0" "status" (func $status (param i32 i32 i32)))
        (memory (export "memory") 1)
        (func (export "localmap:core/handler@0.1.0#handle") (param i32 i32) (result i32)
            (call $status (i32.const 0) (i32.const 0) (i32.const 1024))
            (i32.const 2048))"#;
    component(fields, "handler", StringEncoding::UTF8)
}

fn component(fields: &str, world: &str, encoding: StringEncoding) -> Vec<u8> {
    let mut bytes = wat::parse_str(format!("(module {fields} {MEMORY})")).expect("a module");
    let mut wit = Resolve::default();
    wit.push_dir(root().join("wit")).expect("the contract");
    let package = wit.push_str("mirrors.wit", WORLDS).expect("WIT");
    let world = wit.select_world(&[package], Some(world)).expect("a world");
    embed_component_metadata(&mut bytes, &wit, world, encoding).expect("it is in");
    let encoded = ComponentEncoder::default()
        .module(&bytes)
        .and_then(|encoder| encoder.validate(true).encode());
    encoded.expect("a component")
}

/// Returns a linker that has the interface, for stores that contain their mirrors.
pub(super) fn linker(engine: &Engine) -> Linker<Mirrors> {
    let mut linker = Linker::new(engine);
    localmap_mirror::add_to_linker(&mut linker, |mirrors: &Mirrors| mirrors).expect("it is free");
    linker
}

/// A relaying guest in its store.
pub(super) struct Guest {
    store: Store<Mirrors>,
    exports: contract::Instance,
}

impl Guest {
    /// Creates a guest that reads these mirrors.
    pub(super) fn new(mirrors: Mirrors) -> Self {
        Self::in_engine(&Engine::new(&Config::new()).expect("an engine"), mirrors)
    }

    pub(super) fn in_engine(engine: &Engine, mirrors: Mirrors) -> Self {
        let component = Component::new(engine, relay()).expect("it compiles");
        let mut store = Store::new(engine, mirrors);
        // Set whichever of the two the engine supports.
        let _ = store.set_fuel(u64::MAX);
        store.set_epoch_deadline(1 << 60);
        let instance = linker(engine).instantiate(&mut store, &component);
        let instance = instance.expect("an instance");
        let exports = contract::Instance::new(&mut store, &instance).expect("its exports");
        Self { store, exports }
    }

    /// Calls the guest, which calls its host.
    pub(super) fn call<R>(
        &mut self,
        call: impl FnOnce(&wit::Guest, &mut Store<Mirrors>) -> wasmtime::Result<R>,
    ) -> R {
        let called = call(self.exports.localmap_core_mirror(), &mut self.store);
        called.expect("alive")
    }

    pub(super) fn get(&mut self, key: &[u8]) -> Result<wit::Found, wit::Error> {
        self.call(|guest, store| guest.call_get(store, "flags", key))
    }

    pub(super) fn get_many(&mut self, keys: &[&[u8]]) -> Result<wit::FoundMany, wit::Error> {
        self.call(|guest, store| guest.call_get_many(store, "flags", keys))
    }

    pub(super) fn status(&mut self) -> wit::MirrorStatus {
        let status = self.call(|guest, store| guest.call_status(store, "flags"));
        status.expect("there is such a mirror")
    }
}

/// Creates a relaying guest whose calls are async.
pub(super) async fn guest_in_async(store: &mut Store<Mirrors>) -> wit_async::Guest {
    let component = Component::new(store.engine(), relay()).expect("it compiles");
    let linker = linker(store.engine());
    let instance = linker.instantiate_async(&mut *store, &component).await;
    let exports = in_async::Instance::new(store, &instance.expect("an instance"));
    exports.expect("its exports").localmap_core_mirror().clone()
}
