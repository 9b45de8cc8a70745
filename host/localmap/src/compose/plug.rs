//! An app and its map in one component.

use crate::artifact::MAP_COMPONENT;
use crate::artifact::baked_limits::bake;
use crate::compose::component::Pair;
use crate::compose::error::PlugError;
use crate::compose::keyvalue::with_keyvalue;
use crate::compose::wire::compose;
use crate::contract::buckets::Buckets;
use crate::contract::limits::Limits;
use crate::contract::names::CONTROL;
use std::borrow::Cow;

/// Makes one self-contained component out of an app, which imports
/// `localmap:core/local-map`, and a map of its own.
///
/// The result runs on any WASI 0.2 host. Each instance of it has its own map, with
/// `limits` unless [`Control::configure`](crate::Control::configure) says
/// otherwise: beside the app's own exports, the result exports
/// `localmap:core/control` for its host. The app never sees that interface.
///
/// An app that imports `wasi:keyvalue`, instead or as well, gets its buckets in that map
/// ([`with_keyvalue`](crate::with_keyvalue)), whose limits are made to be
/// [for buckets](Limits::for_buckets). [`plug_with`] gives them TTLs.
///
/// # Errors
///
/// See [`PlugError`].
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

/// What an app and its map are given when they are made one.
///
/// ```
/// use localmap::{Buckets, Limits, PlugOptions};
/// use std::time::Duration;
///
/// let options = PlugOptions::new()
///     .limits(Limits::default().max_entries(10_000))
///     .buckets(Buckets::new().ttl("sessions", Duration::from_secs(1800)));
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default)]
pub struct PlugOptions {
    limits: Limits,
    buckets: Buckets,
}

impl PlugOptions {
    /// The default limits, and buckets without TTLs of their own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the limits of the map.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets what the buckets are like, of an app that imports `wasi:keyvalue`.
    #[must_use]
    pub fn buckets(mut self, buckets: Buckets) -> Self {
        self.buckets = buckets;
        self
    }
}

/// [`plug`] with more to say.
///
/// # Errors
///
/// See [`PlugError`]. That buckets have TTLs, and the app does not import `wasi:keyvalue`,
/// is one: [`Incompatibility::NoKeyvalueImport`].
pub fn plug_with(app: &[u8], options: &PlugOptions) -> Result<Vec<u8>, PlugError> {
    let PlugOptions { limits, buckets } = options;
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
    let pair = read(&app, &bake(MAP_COMPONENT, &limits))?;
    if let Some(source) = pair.app_misfits().into_iter().next() {
        return Err(source.into());
    }
    let wires = pair
        .map_imports()
        .map(|(name, ours)| (name.to_owned(), ours.to_owned()))
        .collect();
    compose(pair, wires, &[CONTROL], |_| true).map_err(|source| PlugError::Compose { source })
}

fn read(app: &[u8], map: &[u8]) -> Result<Pair, PlugError> {
    Pair::read(app, map).map_err(|source| PlugError::Component { source })
}
