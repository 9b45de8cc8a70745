//! Composes apps that import `wasi:keyvalue` with the adapter that serves it from a map.

use crate::artifact::baked_buckets::bake;
use crate::artifact::components::KEYVALUE_ADAPTER;
use crate::compose::component::Pair;
use crate::compose::error::{Incompatibility, PlugError};
use crate::compose::wire::compose;
use crate::contract::buckets::Buckets;
use crate::contract::names::{KEYVALUE_DRAFTS, is_keyvalue, same_interface};
use wac_graph::types::ItemKind;

/// The interfaces of each draft that the adapter serves.
const INTERFACES: [&str; 3] = [
    "wasi:keyvalue/store",
    "wasi:keyvalue/atomics",
    "wasi:keyvalue/batch",
];

/// The interface of the second draft that Spin changed without changing its version: its `get-many`
/// returns each key with an optional value. The adapter exports that form under a name of its own.
const BATCH: (&str, &str) = (
    "wasi:keyvalue/batch@0.2.0-draft2",
    "localmap:keyvalue/batch-by-key@0.1.0",
);

/// An interface that apps export to watch buckets. Maps do not report changes, so compositions
/// leave it out.
const WATCHER: &str = "wasi:keyvalue/watcher";

/// Turns an app that imports `wasi:keyvalue` into one that imports a map,
/// `localmap:core/local-map`.
///
/// The app may import `store`, `atomics` and `batch`, of the draft 0.2.0-draft or 0.2.0-draft2
/// ([`KEYVALUE_DRAFTS`]), or of both. If it also imports `local-map`, both use the same map. Spin's
/// form of `batch@0.2.0-draft2` is served as well.
///
/// The result can be [plugged](crate::plug()) or [linked](crate::add_to_linker), like any app that
/// imports `local-map`. `plug` calls this function automatically. A linked map needs limits
/// [for buckets](crate::Limits::for_buckets); [`bucket_key`](crate::bucket_key) returns the keys
/// of entries in its buckets.
///
/// `docs/keyvalue.md` describes the adapter's behaviour where the drafts leave a choice.
///
/// # Errors
///
/// - Returns [`PlugError::Buckets`] if [`Buckets::check`] fails.
/// - Returns [`PlugError::Component`] if `app` is not a component.
/// - Returns [`PlugError::Incompatible`] if `app` does not import `wasi:keyvalue`
///   ([`Incompatibility::NoKeyvalueImport`]), or imports an interface or a version that the
///   adapter does not serve.
/// - Returns [`PlugError::Compose`] if the two cannot be composed.
///
/// # Examples
///
/// ```
/// use localmap::{Buckets, with_keyvalue};
/// use std::time::Duration;
///
/// let app = wat::parse_str(
///     r#"(component (import "wasi:keyvalue/store@0.2.0-draft2" (instance)))"#,
/// )?;
/// let buckets = Buckets::new().ttl("sessions", Duration::from_secs(1800));
/// let app = with_keyvalue(&app, &buckets)?;
/// assert_eq!(localmap::inspect(&app)?.app, []);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn with_keyvalue(app: &[u8], buckets: &Buckets) -> Result<Vec<u8>, PlugError> {
    buckets
        .check()
        .map_err(|source| PlugError::Buckets { source })?;
    let adapter = bake(KEYVALUE_ADAPTER, buckets);
    let pair = Pair::read(app, &adapter).map_err(|source| PlugError::Component { source })?;
    if let Some(source) = pair.unsupported.clone() {
        return Err(source.into());
    }
    if !pair.imports_keyvalue() {
        return Err(Incompatibility::NoKeyvalueImport.into());
    }
    if let Some(source) = pair.keyvalue_incompatibilities().into_iter().next() {
        return Err(source.into());
    }
    let imports = pair.imports().filter(|(name, _)| is_keyvalue(name));
    let wires = imports
        .map(|(name, kind)| (name.to_owned(), pair.keyvalue_export(name, kind).to_owned()))
        .collect();
    compose(pair, wires, &[], |export| !same_interface(export, WATCHER))
        .map_err(|source| PlugError::Compose { source })
}

impl Pair {
    /// Returns `true` if the component imports `wasi:keyvalue`, of any version.
    pub(crate) fn imports_keyvalue(&self) -> bool {
        self.imports().any(|(name, _)| is_keyvalue(name))
    }

    /// Returns the drafts of `wasi:keyvalue` that the component imports and that the adapter
    /// serves.
    pub(crate) fn keyvalue_drafts(&self) -> Vec<&'static str> {
        let imported = |draft: &&str| {
            self.imports().any(|(name, _)| {
                let version = name.split_once('@').map(|(_, version)| version);
                is_keyvalue(name) && version == Some(draft)
            })
        };
        KEYVALUE_DRAFTS.into_iter().filter(imported).collect()
    }

    /// Returns the reasons why the component does not fit its provider, the keyvalue adapter;
    /// empty if it fits.
    pub(crate) fn keyvalue_incompatibilities(&self) -> Vec<Incompatibility> {
        let imports = self.imports().filter(|(name, _)| is_keyvalue(name));
        let found = imports.filter_map(|(name, kind)| {
            let known = INTERFACES.iter().any(|own| same_interface(own, name));
            let drafts = KEYVALUE_DRAFTS.iter();
            let version = name.split_once('@').map(|(_, version)| version);
            if !known || !drafts.into_iter().any(|draft| version == Some(draft)) {
                return Some(Incompatibility::OtherKeyvalue {
                    found: name.to_owned(),
                });
            }
            let export = self.keyvalue_export(name, kind);
            self.compare_types(export, name, |own| (own, kind))
        });
        found.collect()
    }

    /// Returns the export of the adapter that serves an import of `wasi:keyvalue`: the one of the
    /// same name, unless the import has the types of Spin's form.
    fn keyvalue_export<'a>(&self, name: &'a str, kind: ItemKind) -> &'a str {
        let (batch, by_key) = BATCH;
        let fits = |export| {
            self.compare_types(export, name, |own| (own, kind))
                .is_none()
        };
        match name == batch && !fits(name) && fits(by_key) {
            true => by_key,
            false => name,
        }
    }
}
