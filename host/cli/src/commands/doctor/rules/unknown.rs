//! What cannot be told, since a file is missing or cannot be understood.

use crate::commands::doctor::case::Case;
use crate::commands::doctor::finding::{Finding, Level};

/// Returns one finding for each file that is missing or cannot be understood.
pub(super) fn all(case: &Case<'_>) -> Vec<Finding> {
    // Other systems do not have the files, but then all is tried.
    if case.probe.is_some() && !cfg!(target_os = "linux") {
        return Vec::new();
    }
    let (machine, kernel) = (case.machine, &case.machine.kernel);
    let limits = &machine.limits;
    let limits = [
        limits.address_space,
        limits.data,
        limits.open_files,
        limits.threads,
        limits.stack,
    ];
    let known = [
        (
            "/proc/self/status",
            "how many processors there are",
            machine.process.processors.is_some(),
        ),
        (
            "/proc/self/limits",
            "what the limits of the process (ulimit) allow",
            limits.iter().all(Option::is_some),
        ),
        (
            "/proc/meminfo",
            "how much memory there is",
            kernel.memory.is_some(),
        ),
        (
            "/proc/sys/vm/max_map_count",
            "how many mappings are allowed",
            kernel.max_mappings.is_some(),
        ),
        (
            "/proc/sys/vm/overcommit_memory",
            "how memory is granted",
            kernel.overcommit.is_some(),
        ),
    ];
    let values = known.into_iter().filter(|(_, _, known)| !known);
    let values = values.map(|(file, what, _)| (file, what));
    // A kernel without cgroups does not have the files.
    let missing = machine.missing.iter().filter(|_| case.probe.is_none());
    let missing = missing.map(|file| (*file, "what the cgroup allows"));
    let judged: Vec<(&str, &str)> = values.chain(missing).collect();
    let garbled = machine.garbled.iter().map(String::as_str);
    let others: Vec<(&str, &str)> = garbled
        .filter(|file| judged.iter().all(|(judged, _)| judged != file))
        .map(|file| (file, "what it says"))
        .collect();
    let all = judged.into_iter().chain(others);
    all.map(|(file, what)| {
        let text = format!("cannot tell {what}: {file} is missing, or cannot be understood");
        Finding::new(Level::Unknown, "/proc, /sys", text)
    })
    .collect()
}
