//! The reasons why `plug` refuses a component.

use anyhow::anyhow;
use localmap::{Inspection, PlugOptions, plug_with};

/// Returns the reasons why `plug` cannot give a component a map; empty if it can.
pub(crate) fn misfits(bytes: &[u8], app: &Inspection) -> Vec<String> {
    let mut reasons: Vec<String> = app.app.iter().map(ToString::to_string).collect();
    if reasons.is_empty() {
        let plugged = plug_with(bytes, &PlugOptions::new());
        reasons.extend(plugged.err().map(|error| format!("{:#}", anyhow!(error))));
    }
    reasons
}
