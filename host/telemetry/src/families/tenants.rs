//! Metrics of tenants: of those that have their own, and of the others of each class.

use crate::families::labels::tenant_label;
use crate::family::{Family, Unit, Value};
use crate::overview::NamedTenant;
use localmap::Stats;

pub(crate) fn families(tenants: &[NamedTenant]) -> [Family; 7] {
    let labelled = tenants.iter();
    let tenants: Vec<_> = labelled
        .map(|tenant| (tenant_label(tenant.name.as_ref()), tenant))
        .collect();
    let of = |family: Family, value: fn(&Stats) -> u64| {
        tenants.iter().fold(family, |family, (label, tenant)| {
            let labels = [("class", &*tenant.class), ("tenant", label.as_str())];
            family.with(labels, Value::Count(value(&tenant.stats)))
        })
    };
    [
        of(
            Family::gauges(
                "localmap_tenant_entries",
                "Entries of a tenant, or of the others.",
            ),
            |stats| stats.entries,
        ),
        of(
            Family::gauges(
                "localmap_tenant_memory",
                "Memory of a tenant, or of the others.",
            )
            .unit(Unit::Bytes),
            |stats| stats.bytes,
        ),
        of(
            Family::counters(
                "localmap_tenant_hits",
                "Reads of a tenant that found their key.",
            ),
            |stats| stats.hits,
        ),
        of(
            Family::counters(
                "localmap_tenant_misses",
                "Reads of a tenant that did not find their key.",
            ),
            |stats| stats.misses,
        ),
        of(
            Family::counters(
                "localmap_tenant_evicted_entries",
                "Entries of a tenant that were removed to make room.",
            ),
            |stats| stats.evicted,
        ),
        of(
            Family::counters(
                "localmap_tenant_expired_entries",
                "Expired entries of a tenant whose memory was reclaimed.",
            ),
            |stats| stats.expired,
        ),
        of(
            Family::counters(
                "localmap_tenant_refused_writes",
                "Writes of a tenant that were rejected by a full map.",
            ),
            |stats| stats.refused,
        ),
    ]
}
