//! Validates the bytes of components. wac-graph itself panics on truncated bytes, and accepts
//! proposals that our engines do not.

use crate::compose::error::{ComponentError, Incompatibility};
use crate::contract::features::CONCURRENT_FEATURES;
use wasmparser::{BinaryReaderError, Parser, Payload, Validator, WasmFeatures};

/// Checks that the bytes are a valid component. Returns the proposal of WebAssembly that it needs
/// and that our engines do not support, if there is one.
pub(crate) fn validate(bytes: &[u8]) -> Result<Option<Incompatibility>, ComponentError> {
    if Parser::is_core_wasm(bytes) {
        return Err(ComponentError::CoreModule);
    }
    if !Parser::is_component(bytes) {
        return Err(ComponentError::NotWasm);
    }
    let Err(error) = validate_with(bytes, CONCURRENT_FEATURES) else {
        return Ok(None);
    };
    if let Err(source) = validate_with(bytes, WasmFeatures::all()) {
        return Err(ComponentError::Invalid {
            source: source.into(),
        });
    }
    Ok(Some(if let Some((name, interface)) = label(bytes) {
        Incompatibility::Label { name, interface }
    } else {
        Incompatibility::Proposal {
            reason: error.message().to_owned(),
        }
    }))
}

fn validate_with(bytes: &[u8], features: WasmFeatures) -> Result<(), BinaryReaderError> {
    Validator::new_with_features(features).validate_all(bytes)?;
    Ok(())
}

/// Returns the first import with a label: the label, and the interface that it implements. The
/// component must be valid, so that parsing it cannot fail.
fn label(bytes: &[u8]) -> Option<(String, String)> {
    let mut parser = Parser::new(0);
    parser.set_features(WasmFeatures::all());
    let payloads = parser.parse_all(bytes).map_while(Result::ok);
    let imports = payloads.filter_map(|payload| match payload {
        Payload::ComponentImportSection(section) => Some(section),
        _ => None,
    });
    let mut names = imports
        .flat_map(|section| section.into_iter().map_while(Result::ok))
        .map(|import| import.name);
    names.find_map(|name| Some((name.name.to_owned(), name.implements?.to_owned())))
}
