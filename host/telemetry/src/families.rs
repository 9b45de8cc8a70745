//! All metrics, as data.

mod classes;
mod guard;
mod labels;
mod mirrors;
mod process;
mod program;
mod tenants;

use crate::family::Family;
use crate::process::Process;
use crate::shared::Shared;

/// Returns all metrics. Statistics of maps are taken at most once a second, and no operation is waited
/// for.
pub(crate) fn families(shared: &Shared) -> Vec<Family> {
    let overview = shared.overview();
    let mut all = program::families(shared);
    all.extend(classes::families(&overview.classes));
    all.extend(tenants::families(&overview.named));
    all.extend(mirrors::families(&shared.mirrors.samples()));
    all.extend(guard::families(shared.guard.sample().as_ref()));
    all.extend(overview.host.iter().flat_map(process::of_host));
    all.extend(Process::read().iter().flat_map(process::families));
    all
}
