//! The proposals of WebAssembly that components may use: one set, for the validator and for all
//! engines, and one more for components that need concurrency.

use wasmparser::WasmFeatures;
use wasmtime::Config;

/// What engines turn off although version 3 of WebAssembly has it. Wasmtime is built without its
/// features `gc` and `threads`, unless another crate of the program asks for them.
const OFF: WasmFeatures = WasmFeatures::GC
    .union(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::EXCEPTIONS)
    .union(WasmFeatures::THREADS);

/// The proposals that components may use.
pub(crate) const FEATURES: WasmFeatures = WasmFeatures::WASM3
    .difference(OFF)
    .union(WasmFeatures::COMPONENT_MODEL);

/// The proposals that components may use on an engine with concurrency.
pub(crate) const CONCURRENT_FEATURES: WasmFeatures = FEATURES.union(WasmFeatures::CM_ASYNC);

/// Turns on the proposals of WebAssembly that most components use, and turns off all others and
/// Wasmtime's support for concurrency. An engine of your own then accepts exactly the components
/// that [`inspect`](crate::inspect) and [`plug`](crate::plug()) accept and that do not
/// [need concurrency](crate::needs_concurrency).
///
/// ```
/// use localmap::wasmtime::{Config, Engine, component::Component};
///
/// let mut config = Config::new();
/// localmap::set_features(&mut config);
/// let engine = Engine::new(&config)?;
/// Component::new(&engine, localmap::MAP_COMPONENT)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn set_features(config: &mut Config) {
    set(config, FEATURES);
    config.concurrency_support(false);
}

/// Turns on what [`set_features`] turns on, and what components that
/// [need concurrency](crate::needs_concurrency) use: async functions, streams and futures, as WASI
/// 0.3 has them. All calls on such an engine take longer.
///
/// [`Engine::new`](wasmtime::Engine::new) then fails if Wasmtime was built without its feature
/// `component-model-async`, on which `wasmtime-wasi/p3` depends.
///
/// ```no_run
/// use localmap::wasmtime::{Config, Engine, component::Component};
///
/// let bytes = std::fs::read("guest.wasm")?;
/// let mut config = Config::new();
/// match localmap::needs_concurrency(&bytes) {
///     None => localmap::set_features(&mut config),
///     Some(_) => localmap::set_concurrent_features(&mut config),
/// }
/// let component = Component::new(&Engine::new(&config)?, &bytes)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn set_concurrent_features(config: &mut Config) {
    set(config, CONCURRENT_FEATURES);
    config.concurrency_support(true);
}

/// Turns on these proposals, and turns off all others.
fn set(config: &mut Config, features: WasmFeatures) {
    let mut on = wasmtime::WasmFeatures::empty();
    for (name, flag) in wasmtime::WasmFeatures::all().iter_names() {
        let ours = WasmFeatures::from_name(name);
        if ours.is_some_and(|ours| features.contains(ours)) {
            on |= flag;
        }
    }
    config.wasm_features(!on, false);
    config.wasm_features(on, true);
}
