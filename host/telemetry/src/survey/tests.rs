//! Tests of surveys, with real tenants and maps.

use crate::overview::{Overview, RowName};
use crate::{Telemetry, TelemetryOptions};
use localmap::{Host, MapOptions, TenantClass, Tenants, TenantsOptions, Ttl, lock};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

struct Setup {
    host: Host,
    tenants: Tenants,
    telemetry: Telemetry,
}

fn setup(named: usize) -> Setup {
    let telemetry = Telemetry::new(TelemetryOptions::new().metrics(true).named_tenants(named));
    let host = Host::new().expect("the options are the defaults");
    let options = TenantsOptions::new()
        .class(TenantClass::new("all"))
        .observer(telemetry.tenants_observer());
    let tenants = Tenants::new(&host, options).expect("the options fit");
    telemetry.watch_host(&host);
    telemetry.watch_tenants(&tenants);
    Setup {
        host,
        tenants,
        telemetry,
    }
}

impl Setup {
    /// Takes new statistics, as if the last ones were old.
    fn survey(&self) -> Arc<Overview> {
        let shared = &self.telemetry.shared;
        shared.surveyor.forget();
        shared.overview()
    }

    fn miss(&self, tenant: &[u8], times: u64) {
        let checkout = self.tenants.checkout(tenant).expect("it has a class");
        for _ in 0..times {
            checkout.get(b"absent").expect("the map is live");
        }
    }

    /// Returns the misses of each tenant that has metrics of its own, and of the others.
    fn named_misses(&self) -> Vec<(Option<String>, u64)> {
        let overview = self.survey();
        let named = overview.named.iter();
        named
            .map(|tenant| {
                (
                    tenant.name.as_ref().map(ToString::to_string),
                    tenant.stats.misses,
                )
            })
            .collect()
    }
}

fn named(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[test]
fn a_survey_is_shared_for_a_second() {
    let setup = setup(10);
    setup.miss(b"a", 1);
    let began = Instant::now();
    let first = setup.telemetry.shared.overview();
    setup.miss(b"a", 1);
    let second = setup.telemetry.shared.overview();
    let is_late = began.elapsed().as_secs() > 0;
    assert!(is_late || Arc::ptr_eq(&first, &second));
    assert_eq!(setup.survey().rows.len(), 1);
}

#[test]
fn readers_at_the_same_time_share_a_survey() {
    let setup = setup(10);
    let began = Instant::now();
    let taken = Mutex::new(BTreeSet::new());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    let overview = setup.telemetry.shared.overview();
                    lock(&taken).insert(overview.taken);
                }
            });
        }
    });
    let most = began.elapsed().as_secs() + 1;
    assert!(lock(&taken).len() as u64 <= most, "{taken:?}");
}

#[test]
fn counts_of_a_class_go_on_when_tenants_are_dropped() {
    let setup = setup(10);
    setup.miss(b"a", 3);
    setup.miss(b"b", 1);
    let misses = || setup.survey().classes[0].stats.misses;
    assert_eq!(misses(), 4);
    setup.tenants.remove(b"a");
    assert_eq!(misses(), 4);
    setup.miss(b"a", 1);
    let overview = setup.survey();
    let class = &overview.classes[0];
    assert_eq!(
        (class.stats.misses, class.created, class.tenants),
        (5, 3, 2)
    );
    assert!(class.dropped.contains(&("removed", 1)));
    let row = &overview.rows[0];
    assert!(matches!(&row.name, RowName::Tenant(name) if name.as_bytes() == b"a"));
    assert_eq!((row.stats.misses, row.created), (4, 2));
}

#[test]
fn the_first_tenants_have_counts_of_their_own() {
    let setup = setup(2);
    setup.miss(b"b", 1);
    setup.miss(b"c", 2);
    let first = [(named("b"), 1), (named("c"), 2)];
    assert_eq!(setup.named_misses(), first);
    // A name that comes first in the order does not take the place of another.
    setup.miss(b"a", 4);
    setup.miss(b"d", 8);
    let all = [(named("b"), 1), (named("c"), 2), (None, 12)];
    assert_eq!(setup.named_misses(), all);
    // Nor does one that is dropped leave it, and its counts stay.
    setup.tenants.remove(b"b");
    setup.tenants.remove(b"d");
    assert_eq!(setup.named_misses(), all);
    setup.miss(b"b", 1);
    assert_eq!(
        setup.named_misses(),
        [(named("b"), 2), (named("c"), 2), (None, 12)]
    );
}

#[test]
fn no_number_of_tenants_adds_metrics_beyond_the_maximum() {
    let setup = setup(3);
    for number in 0..50_u8 {
        setup.miss(&[b'\n', number], 1);
    }
    let misses = setup.named_misses();
    assert_eq!(misses.len(), 4);
    assert_eq!(misses.last(), Some(&(None, 47)));
}

#[test]
fn the_entries_of_the_others_are_those_of_live_tenants() {
    let setup = setup(0);
    for tenant in [b"a", b"b"] {
        let checkout = setup.tenants.checkout(tenant).expect("it has a class");
        checkout.set(b"k", b"v", Ttl::Never).expect("there is room");
    }
    assert_eq!(setup.survey().named[0].stats.entries, 2);
    setup.tenants.remove(b"a");
    assert_eq!(setup.survey().named[0].stats.entries, 1);
}

#[test]
fn maps_of_no_tenant_have_a_class() {
    let setup = setup(10);
    let map = |class: &str| {
        let options = MapOptions::new().observer(setup.telemetry.observer(class));
        let map = setup.host.map(&options).expect("there is room");
        let map = Arc::new(Mutex::new(map));
        setup.telemetry.watch_map(class, &map);
        map
    };
    let (one, two) = (map("server"), map("server"));
    lock(&one).get(b"absent").expect("the map is live");
    lock(&two).get(b"absent").expect("the map is live");
    let server = || {
        let overview = setup.survey();
        let mut classes = overview.classes.iter();
        let class = classes.find(|class| &*class.name == "server");
        class.map(|class| (class.stats.misses, overview.rows.len()))
    };
    assert_eq!(server(), Some((2, 2)));
    drop(one);
    assert_eq!(server(), Some((2, 1)));
    let busy = lock(&two);
    assert_eq!(server(), Some((2, 1)), "it is not waited for");
    drop(busy);
}

#[test]
fn maps_that_end_before_a_survey_count_by_their_operations() {
    let setup = setup(10);
    let options = MapOptions::new().observer(setup.telemetry.observer("request"));
    let request = |has_survey: bool| {
        let mut map = setup.host.map(&options).expect("there is room");
        map.set(b"k", b"v", Ttl::Never).expect("there is room");
        map.get(b"k").expect("the map is live");
        map.get(b"absent").expect("the map is live");
        let map = Arc::new(Mutex::new(map));
        if has_survey {
            setup.telemetry.watch_map("request", &map);
            setup.survey();
        }
    };
    let counts = || {
        let overview = setup.survey();
        let mut classes = overview.classes.iter();
        let class = classes.find(|class| &*class.name == "request");
        let stats = class.expect("its operations are counted").stats;
        (stats.hits, stats.misses, stats.writes, stats.entries)
    };
    assert_eq!(counts(), (0, 0, 0, 0), "from the start");
    request(false);
    assert_eq!(counts(), (1, 1, 1, 0));
    request(false);
    assert_eq!(counts(), (2, 2, 2, 0));
    // What a survey has read is not counted again.
    request(true);
    assert_eq!(counts(), (3, 3, 3, 0));
    assert_eq!(setup.survey().rows.len(), 0);
}

#[test]
fn a_survey_does_not_wait_for_a_tenant_that_is_busy() {
    let setup = setup(10);
    setup.miss(b"a", 1);
    let before = setup.survey();
    let checkout = setup.tenants.checkout(b"a").expect("it has a class");
    let map = checkout.shared().expect("it has one map");
    let held = lock(&map);
    let overview = setup.survey();
    drop(held);
    assert_eq!(overview.rows[0].stats, before.rows[0].stats);
    assert_eq!(overview.rows[0].idle, None);
}
