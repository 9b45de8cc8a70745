//! Apps whose map is beside them: what they import is linked.

use localmap::{Buckets, Incompatibility, Inspection, PlugError};

/// What a component exports that answers HTTP requests, before its version.
pub(crate) const HTTP_HANDLER: &str = "wasi:http/incoming-handler@0.2";
/// What a command exports.
pub(crate) const COMMAND: &str = "wasi:cli/run@0.2";

/// The component with imports that are linked. None: it asks for no map.
pub(crate) fn prepare(
    bytes: &[u8],
    found: &Inspection,
    buckets: &Buckets,
) -> anyhow::Result<Option<Vec<u8>>> {
    match found.app.first() {
        None if found.keyvalue.is_empty() => Ok(Some(bytes.to_vec())),
        None => Ok(Some(localmap::with_keyvalue(bytes, buckets)?)),
        Some(Incompatibility::NoMapImport) => Ok(None),
        Some(misfit) => Err(PlugError::from(misfit.clone()).into()),
    }
}

/// Whether a component has an export whose name begins so.
pub(crate) fn exports(found: &Inspection, name: &str) -> bool {
    let mut exports = found.exports.iter();
    exports.any(|export| export.name.starts_with(name))
}
