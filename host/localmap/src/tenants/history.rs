//! The last statistics of tenants that were dropped. Their number is bounded: those of the tenant
//! that was dropped longest ago are forgotten first.

use crate::tenants::name::TenantName;
use crate::tenants::stats::TenantStats;
use std::collections::BTreeMap;
use std::ops::Bound;

/// The last statistics of tenants.
pub(crate) struct History {
    max: usize,
    by_name: BTreeMap<TenantName, Record>,
    by_age: BTreeMap<u64, TenantName>,
    last: u64,
    /// The sums of each class, which are never forgotten.
    by_class: Vec<TenantStats>,
}

struct Record {
    at: u64,
    stats: TenantStats,
}

impl History {
    pub(crate) fn new(max: usize, classes: usize) -> Self {
        Self {
            by_class: vec![TenantStats::default(); classes],
            max,
            by_name: BTreeMap::new(),
            by_age: BTreeMap::new(),
            last: 0,
        }
    }

    /// Returns what the dropped tenants of a class have counted.
    pub(crate) fn of_class(&self, class: usize) -> TenantStats {
        self.by_class.get(class).cloned().unwrap_or_default()
    }

    /// Returns the last statistics of a tenant.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&TenantStats> {
        Some(&self.by_name.get(name)?.stats)
    }

    /// Records the statistics of a tenant that has been dropped, and goes on with its counts.
    pub(crate) fn record(&mut self, name: &TenantName, class: usize, mut stats: TenantStats) {
        if let Some(sum) = self.by_class.get_mut(class) {
            sum.add_counts(&stats);
        }
        if let Some(before) = self.by_name.remove(name) {
            stats.add_counts(&before.stats);
            self.by_age.remove(&before.at);
        }
        self.last += 1;
        let at = self.last;
        self.by_age.insert(at, name.clone());
        self.by_name.insert(name.clone(), Record { at, stats });
        while self.by_name.len() > self.max {
            let Some((_, oldest)) = self.by_age.pop_first() else {
                break;
            };
            self.by_name.remove(&oldest);
        }
    }

    /// Returns at most `limit` records after a name, in the order of the names.
    pub(crate) fn list(
        &self,
        after: Option<&[u8]>,
        limit: usize,
    ) -> impl Iterator<Item = (&TenantName, &TenantStats)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let found = self.by_name.range::<[u8], _>((from, Bound::Unbounded));
        found
            .take(limit)
            .map(|(name, record)| (name, &record.stats))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> TenantName {
        TenantName::new(name.as_bytes()).expect("it is short")
    }

    fn stats(entries: u64, hits: u64) -> TenantStats {
        let mut stats = TenantStats {
            class: "class".into(),
            live: false,
            maps: crate::contract::stats::Stats::default(),
            granted: 0,
            rate_limited: 1,
            created: 1,
        };
        stats.maps.entries = entries;
        stats.maps.hits = hits;
        stats
    }

    #[test]
    fn the_number_of_records_is_bounded_and_the_oldest_goes_first() {
        let mut history = History::new(2, 1);
        for tenant in ["a", "b", "a", "c"] {
            history.record(&name(tenant), 0, stats(1, 1));
        }
        let kept: Vec<_> = history.list(None, 10).map(|(name, _)| name).collect();
        assert_eq!(kept, [&name("a"), &name("c")]);
        assert_eq!(history.by_age.len(), 2);
        let mut none = History::new(0, 1);
        none.record(&name("a"), 0, stats(1, 1));
        assert!(none.get(b"a").is_none() && none.by_age.is_empty());
    }

    #[test]
    fn counts_go_on_and_what_was_held_is_that_of_the_last_map() {
        let mut history = History::new(2, 1);
        history.record(&name("a"), 0, stats(5, 10));
        history.record(&name("a"), 0, stats(3, 1));
        let last = history.get(b"a").expect("recorded");
        assert_eq!((last.maps.entries, last.maps.hits), (3, 11));
        assert_eq!((last.created, last.rate_limited), (2, 2));
    }

    #[test]
    fn a_list_goes_on_after_a_name() {
        let mut history = History::new(10, 1);
        for tenant in ["", "a", "a/b", "b"] {
            history.record(&name(tenant), 0, stats(1, 1));
        }
        let page: Vec<_> = history.list(Some(b"a"), 1).map(|(name, _)| name).collect();
        assert_eq!(page, [&name("a/b")]);
        assert_eq!(history.list(None, 10).count(), 4);
    }
}
