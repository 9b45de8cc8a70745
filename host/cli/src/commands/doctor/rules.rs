//! What the findings are: one function for each setting of the machine.

mod memory;
mod space;
mod threads;
mod unknown;

use super::case::Case;
use super::finding::Finding;
use super::probe::Probe;
use super::wanted::Wanted;
use crate::machine::Machine;
pub(super) use memory::full_maps;
pub(super) use space::{maps_by_mappings, max_maps};

/// Returns all findings, those of one setting together.
pub(super) fn all(wanted: &Wanted, machine: &Machine, probe: Option<&Probe>) -> Vec<Finding> {
    let case = Case::new(wanted, machine, probe);
    let rules = [
        space::maps,
        space::instances,
        space::concurrency,
        space::mappings,
        threads::quota,
        threads::workers,
        threads::count,
        threads::stack,
        threads::files,
        memory::limit,
        memory::high,
        memory::data,
        memory::overcommit,
        memory::huge_pages,
        hidden,
        unknown::all,
    ];
    rules.iter().flat_map(|rule| rule(&case)).collect()
}

/// Limits that may be there, but cannot be seen.
fn hidden(case: &Case<'_>) -> Vec<Finding> {
    let cgroups = &case.machine.cgroups;
    let mut findings = Vec::new();
    if !cgroups.elsewhere.is_empty() {
        let controllers = cgroups.elsewhere.join(", ");
        findings.push(Finding::note(
            "cgroup",
            format!(
                "the cgroup of this process is outside of what is mounted, so its own limits \
                 cannot be seen ({controllers})"
            ),
        ));
    }
    if case.machine.process.cgroup_namespace {
        findings.push(Finding::note(
            "cgroup namespace",
            "limits above the root of this namespace, such as those of a pod around its \
             containers, cannot be seen from here; they count all the same",
        ));
    }
    findings
}
