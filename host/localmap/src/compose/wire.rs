//! Composes an app with a provider, which serves some of its imports, into one component.

use crate::compose::component::Pair;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wac_graph::EncodeOptions;

/// Composes the app with its provider.
///
/// `wires` lists imports of the app, each with the export of the provider that serves it. The
/// result exports `provider_exports` of the provider, and the exports of the app for which
/// `keep` returns `true`. It has all other imports of the app and of the provider.
///
/// wac-graph panics on component features that it does not support. Known ones are rejected by
/// the name of the import. Other panics are caught, which is safe because wac-graph shares no
/// state with this crate.
pub(crate) fn compose(
    pair: Pair,
    wires: Vec<(String, String)>,
    provider_exports: &[&str],
    keep: impl Fn(&str) -> bool,
) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    if let Some(name) = pair.uncomposable_import() {
        return Err(format!(
            "the import {name} is neither a function nor an interface of functions and types: \
             only these can be composed"
        )
        .into());
    }
    let exports = pair.exports().map(|(name, _)| name.to_owned());
    let exports: Vec<String> = exports.filter(|name| keep(name)).collect();
    let composed = catch_unwind(AssertUnwindSafe(|| {
        wire(pair, wires, provider_exports, &exports)
    }));
    composed.unwrap_or_else(|_| {
        Err(
            "one of its imports cannot be composed: expected interfaces of functions and types, \
             with a version in their names"
                .into(),
        )
    })
}

/// Connects the instances, and encodes the composition.
fn wire(
    pair: Pair,
    wires: Vec<(String, String)>,
    provider_exports: &[&str],
    exports: &[String],
) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let Pair {
        mut graph,
        provider,
        component: app,
        ..
    } = pair;
    let provider = graph.instantiate(provider);
    let app = graph.instantiate(app);
    for (import, export) in wires {
        let interface = graph.alias_instance_export(provider, &export)?;
        graph.set_instantiation_argument(app, &import, interface)?;
    }
    for name in provider_exports {
        let export = graph.alias_instance_export(provider, name)?;
        graph.export(export, *name)?;
    }
    for name in exports {
        let export = graph.alias_instance_export(app, name)?;
        graph.export(export, name)?;
    }
    Ok(graph.encode(EncodeOptions::default())?)
}
