//! Metrics of mirrors of other stores.

use crate::family::{Family, Unit, Value};
use crate::mirrors::MirrorSample;

impl Family {
    /// Adds a series for each mirror that has this value.
    fn of_mirrors(
        self,
        mirrors: &[MirrorSample],
        value: impl Fn(&MirrorSample) -> Option<Value>,
    ) -> Self {
        mirrors
            .iter()
            .fold(self, |family, mirror| match value(mirror) {
                Some(value) => family.with([("mirror", &*mirror.name)], value),
                None => family,
            })
    }

    /// Adds a series for each mirror.
    fn counting(self, mirrors: &[MirrorSample], count: impl Fn(&MirrorSample) -> u64) -> Self {
        self.of_mirrors(mirrors, |mirror| Some(Value::Count(count(mirror))))
    }
}

pub(crate) fn families(mirrors: &[MirrorSample]) -> Vec<Family> {
    let mut all = Vec::from(copies(mirrors));
    all.extend(counts(mirrors));
    all
}

/// Returns the metrics of the copies.
fn copies(mirrors: &[MirrorSample]) -> [Family; 8] {
    let mut states = Family::gauges(
        "localmap_mirror_state",
        "What a mirror does: 1 for its state.",
    );
    for mirror in mirrors {
        let labels = [("mirror", &*mirror.name), ("state", &*mirror.state)];
        states = states.with(labels, Value::Count(1));
    }
    [
        Family::gauges(
            "localmap_mirror_readable",
            "Whether reads of a mirror return entries, and no error: 1 or 0.",
        )
        .counting(mirrors, |mirror| mirror.readable.into()),
        Family::gauges(
            "localmap_mirror_fresh",
            "Whether the copy of a mirror is fresh: 1 or 0.",
        )
        .counting(mirrors, |mirror| mirror.fresh.into()),
        states,
        Family::gauges(
            "localmap_mirror_age",
            "The age of the copy of a mirror, at most.",
        )
        .unit(Unit::Seconds)
        .of_mirrors(mirrors, |mirror| {
            Some(Value::Float(mirror.age?.as_secs_f64()))
        }),
        Family::gauges(
            "localmap_mirror_revision",
            "The revision of the source that the copy of a mirror has.",
        )
        .of_mirrors(mirrors, |mirror| Some(Value::Count(mirror.revision?))),
        Family::gauges("localmap_mirror_entries", "Entries of a mirror.")
            .counting(mirrors, |mirror| mirror.entries),
        Family::gauges(
            "localmap_mirror_memory",
            "Memory that the map of a mirror holds.",
        )
        .unit(Unit::Bytes)
        .counting(mirrors, |mirror| mirror.bytes),
        Family::gauges(
            "localmap_mirror_omitted_keys",
            "Keys of the source that the map of a mirror cannot hold.",
        )
        .counting(mirrors, |mirror| mirror.omitted),
    ]
}

/// Returns what has happened since the mirrors began.
fn counts(mirrors: &[MirrorSample]) -> [Family; 5] {
    let help = "Audits of mirrors, by result.";
    let mut audits = Family::counters("localmap_mirror_audits", help);
    for mirror in mirrors {
        for (result, count) in [("equal", mirror.audits), ("different", mirror.differences)] {
            let labels = [("mirror", &*mirror.name), ("result", result)];
            audits = audits.with(labels, Value::Count(count));
        }
    }
    [
        Family::counters(
            "localmap_mirror_events",
            "Changes that mirrors have applied.",
        )
        .counting(mirrors, |mirror| mirror.events),
        Family::counters(
            "localmap_mirror_lists",
            "Lists of the whole source that mirrors have completed.",
        )
        .counting(mirrors, |mirror| mirror.lists),
        Family::counters(
            "localmap_mirror_disconnects",
            "Connections that mirrors have lost.",
        )
        .counting(mirrors, |mirror| mirror.disconnects),
        Family::counters(
            "localmap_mirror_probes",
            "Reads of the source that have proved the age of a mirror.",
        )
        .counting(mirrors, |mirror| mirror.probes),
        audits,
    ]
}
