//! Apps whose map is beside them: what they import is linked.

use localmap::{Misfit, PlugError};

/// What a component exports that answers HTTP requests, before its version.
pub(crate) const HTTP_HANDLER: &str = "wasi:http/incoming-handler@0.2";
/// What a command exports.
pub(crate) const COMMAND: &str = "wasi:cli/run@0.2";

/// The component with imports that are linked. None: it asks for no map.
pub(crate) fn prepare(bytes: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
    match localmap::inspect(bytes)?.app.into_iter().next() {
        None => Ok(Some(bytes.to_vec())),
        Some(Misfit::NoMapImport) => Ok(None),
        Some(misfit) => Err(PlugError::from(misfit).into()),
    }
}

/// Whether a component has exports whose names begin so, one answer for each. One that
/// cannot be read has none.
pub(crate) fn exports<const N: usize>(bytes: &[u8], names: [&str; N]) -> [bool; N] {
    let Ok(inspection) = localmap::inspect(bytes) else {
        return [false; N];
    };
    names.map(|name| {
        let mut exports = inspection.exports.iter();
        exports.any(|export| export.name.starts_with(name))
    })
}
