//! The reasons why `plug` refuses a component.

use anyhow::anyhow;
use localmap::Incompatibility::NoMapImport;
use localmap::{Inspection, PlugError, PlugOptions, plug_with};

/// Returns the reasons why `plug` cannot give a component a map; empty if it can.
pub(crate) fn misfits(bytes: &[u8], app: &Inspection) -> Vec<String> {
    // Without an import of a map, `plug_with` knows whether it has one already.
    let known = app.app.iter().filter(|reason| **reason != NoMapImport);
    let mut reasons: Vec<String> = known.map(ToString::to_string).collect();
    if reasons.is_empty() {
        let plugged = plug_with(bytes, &PlugOptions::new());
        reasons.extend(plugged.err().map(|error| match error {
            // The title says only that there is a reason.
            PlugError::Incompatible { source, .. } => source.to_string(),
            other => format!("{:#}", anyhow!(other)),
        }));
    }
    reasons
}
