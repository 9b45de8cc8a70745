//! `wasi:keyvalue` for apps that were written for it: a component that stands between them
//! and their map.

use crate::artifact::KEYVALUE_ADAPTER;
use crate::artifact::baked_buckets::bake;
use crate::compose::component::{Pair, same_interface};
use crate::compose::error::{Incompatibility, PlugError};
use crate::compose::wire::compose;
use crate::contract::buckets::Buckets;
use crate::contract::names::KEYVALUE_DRAFTS;

/// What it has of each draft.
const INTERFACES: [&str; 3] = [
    "wasi:keyvalue/store",
    "wasi:keyvalue/atomics",
    "wasi:keyvalue/batch",
];

/// What hosts call that watch buckets. A map tells nobody of its changes.
const WATCHER: &str = "wasi:keyvalue/watcher";

/// Makes an app that imports a map, `localmap:core/local-map`, of one that imports
/// `wasi:keyvalue`: its `store`, `atomics` and `batch`, of the drafts 0.2.0-draft and
/// 0.2.0-draft2 ([`KEYVALUE_DRAFTS`]), or of both. An app that imports `local-map` as
/// well has one map by both ways.
///
/// What comes out goes wherever an app goes that imports `local-map`: into
/// [`plug`](crate::plug()), which calls this by itself, and into a linker that
/// [`add_to_linker`](crate::add_to_linker) has been called on. Give the map of the latter
/// [`Limits::for_buckets`], and entries for its buckets under [`bucket_key`].
///
/// What the app gets where the drafts leave a choice is told in `docs/keyvalue.md`.
///
/// # Errors
///
/// [`PlugError::Incompatible`] with [`Incompatibility::NoKeyvalueImport`] where the app imports no
/// `wasi:keyvalue`; for others see [`PlugError`].
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
    let front = bake(KEYVALUE_ADAPTER, buckets);
    let pair = Pair::read(app, &front).map_err(|source| PlugError::Component { source })?;
    if !pair.imports_keyvalue() {
        return Err(Incompatibility::NoKeyvalueImport.into());
    }
    if let Some(source) = pair.keyvalue_misfits().into_iter().next() {
        return Err(source.into());
    }
    let imports = pair.imports().map(|(name, _)| name);
    let wires = imports
        .filter(|name| is_keyvalue(name))
        .map(|name| (name.to_owned(), name.to_owned()))
        .collect();
    compose(pair, wires, &[], |export| !same_interface(export, WATCHER))
        .map_err(|source| PlugError::Compose { source })
}

/// Whether it is an interface of `wasi:keyvalue`, of whatever version.
fn is_keyvalue(name: &str) -> bool {
    name.starts_with("wasi:keyvalue/")
}

/// What `inspect` knows of it.
impl Pair {
    /// Whether the component asks for `wasi:keyvalue`, of whatever version.
    pub(crate) fn imports_keyvalue(&self) -> bool {
        self.imports().any(|(name, _)| is_keyvalue(name))
    }

    /// The drafts of `wasi:keyvalue` that the component imports and that are known here.
    pub(crate) fn keyvalue_drafts(&self) -> Vec<&'static str> {
        let imported = |draft: &&str| {
            self.imports().any(|(name, _)| {
                let version = name.split_once('@').map(|(_, version)| version);
                is_keyvalue(name) && version == Some(draft)
            })
        };
        KEYVALUE_DRAFTS.into_iter().filter(imported).collect()
    }

    /// Why the component, which stands beside [`KEYVALUE_ADAPTER`], does not fit it; empty: it
    /// does.
    pub(crate) fn keyvalue_misfits(&self) -> Vec<Incompatibility> {
        let imports = self.imports().filter(|(name, _)| is_keyvalue(name));
        let misfits = imports.filter_map(|(name, kind)| {
            let known = INTERFACES.iter().any(|ours| same_interface(ours, name));
            let drafts = KEYVALUE_DRAFTS.iter();
            let version = name.split_once('@').map(|(_, version)| version);
            if !known || !drafts.into_iter().any(|draft| version == Some(draft)) {
                return Some(Incompatibility::OtherKeyvalue {
                    found: name.to_owned(),
                });
            }
            self.other_types(name, name, |ours| (ours, kind))
        });
        misfits.collect()
    }
}
