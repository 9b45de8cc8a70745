//! The reasons why `shell` refuses a component as its map.

use localmap::{Host, HostOptions, Inspection};

/// Returns the reasons why a component cannot be a map; empty if it can. Compiles a component that
/// fits the world, since only that shows whether its core module can be used.
pub(crate) fn misfits(bytes: &[u8], map: &Inspection) -> Vec<String> {
    if !map.provider.is_empty() {
        return map.provider.iter().map(ToString::to_string).collect();
    }
    let options = HostOptions::new().max_maps(1).cache(true);
    let host = Host::with_component(bytes, &options);
    let refused = host
        .err()
        .map(|error| format!("{:#}", anyhow::anyhow!(error)));
    Vec::from_iter(refused)
}
