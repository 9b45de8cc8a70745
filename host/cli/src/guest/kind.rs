//! The kinds of guests, and apps whose map is linked.

use localmap::{Buckets, Incompatibility, Inspection, PlugError};

/// The export of a component that answers HTTP requests, before the patch version.
pub(crate) const HTTP_HANDLER: &str = "wasi:http/incoming-handler@0.2";
/// The export of a command.
pub(crate) const COMMAND: &str = "wasi:cli/run@0.2";

/// Returns the component with imports that can be linked. `None`: it asks for no map.
pub(crate) fn prepare(
    bytes: &[u8],
    found: &Inspection,
    buckets: &Buckets,
) -> anyhow::Result<Option<Vec<u8>>> {
    match found.app.first() {
        None if found.keyvalue.is_empty() => Ok(Some(bytes.to_vec())),
        None => Ok(Some(localmap::with_keyvalue(bytes, buckets)?)),
        Some(Incompatibility::NoMapImport) => Ok(None),
        Some(other) => Err(PlugError::from(other.clone()).into()),
    }
}

/// Returns `true` if a component has an export whose name begins with `name`.
pub(crate) fn exports(found: &Inspection, name: &str) -> bool {
    let mut exports = found.exports.iter();
    exports.any(|export| export.name.starts_with(name))
}
