//! Validates the bytes of components. wac-graph itself panics on truncated bytes, and accepts
//! proposals that our engines do not.

use crate::compose::error::{ComponentError, Incompatibility};
use crate::contract::features::CONCURRENT_FEATURES;
use wasmparser::{BinaryReaderError, Parser, Payload, Validator, WasmFeatures};

/// The first bytes of compressed files.
const COMPRESSED: [(&str, &[u8]); 3] = [
    ("gzip", b"\x1f\x8b"),
    ("xz", b"\xfd7zXZ\0"),
    ("zstd", b"\x28\xb5\x2f\xfd"),
];

/// Checks that the bytes are a valid component. Returns the proposal of WebAssembly that it needs
/// and that our engines do not support, if there is one.
pub(crate) fn validate(bytes: &[u8]) -> Result<Option<Incompatibility>, ComponentError> {
    if Parser::is_core_wasm(bytes) {
        return Err(ComponentError::CoreModule);
    }
    if !Parser::is_component(bytes) {
        return Err(not_wasm(bytes));
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
            reason: with_proposal(bytes, error.message()),
        }
    }))
}

/// Says what bytes are that are not WebAssembly, if they are a mistake that many make.
fn not_wasm(bytes: &[u8]) -> ComponentError {
    if let Some((format, _)) = COMPRESSED
        .iter()
        .find(|(_, magic)| bytes.starts_with(magic))
    {
        return ComponentError::Compressed { format };
    }
    match bytes.trim_ascii_start() {
        [b'(', ..] | [b';', b';', ..] => ComponentError::Text,
        _ => ComponentError::NotWasm,
    }
}

/// Puts the name of the proposal that a valid component needs before what the validator says about
/// it, unless it says that itself.
fn with_proposal(bytes: &[u8], message: &str) -> String {
    let others = WasmFeatures::all().difference(CONCURRENT_FEATURES);
    let needed = others.iter_names().find(|(_, feature)| {
        let all_others = WasmFeatures::all().difference(*feature);
        validate_with(bytes, all_others).is_err()
    });
    let Some((name, _)) = needed else {
        return message.to_owned();
    };
    let name = name.to_ascii_lowercase();
    let words = name.strip_prefix("cm_").unwrap_or(&name).split('_');
    let said = message.to_ascii_lowercase();
    match words.into_iter().all(|word| said.contains(word)) {
        true => message.to_owned(),
        false => format!("{}: {message}", name.replace('_', "-")),
    }
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
