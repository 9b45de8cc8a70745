//! An app and its map in one component.

use crate::bake::bake;
use crate::component::{CONTROL, ComponentError, Misfit, Pair};
use crate::error::ConfigureError;
use crate::host::COMPONENT;
use crate::limits::Limits;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wac_graph::EncodeOptions;

/// Why an app could not be given a map.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlugError {
    /// The bytes are not a component.
    #[error("cannot read the app")]
    #[non_exhaustive]
    Component {
        /// Why not.
        source: ComponentError,
    },
    /// The component is not one that a map can be given to.
    #[error("the component does not fit the world localmap:core/app")]
    #[non_exhaustive]
    Misfit {
        /// In what way.
        source: Misfit,
    },
    /// The limits are not ones that a map can have.
    #[error("cannot configure the map")]
    #[non_exhaustive]
    Limits {
        /// Which, and why.
        source: ConfigureError,
    },
    /// App and map do not go together, for example because the app has an export
    /// of the map's name, or their imports clash.
    #[error("cannot compose the app with its map")]
    #[non_exhaustive]
    Compose {
        /// What the composition says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<Misfit> for PlugError {
    fn from(source: Misfit) -> Self {
        Self::Misfit { source }
    }
}

/// Makes one self-contained component out of an app, which imports
/// `localmap:core/local-map`, and a map of its own.
///
/// The result runs on any WASI 0.2 host. Each instance of it has its own map, with
/// `limits` unless [`Control::configure`](crate::Control::configure) says
/// otherwise: beside the app's own exports, the result exports
/// `localmap:core/control` for its host. The app never sees that interface.
///
/// # Errors
///
/// See [`PlugError`].
#[cfg_attr(
    feature = "cli",
    doc = concat!(
        "# Examples\n\nWith `wasmtime-wasi`:\n\n```\n",
        include_str!("../examples/plug.rs"),
        "\n```"
    )
)]
pub fn plug(app: &[u8], limits: &Limits) -> Result<Vec<u8>, PlugError> {
    limits
        .check()
        .map_err(|source| PlugError::Limits { source })?;
    let map = bake(COMPONENT, limits);
    let pair = Pair::read(app, &map).map_err(|source| PlugError::Component { source })?;
    if let Some(source) = pair.app_misfits().into_iter().next() {
        return Err(source.into());
    }
    compose_or_refuse(pair).map_err(|source| PlugError::Compose { source })
}

/// wac-graph panics on components of a shape that it does not know. Those that we know of
/// are refused by name, and what is left is caught: nothing of ours is in its hands.
fn compose_or_refuse(pair: Pair) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    if let Some(name) = pair.import_that_cannot_be_composed() {
        return Err(format!(
            "the import {name} is not a function or an interface of functions and types, \
             which is all that can be composed"
        )
        .into());
    }
    catch_unwind(AssertUnwindSafe(|| compose(pair))).unwrap_or_else(|_| {
        Err(
            "it imports something that cannot be composed: expected interfaces \
             of functions and types, with a version in their names"
                .into(),
        )
    })
}

fn compose(pair: Pair) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let imports: Vec<(String, &str)> = pair
        .map_imports()
        .map(|(name, ours)| (name.to_owned(), ours))
        .collect();
    let exports: Vec<String> = pair.exports().map(|(name, _)| name.to_owned()).collect();
    let Pair {
        mut graph,
        map,
        other: app,
    } = pair;
    let map = graph.instantiate(map);
    let app = graph.instantiate(app);
    for (import, ours) in imports {
        let interface = graph.alias_instance_export(map, ours)?;
        graph.set_instantiation_argument(app, &import, interface)?;
    }
    let control = graph.alias_instance_export(map, CONTROL)?;
    graph.export(control, CONTROL)?;
    for name in exports {
        let export = graph.alias_instance_export(app, &name)?;
        graph.export(export, &name)?;
    }
    Ok(graph.encode(EncodeOptions::default())?)
}
