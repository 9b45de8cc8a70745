//! Decides which components need an engine with concurrency.

use crate::compose::skeleton::skeleton;
use crate::contract::features::{CONCURRENT_FEATURES, FEATURES};
use crate::contract::names::is_of_wasi_0_3;
use wasmparser::{BinaryReaderError, Parser, Payload, Validator, WasmFeatures};

/// Returns why a component needs an engine with
/// [concurrency support](wasmtime::Config::concurrency_support), such as "it uses `stream`"; `None`
/// if it does not, or if it is not a valid component.
///
/// A component needs it if it has async functions, streams or futures, if it uses async built-ins,
/// as those of some toolchains for WASI 0.2 do, or if it imports an interface of WASI 0.3. Whether
/// localmap supports what else it uses is another question. The bodies of its functions are not
/// read, so the answer takes little time.
///
/// ```
/// use localmap::{MAP_COMPONENT, needs_concurrency};
///
/// assert_eq!(needs_concurrency(MAP_COMPONENT), None);
/// let app = wat::parse_str("(component (type (stream u8)))")?;
/// assert_eq!(needs_concurrency(&app).as_deref(), Some("it uses `stream`"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn needs_concurrency(component: &[u8]) -> Option<String> {
    let skeleton = skeleton(component)?;
    let error = match declarations(&skeleton, FEATURES) {
        Ok(import) => return import.map(|name| format!("it imports {name}")),
        Err(error) => error,
    };
    let error = match declarations(&skeleton, CONCURRENT_FEATURES) {
        Ok(_) => error,
        // It uses something else that is not supported.
        Err(_) => {
            declarations(&skeleton, WasmFeatures::all()).ok()?;
            let others = WasmFeatures::all().difference(WasmFeatures::CM_ASYNC);
            match declarations(&skeleton, others) {
                Ok(import) => return import.map(|name| format!("it imports {name}")),
                Err(error) => error,
            }
        }
    };
    let message = error.message();
    let what = message.split_once(" require").map(|(what, _)| what);
    Some(match what {
        Some("async component functions") => "it has async functions".to_owned(),
        Some(what) => format!("it uses {what}"),
        None => message.to_owned(),
    })
}

/// Validates everything but the bodies of functions. Returns the first import of WASI 0.3.
fn declarations(
    component: &[u8],
    features: WasmFeatures,
) -> Result<Option<String>, BinaryReaderError> {
    let mut validator = Validator::new_with_features(features);
    let mut parser = Parser::new(0);
    parser.set_features(features);
    let mut found = None;
    // The number of modules and components around a payload.
    let mut depth = 0u32;
    for payload in parser.parse_all(component) {
        let payload = payload?;
        validator.payload(&payload)?;
        match payload {
            Payload::Version { .. } => depth = depth.saturating_add(1),
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 1 && found.is_none() => {
                let names = imports.into_iter().map_while(Result::ok);
                let mut names = names.map(|import| import.name.name);
                found = names.find(|name| is_of_wasi_0_3(name)).map(str::to_owned);
            }
            _ => {}
        }
    }
    Ok(found)
}
