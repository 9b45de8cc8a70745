//! Takes the statistics of all maps, and keeps what must not decrease.

use crate::metrics::Metrics;
use crate::overview::{ClassView, Overview, Row, RowName};
use crate::survey::counted::stats_of;
use crate::survey::maps::WatchedMaps;
use crate::survey::named::Named;
use crate::survey::sums::{add, add_counts, raise_counts};
use crate::survey::watched::Watched;
use localmap::{ClassStats, Stats, Survey, SurveyedTenant, TenantEnd, TenantName, TenantState};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is kept from one survey to the next.
pub(crate) struct Totals {
    maps: WatchedMaps,
    named: Named,
    /// The last sums. A tenant that is being dropped may be missing from a survey.
    classes: BTreeMap<Arc<str>, ClassView>,
}

impl Totals {
    /// Creates it. At most `named` tenants have metrics of their own.
    pub(crate) fn new(named: usize) -> Self {
        Self {
            maps: WatchedMaps::default(),
            named: Named::new(named),
            classes: BTreeMap::new(),
        }
    }

    /// Takes the statistics of all maps, and at least what is known of the operations of each class.
    /// `now` returns the time.
    pub(crate) fn take(
        &mut self,
        watched: Watched,
        metrics: &Metrics,
        now: impl Fn() -> u64,
    ) -> Overview {
        let Watched {
            host,
            tenants,
            maps,
        } = watched;
        self.maps.extend(maps);
        let survey = tenants.map(|tenants| tenants.survey());
        let (mut classes, mut rows) = survey.map(sum_up).unwrap_or_default();
        let of_tenants = classes.iter();
        let of_tenants = of_tenants
            .map(|(name, class)| (Arc::clone(name), class.stats))
            .collect();
        let tenants: Vec<_> = rows.iter().filter_map(tenant_of).collect();
        let named = self.named.survey(&tenants, &of_tenants);

        let mut of_maps = BTreeMap::new();
        rows.extend(self.maps.survey(&mut of_maps));
        for (name, stats) in of_maps {
            add(&mut entry(&mut classes, name).stats, &stats);
        }
        // Maps that end between two surveys are in none.
        for (name, counted) in metrics.classes() {
            let counted = stats_of(&counted.read());
            raise_counts(&mut entry(&mut classes, name).stats, &counted);
        }
        for (name, class) in &mut classes {
            if let Some(last) = self.classes.get(name) {
                class.raise(last);
            }
        }
        self.classes.clone_from(&classes);
        Overview {
            taken: now(),
            classes: classes.into_values().collect(),
            rows,
            named,
            host: host.map(|host| host.stats()),
        }
    }
}

fn entry(classes: &mut BTreeMap<Arc<str>, ClassView>, name: Arc<str>) -> &mut ClassView {
    let class = classes.entry(Arc::clone(&name));
    class.or_insert_with(|| ClassView::new(name))
}

fn tenant_of(row: &Row) -> Option<(&TenantName, &Row)> {
    match &row.name {
        RowName::Tenant(name) => Some((name, row)),
        RowName::Map(_) => None,
    }
}

/// Returns the sums of the classes, and the live tenants.
fn sum_up(survey: Survey) -> (BTreeMap<Arc<str>, ClassView>, Vec<Row>) {
    let mut classes: Vec<ClassView> = survey.classes.iter().map(ClassView::of).collect();
    let mut rows = Vec::with_capacity(survey.tenants.len());
    for tenant in survey.tenants {
        if let Some(class) = classes.get_mut(tenant.class) {
            rows.push(class.add(tenant));
        }
    }
    let classes = classes.into_iter();
    let classes = classes.map(|class| (Arc::clone(&class.name), class));
    (classes.collect(), rows)
}

impl ClassView {
    fn new(name: Arc<str>) -> Self {
        let dropped = [
            TenantEnd::Idle,
            TenantEnd::Evicted,
            TenantEnd::Removed,
            TenantEnd::Terminated,
        ];
        Self {
            name,
            stats: Stats::default(),
            of_tenants: false,
            tenants: 0,
            granted: 0,
            created: 0,
            dropped: dropped.map(|end| (end.name(), 0)),
            refused: 0,
            rate_limited: 0,
        }
    }

    /// Creates the sums of a class without those of its live tenants.
    fn of(class: &ClassStats) -> Self {
        let mut sums = Self::new(Arc::clone(&class.name));
        add_counts(&mut sums.stats, &class.dropped);
        let dropped = [
            class.expired,
            class.evicted,
            class.removed,
            class.terminated,
        ];
        for ((_, sum), count) in sums.dropped.iter_mut().zip(dropped) {
            *sum = count;
        }
        Self {
            of_tenants: true,
            tenants: class.tenants,
            granted: class.granted,
            created: class.created,
            refused: class.refused,
            rate_limited: class.rate_limited,
            ..sums
        }
    }

    /// Adds a live tenant.
    fn add(&mut self, tenant: SurveyedTenant) -> Row {
        add(&mut self.stats, &tenant.stats.maps);
        self.rate_limited += tenant.stats.rate_limited;
        let mut row = Row {
            name: RowName::Tenant(tenant.name),
            class: Arc::clone(&self.name),
            idle: match tenant.state {
                TenantState::Idle(time) => Some(time),
                _ => None,
            },
            stats: tenant.stats.maps,
            granted: tenant.stats.granted,
            rate_limited: tenant.stats.rate_limited,
            created: tenant.stats.created,
        };
        if let Some(before) = tenant.before {
            add_counts(&mut row.stats, &before.maps);
            row.rate_limited += before.rate_limited;
            row.created += before.created;
        }
        row
    }

    /// Raises counts to the last ones.
    fn raise(&mut self, last: &Self) {
        raise_counts(&mut self.stats, &last.stats);
        self.created = self.created.max(last.created);
        self.refused = self.refused.max(last.refused);
        self.rate_limited = self.rate_limited.max(last.rate_limited);
        for ((_, count), (_, last)) in self.dropped.iter_mut().zip(last.dropped) {
            *count = (*count).max(last);
        }
    }
}
