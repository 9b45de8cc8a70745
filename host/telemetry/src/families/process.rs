//! Metrics of the host of all maps, and of the process.

use crate::family::{Family, Unit, Value};
use crate::process::Process;
use localmap::HostStats;

/// Returns the metrics of a host.
pub(crate) fn of_host(host: &HostStats) -> [Family; 8] {
    let mut ended = Family::counters("localmap_maps_ended", "Maps that have ended, by cause.");
    for (cause, count) in host.ended.by_cause() {
        ended = ended.with([("cause", cause)], Value::Count(count));
    }
    [
        Family::gauges("localmap_maps", "Live maps.").is(host.live.into()),
        Family::gauges("localmap_max_maps", "The limit on live maps.").is(host.max_maps.into()),
        Family::gauges(
            "localmap_waiting_maps",
            "Maps that wait for another one to end.",
        )
        .is(host.waiting.into()),
        Family::counters("localmap_maps_created", "Maps that were created.").is(host.created),
        Family::counters("localmap_maps_refused", "Maps that were not created.").is(host.refused),
        ended,
        Family::counters(
            "localmap_memory_denied",
            "Growths of memory that were denied to maps.",
        )
        .is(host.memory_denied),
        Family::counters(
            "localmap_epochs",
            "Ticks of 10 ms that have found the same operation running as the tick before.",
        )
        .is(host.epochs),
    ]
}

/// Returns the metrics that all programs have, by their usual names.
pub(crate) fn families(process: &Process) -> Vec<Family> {
    let mut all = vec![
        Family::counters(
            "process_cpu",
            "Time of the processor in programs and in the system.",
        )
        .unit(Unit::Seconds)
        .with([], Value::Float(process.cpu_seconds)),
        Family::gauges(
            "process_resident_memory",
            "Memory of the process that is resident.",
        )
        .unit(Unit::Bytes)
        .is(process.resident_bytes),
        Family::gauges(
            "process_virtual_memory",
            "Addresses that the process has mapped.",
        )
        .unit(Unit::Bytes)
        .is(process.virtual_bytes),
        Family::gauges("process_open_fds", "File descriptors that are open.").is(process.open_fds),
        Family::gauges(
            "process_start_time",
            "When the process began, as Unix time.",
        )
        .unit(Unit::Seconds)
        .with([], Value::Float(process.start_time_seconds)),
        Family::gauges("process_threads", "Threads of the process.").is(process.threads),
    ];
    all.extend(process.max_fds.map(|max_fds| {
        Family::gauges("process_max_fds", "The limit on open file descriptors.").is(max_fds)
    }));
    all
}
