//! A status as a line of JSON.

use localmap_mirror::MirrorStatus;
use serde_json::{Value, json};
use std::time::SystemTime;

/// Returns the status as one line, without its end.
pub(super) fn line(status: &MirrorStatus, now: SystemTime) -> String {
    object(status, now).to_string()
}

fn object(status: &MirrorStatus, now: SystemTime) -> Value {
    let freshness = &status.freshness;
    let connection = status.connection.as_ref();
    let counts = status.counts;
    let millis = |age: std::time::Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    json!({
        "time": humantime::format_rfc3339_millis(now).to_string(),
        "state": status.state.to_string(),
        "readable": freshness.is_ok(),
        "fresh": freshness.as_ref().is_ok_and(|freshness| freshness.is_fresh()),
        "age_ms": status.age.map(millis),
        "error": freshness.as_ref().err().map(ToString::to_string),
        "why": status.why.as_deref(),
        "revision": status.revision,
        "entries": status.entries,
        "bytes": status.bytes,
        "omitted": status.omitted,
        "listing": status.listing.map(|listing| json!({
            "done": listing.done,
            "total": listing.total,
        })),
        "endpoint": connection.map(|connection| &connection.endpoint),
        "version": connection.map(|connection| &connection.version),
        // As etcdctl writes it in its text; as a number, many readers of JSON would round it.
        "cluster_id": connection.map(|connection| format!("{:x}", connection.cluster_id)),
        "events": counts.events,
        "lists": counts.lists,
        "disconnects": counts.disconnects,
        "probes": counts.probes,
        "audits": counts.audits,
        "differences": counts.differences,
    })
}
