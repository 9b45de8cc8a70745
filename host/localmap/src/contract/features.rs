//! The proposals of WebAssembly that components may use: one set, for the validator and for all
//! engines.

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

/// The proposals for async functions, which components of WASI 0.3 use.
pub(crate) const ASYNC: WasmFeatures = WasmFeatures::CM_ASYNC
    .union(WasmFeatures::CM_ASYNC_STACKFUL)
    .union(WasmFeatures::CM_MORE_ASYNC_BUILTINS)
    .union(WasmFeatures::CM_ERROR_CONTEXT)
    .union(WasmFeatures::CM_THREADING);

/// Turns on the proposals of WebAssembly that [`inspect`](crate::inspect) and
/// [`plug`](crate::plug()) accept, and turns off all others. An engine of your own then accepts
/// exactly the components that they accept.
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
    let mut on = wasmtime::WasmFeatures::empty();
    for (name, flag) in wasmtime::WasmFeatures::all().iter_names() {
        let ours = WasmFeatures::from_name(name);
        if ours.is_some_and(|ours| FEATURES.contains(ours)) {
            on |= flag;
        }
    }
    config.wasm_features(!on, false);
    config.wasm_features(on, true);
}
