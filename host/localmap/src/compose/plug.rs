//! Composes an app and its map into one component.

use crate::artifact::baked_entries;
use crate::artifact::baked_limits::bake;
use crate::artifact::components::MAP_COMPONENT;
use crate::compose::component::Pair;
use crate::compose::error::{Incompatibility, PlugError};
use crate::compose::keyvalue::with_keyvalue;
use crate::compose::wire::compose;
use crate::contract::buckets::Buckets;
use crate::contract::check::check_write;
use crate::contract::entry::Preload;
use crate::contract::error::{PreloadError, SetError};
use crate::contract::limits::Limits;
use crate::contract::names::{CHANGES, CONTROL};
use std::borrow::Cow;

/// Composes an app, which imports `localmap:core/local-map`, with its own map into one
/// self-contained component.
///
/// The result runs on any WASI 0.2 host that provides the other imports of the app. Each instance of it has its own map with `limits`. In
/// addition to the app's exports, it exports `localmap:core/control` and `localmap:core/changes` for
/// its host, which can change the limits with [`Control::configure`](crate::Control::configure). The
/// app never sees these interfaces.
///
/// If the app imports `wasi:keyvalue`, instead or as well, its buckets are in the same map; see
/// [`with_keyvalue`](crate::with_keyvalue). In this case the map's limits become limits
/// [for buckets](Limits::for_buckets). Use [`plug_with`] to give buckets TTLs.
///
/// # Errors
///
/// - Returns [`PlugError::Limits`] if a limit is out of its range.
/// - Returns [`PlugError::Component`] if `app` is not a component.
/// - Returns [`PlugError::Incompatible`] if `app` does not import a map, imports an incompatible
///   version of it or different types, or imports or exports `localmap:core/control` or
///   `localmap:core/changes`.
/// - Returns [`PlugError::Compose`] if the two cannot be composed.
///
/// # Examples
///
/// With `wasmtime-wasi`:
///
/// ```
#[doc = include_str!("../../examples/plug.rs")]
/// ```
pub fn plug(app: &[u8], limits: &Limits) -> Result<Vec<u8>, PlugError> {
    plug_with(app, &PlugOptions::new().limits(limits.clone()))
}

/// The options of [`plug_with`].
///
/// ```
/// use localmap::{Buckets, Limits, PlugOptions, Preload, Ttl};
/// use std::time::Duration;
///
/// let quota = Preload { key: b"quota".to_vec(), value: b"7".to_vec(), ttl: Ttl::Never };
/// let options = PlugOptions::new()
///     .limits(Limits::default().max_entries(10_000))
///     .entries([quota])
///     .buckets(Buckets::new().ttl("sessions", Duration::from_secs(1800)));
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default)]
pub struct PlugOptions {
    limits: Limits,
    buckets: Buckets,
    entries: Vec<Preload>,
}

impl PlugOptions {
    /// Creates options with the default limits, and buckets without TTLs of their own. See
    /// [`PlugOptions`] for an example of all methods.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the limits of the map. Default: [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the TTLs of buckets, for an app that imports `wasi:keyvalue`. Default: no TTLs.
    #[must_use]
    pub fn buckets(mut self, buckets: Buckets) -> Self {
        self.buckets = buckets;
        self
    }

    /// Sets the entries that the map of each instance has from the start. Their TTLs begin when
    /// the component is instantiated. Default: none.
    ///
    /// Instantiation traps in `store_baked_entries` if the map is too small for all of them, or if
    /// its host does not give it the memory.
    #[must_use]
    pub fn entries(mut self, entries: impl Into<Vec<Preload>>) -> Self {
        self.entries = entries.into();
        self
    }
}

/// Composes an app and a map as [`plug`] does, with the given options.
///
/// ```
/// use localmap::{Buckets, PlugOptions, plug_with};
/// use std::time::Duration;
///
/// let app = wat::parse_str(
///     r#"(component (import "wasi:keyvalue/store@0.2.0-draft2" (instance)))"#,
/// )?;
/// let buckets = Buckets::new().ttl("sessions", Duration::from_secs(1800));
/// let plugged = plug_with(&app, &PlugOptions::new().buckets(buckets))?;
/// # let _ = plugged;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Returns the errors of [`plug`], and:
///
/// - [`PlugError::Buckets`] if [`Buckets::check`] fails.
/// - [`PlugError::Incompatible`] with
///   [`Incompatibility::NoKeyvalueImport`](crate::Incompatibility::NoKeyvalueImport) if buckets
///   have TTLs, but `app` does not import `wasi:keyvalue`.
/// - [`PlugError::Entries`] if a map with these limits would reject one of the entries, even if
///   it was empty.
/// - [`PlugError::Compose`] if the entries have more than 2 GiB together.
pub fn plug_with(app: &[u8], options: &PlugOptions) -> Result<Vec<u8>, PlugError> {
    let PlugOptions {
        limits,
        buckets,
        entries,
    } = options;
    limits
        .check()
        .map_err(|source| PlugError::Limits { source })?;
    let keyvalue = !buckets.is_empty() || read(app, MAP_COMPONENT)?.imports_keyvalue();
    let (app, limits) = if keyvalue {
        let app = with_keyvalue(app, buckets)?;
        (Cow::Owned(app), Cow::Owned(limits.clone().for_buckets()))
    } else {
        (Cow::Borrowed(app), Cow::Borrowed(limits))
    };
    let map = bake(MAP_COMPONENT, &limits);
    let map = match entries.as_slice() {
        [] => map,
        entries => with_entries(&map, &limits, entries)?,
    };
    let pair = read(&app, &map)?;
    let exports = |own| pair.exports().any(|(name, _)| name == own);
    let (has_control, has_changes) = (exports(CONTROL), exports(CHANGES));
    match pair.app_incompatibilities().into_iter().next() {
        Some(Incompatibility::NoMapImport) if has_control => {
            return Err(Incompatibility::HasMap.into());
        }
        Some(source) => return Err(source.into()),
        None if has_control || has_changes => return Err(Incompatibility::ExportsControl.into()),
        None => {}
    }
    let wires = pair
        .map_imports()
        .map(|(name, own)| (name.to_owned(), own.to_owned()))
        .collect();
    compose(pair, wires, &[CONTROL, CHANGES], |_| true)
        .map_err(|source| PlugError::Compose { source })
}

/// Returns the map component with these entries.
fn with_entries(map: &[u8], limits: &Limits, entries: &[Preload]) -> Result<Vec<u8>, PlugError> {
    for (index, Preload { key, value, ttl }) in entries.iter().enumerate() {
        check_write(limits, key, value.len(), *ttl).map_err(|refused| PlugError::Entries {
            source: PreloadError::Refused {
                index,
                source: SetError::try_from(refused).unwrap_or(SetError::Full),
            },
        })?;
    }
    baked_entries::bake(map, entries).map_err(|source| PlugError::Compose {
        source: source.into(),
    })
}

fn read(app: &[u8], map: &[u8]) -> Result<Pair, PlugError> {
    Pair::read(app, map).map_err(|source| PlugError::Component { source })
}
