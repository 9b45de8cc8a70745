//! Finds the core module of a map component.

use crate::contract::names::LOCAL_MAP;
use wasmparser::{BinaryReaderError, Parser, Payload};

/// Returns the bytes of the core module in which `component` implements the contract: the first one
/// that exports `len` of the contract by its canonical name. Returns `None` if there is none.
///
/// The module is not validated.
///
/// # Errors
///
/// Returns an error if `component` is not a WebAssembly binary.
pub(crate) fn core_module(component: &[u8]) -> Result<Option<&[u8]>, BinaryReaderError> {
    let canonical = format!("{LOCAL_MAP}#len");
    let mut module = None;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection {
                unchecked_range, ..
            } => {
                let start = usize::try_from(unchecked_range.start).ok();
                let end = usize::try_from(unchecked_range.end).ok();
                module = start
                    .zip(end)
                    .and_then(|(start, end)| component.get(start..end));
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    if export?.name == canonical {
                        return Ok(module);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(None)
}
