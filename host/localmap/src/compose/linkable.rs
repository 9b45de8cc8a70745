//! Prepares apps for a linked map.

use crate::compose::error::{Incompatibility, PlugError};
use crate::compose::inspect::Inspection;
use crate::compose::keyvalue::with_keyvalue;
use crate::contract::buckets::Buckets;
use std::borrow::Cow;

/// Converts an app so that [`add_to_linker`](crate::add_to_linker) can serve its imports. Returns
/// `None` if the app does not import a map. `found` is the app's [description](crate::inspect).
///
/// An app that imports `localmap:core/local-map` is returned unchanged. An app that imports
/// `wasi:keyvalue` is composed with the adapter; see [`with_keyvalue`]. In both cases, create the
/// map with [`Inspection::map_limits`].
///
/// ```
/// use localmap::{Buckets, inspect, linkable};
///
/// let app = wat::parse_str(
///     r#"(component (import "wasi:keyvalue/store@0.2.0-draft2" (instance)))"#,
/// )?;
/// let found = inspect(&app)?;
/// let linked = linkable(&app, &found, &Buckets::new())?.expect("it asks for a map");
/// assert_eq!(inspect(&linked)?.keyvalue, [""; 0]);
///
/// let app = wat::parse_str("(component)")?;
/// assert_eq!(linkable(&app, &inspect(&app)?, &Buckets::new())?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// - Returns [`PlugError::Incompatible`] if the app imports an incompatible map.
/// - Returns the errors of [`with_keyvalue`] if the app imports `wasi:keyvalue`.
pub fn linkable<'a>(
    app: &'a [u8],
    found: &Inspection,
    buckets: &Buckets,
) -> Result<Option<Cow<'a, [u8]>>, PlugError> {
    match found.app.first() {
        None if found.keyvalue.is_empty() => Ok(Some(Cow::Borrowed(app))),
        None => Ok(Some(Cow::Owned(with_keyvalue(app, buckets)?))),
        Some(Incompatibility::NoMapImport) => Ok(None),
        Some(other) => Err(other.clone().into()),
    }
}
