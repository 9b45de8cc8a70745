//! Metrics of the classes of tenants.

use crate::family::{Family, Unit, Value};
use crate::overview::ClassView;
use localmap::Stats;

pub(crate) fn families(classes: &[ClassView]) -> Vec<Family> {
    let mut all = Vec::from(counts(classes));
    all.extend(memory(classes));
    let of_tenants: Vec<_> = classes.iter().filter(|class| class.of_tenants).collect();
    all.extend(tenants(&of_tenants));
    all
}

impl Family {
    /// Adds a series for each class.
    fn of<'a>(
        self,
        classes: impl IntoIterator<Item = &'a ClassView>,
        value: impl Fn(&ClassView) -> u64,
    ) -> Self {
        classes.into_iter().fold(self, |family, class| {
            family.with([("class", &*class.name)], Value::Count(value(class)))
        })
    }
}

fn counts(classes: &[ClassView]) -> [Family; 6] {
    [
        Family::counters("localmap_hits", "Reads that found their key.")
            .of(classes, |class| class.stats.hits),
        Family::counters("localmap_misses", "Reads that did not find their key.")
            .of(classes, |class| class.stats.misses),
        Family::counters("localmap_writes", "Values that were stored.")
            .of(classes, |class| class.stats.writes),
        Family::counters(
            "localmap_evicted_entries",
            "Entries that were removed to make room.",
        )
        .of(classes, |class| class.stats.evicted),
        Family::counters(
            "localmap_expired_entries",
            "Expired entries whose memory was reclaimed.",
        )
        .of(classes, |class| class.stats.expired),
        Family::counters(
            "localmap_refused_writes",
            "Writes that were rejected by a full map.",
        )
        .of(classes, |class| class.stats.refused),
    ]
}

fn memory(classes: &[ClassView]) -> [Family; 4] {
    let mut memory =
        Family::gauges("localmap_memory", "Memory of live maps, by use.").unit(Unit::Bytes);
    for class in classes {
        let Stats {
            payload,
            overhead,
            free,
            ..
        } = class.stats;
        for (kind, bytes) in [("payload", payload), ("overhead", overhead), ("free", free)] {
            let labels = [("class", &*class.name), ("kind", kind)];
            memory = memory.with(labels, Value::Count(bytes));
        }
    }
    [
        Family::gauges("localmap_entries", "Entries of live maps.")
            .of(classes, |class| class.stats.entries),
        memory,
        Family::gauges("localmap_pinned", "Memory that pins hold.")
            .unit(Unit::Bytes)
            .of(classes, |class| class.stats.pinned),
        Family::gauges(
            "localmap_high_water",
            "The sum of the most memory that each live map has had.",
        )
        .unit(Unit::Bytes)
        .of(classes, |class| class.stats.high_water),
    ]
}

fn tenants(classes: &[&ClassView]) -> [Family; 6] {
    let help = "Tenants that were dropped, by reason.";
    let mut dropped = Family::counters("localmap_tenants_dropped", help);
    for class in classes {
        for (reason, count) in class.dropped {
            let labels = [("class", &*class.name), ("reason", reason)];
            dropped = dropped.with(labels, Value::Count(count));
        }
    }
    [
        Family::gauges(
            "localmap_granted",
            "Memory that live tenants may use at the moment.",
        )
        .unit(Unit::Bytes)
        .of(classes.iter().copied(), |class| class.granted),
        Family::gauges("localmap_tenants", "Live tenants.")
            .of(classes.iter().copied(), |class| class.tenants.into()),
        Family::counters("localmap_tenants_created", "Tenants that were created.")
            .of(classes.iter().copied(), |class| class.created),
        dropped,
        Family::counters(
            "localmap_refused_checkouts",
            "Checkouts of tenants that returned an error.",
        )
        .of(classes.iter().copied(), |class| class.refused),
        Family::counters(
            "localmap_rate_limited_operations",
            "Operations or requests that exceeded a tenant's rate.",
        )
        .of(classes.iter().copied(), |class| class.rate_limited),
    ]
}
