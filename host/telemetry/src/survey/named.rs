//! The tenants that have metrics of their own: the first ones, up to a maximum.

use crate::overview::{NamedTenant, Row};
use crate::survey::sums::{add, add_growth, raise_counts, subtract_counts, with_counts};
use localmap::{Stats, TenantName};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The tenants that have metrics of their own. Once a tenant is one of them, it remains so: otherwise
/// its counts would come and go.
pub(crate) struct Named {
    max: usize,
    tenants: BTreeMap<TenantName, Known>,
    /// The counts of the others, by class.
    others: BTreeMap<Arc<str>, Stats>,
}

struct Known {
    class: Arc<str>,
    /// What was last read. It is less than before if the history of the tenant was forgotten.
    last: Stats,
    /// All that was counted.
    total: Stats,
    is_live: bool,
}

impl Named {
    /// Creates it, for at most `max` tenants.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            tenants: BTreeMap::new(),
            others: BTreeMap::new(),
        }
    }

    /// Returns the named tenants, and for each class the sum of the others. `rows` are live tenants, and
    /// `classes` the sums of all tenants, live and dropped, of each class.
    pub(crate) fn survey(
        &mut self,
        rows: &[(&TenantName, &Row)],
        classes: &BTreeMap<Arc<str>, Stats>,
    ) -> Vec<NamedTenant> {
        let mut rest: BTreeMap<&Arc<str>, Stats> = BTreeMap::new();
        for known in self.tenants.values_mut() {
            known.is_live = false;
        }
        for (name, row) in rows {
            if let Some(known) = self.tenants.get_mut(*name) {
                known.see(&row.stats);
            } else if self.tenants.len() < self.max {
                self.tenants.insert((*name).clone(), Known::new(row));
            } else {
                add(rest.entry(&row.class).or_default(), &row.stats);
            }
        }
        for (class, all) in classes {
            let held = rest.get(class).copied().unwrap_or_default();
            self.count_others(class, all, &held);
        }
        self.all()
    }

    /// Counts the others of a class: all that its tenants have counted, less what the named ones have.
    fn count_others(&mut self, class: &Arc<str>, all: &Stats, held: &Stats) {
        let mut counted = *all;
        for known in self.tenants.values().filter(|known| known.class == *class) {
            subtract_counts(&mut counted, &known.total);
        }
        let others = self.others.entry(Arc::clone(class)).or_default();
        raise_counts(&mut counted, others);
        *others = with_counts(held, &counted);
    }

    fn all(&self) -> Vec<NamedTenant> {
        let named = self.tenants.iter().map(|(name, known)| NamedTenant {
            name: Some(name.clone()),
            class: Arc::clone(&known.class),
            stats: known.stats(),
        });
        let others = self.others.iter();
        let others = others.filter(|(_, stats)| **stats != Stats::default());
        let others = others.map(|(class, stats)| NamedTenant {
            name: None,
            class: Arc::clone(class),
            stats: *stats,
        });
        named.chain(others).collect()
    }
}

impl Known {
    fn new(row: &Row) -> Self {
        Self {
            class: Arc::clone(&row.class),
            last: row.stats,
            total: row.stats,
            is_live: true,
        }
    }

    fn see(&mut self, stats: &Stats) {
        add_growth(&mut self.total, &self.last, stats);
        self.last = *stats;
        self.is_live = true;
    }

    /// Returns what the tenant holds, if it is live, and all that it has counted.
    fn stats(&self) -> Stats {
        if self.is_live {
            with_counts(&self.last, &self.total)
        } else {
            with_counts(&Stats::default(), &self.total)
        }
    }
}
