//! Two components made one: an app, and what serves some of its imports.

use crate::compose::component::Pair;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wac_graph::EncodeOptions;

/// Composes the app with the component beside it.
///
/// `wires` are imports of the app, each with the export of the other that serves it. The
/// result exports `beside` of the other, and all exports of the app that `keep` says;
/// what neither of them is given it imports.
///
/// wac-graph panics on components of a shape that it does not know. Those that we know of
/// are refused by name, and what is left is caught: nothing of ours is in its hands.
pub(crate) fn compose(
    pair: Pair,
    wires: Vec<(String, String)>,
    beside: &[&str],
    keep: impl Fn(&str) -> bool,
) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    if let Some(name) = pair.import_that_cannot_be_composed() {
        return Err(format!(
            "the import {name} is not a function or an interface of functions and types, \
             which is all that can be composed"
        )
        .into());
    }
    let exports = pair.exports().map(|(name, _)| name.to_owned());
    let exports: Vec<String> = exports.filter(|name| keep(name)).collect();
    let composed = catch_unwind(AssertUnwindSafe(|| wire(pair, wires, beside, &exports)));
    composed.unwrap_or_else(|_| {
        Err(
            "it imports something that cannot be composed: expected interfaces \
             of functions and types, with a version in their names"
                .into(),
        )
    })
}

fn wire(
    pair: Pair,
    wires: Vec<(String, String)>,
    beside: &[&str],
    exports: &[String],
) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let Pair {
        mut graph,
        map,
        other: app,
    } = pair;
    let map = graph.instantiate(map);
    let app = graph.instantiate(app);
    for (import, ours) in wires {
        let interface = graph.alias_instance_export(map, &ours)?;
        graph.set_instantiation_argument(app, &import, interface)?;
    }
    for name in beside {
        let export = graph.alias_instance_export(map, name)?;
        graph.export(export, *name)?;
    }
    for name in exports {
        let export = graph.alias_instance_export(app, name)?;
        graph.export(export, name)?;
    }
    Ok(graph.encode(EncodeOptions::default())?)
}
