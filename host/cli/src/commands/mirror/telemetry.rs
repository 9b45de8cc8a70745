//! The metrics of mirrors.

use localmap_mirror::{MirrorReader, MirrorStatus, Mirrors};
use localmap_telemetry::{MirrorSample, Telemetry};

/// Shows the metrics of mirrors.
pub(in crate::commands) fn watch(telemetry: &Telemetry, mirrors: &Mirrors) {
    let mirrors = mirrors.clone();
    telemetry.watch_mirrors(move || {
        let sample = |(name, reader): (&str, &MirrorReader)| sample(name, &reader.status());
        mirrors.iter().map(sample).collect()
    });
}

fn sample(name: &str, status: &MirrorStatus) -> MirrorSample {
    let freshness = status.freshness.as_ref();
    let counts = status.counts;
    MirrorSample {
        name: name.to_owned(),
        state: status.state.to_string(),
        readable: freshness.is_ok(),
        fresh: freshness.is_ok_and(|freshness| freshness.is_fresh()),
        age: status.age,
        revision: status.revision,
        entries: status.entries,
        bytes: status.bytes,
        omitted: status.omitted,
        events: counts.events,
        lists: counts.lists,
        disconnects: counts.disconnects,
        probes: counts.probes,
        audits: counts.audits,
        differences: counts.differences,
    }
}
