//! What observers see of tenants, and the survey of all of them.

use super::{SECOND, check_out, class, is_terminated, tenants};
use localmap::{
    ObservedCall, Observer, Preload, TenantClass, TenantEnd, TenantName, TenantState, TenantStats,
    TenantsObserver, TenantsOptions, TerminationCause, Ttl, WhenFull,
};
use std::sync::{Arc, Mutex};

/// Notes what it sees, in lines.
#[derive(Default)]
struct Log {
    lines: Arc<Mutex<Vec<String>>>,
}

impl Log {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock().expect("no panic"))
    }
}

impl TenantsObserver for Log {
    fn observer(&self, tenant: &TenantName, class: &Arc<str>) -> Option<Arc<dyn Observer>> {
        Some(Arc::new(OfTenant {
            name: format!("{class}/{}", String::from_utf8_lossy(tenant.as_bytes())),
            lines: Arc::clone(&self.lines),
        }))
    }

    fn dropped(&self, tenant: &TenantName, class: &Arc<str>, end: TenantEnd, last: &TenantStats) {
        let name = String::from_utf8_lossy(tenant.as_bytes());
        let line = format!(
            "{class}/{name} dropped: {} with {}",
            end.name(),
            last.maps.entries
        );
        self.lines.lock().expect("no panic").push(line);
    }
}

struct OfTenant {
    name: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl OfTenant {
    fn note(&self, what: &str) {
        let line = format!("{} {what}", self.name);
        self.lines.lock().expect("no panic").push(line);
    }
}

impl Observer for OfTenant {
    fn end(&self, _: u64, call: &ObservedCall<'_>) {
        let ObservedCall {
            operation,
            outcome,
            caller,
            ..
        } = call;
        self.note(&format!("{} {outcome:?} for {caller}", operation.name()));
    }

    fn created(&self) {
        self.note("created");
    }

    fn ended(&self, cause: &TerminationCause) {
        self.note(&format!("ended: {cause}"));
    }
}

#[test]
fn each_operation_and_each_end_is_seen_with_its_tenant() {
    let log = Arc::new(Log::default());
    let options = TenantsOptions::new().class(class()).observer(log.clone());
    let (tenants, clock) = tenants(options);
    let guard = check_out(&tenants, "a").with_caller(7);
    guard.set(b"k", b"v", Ttl::Never).expect("room");
    guard.get(b"none").expect("alive");
    drop(guard);
    check_out(&tenants, "a").len().expect("alive");
    let created = [
        "all/a created",
        "all/a set Ok for 7",
        "all/a get Miss for 7",
        "all/a len Ok for 0",
    ];
    assert_eq!(log.take(), created);

    clock.advance(60 * SECOND);
    drop(tenants.sweep());
    assert_eq!(
        log.take(),
        [
            "all/a ended: its owner dropped it",
            "all/a dropped: idle with 1"
        ]
    );

    let guard = check_out(&tenants, "b");
    tenants.remove(b"b");
    assert!(is_terminated(&guard.get(b"k").expect_err("removed")));
    assert_eq!(
        log.take(),
        [
            "all/b created",
            "all/b ended: its owner dropped it",
            "all/b dropped: removed with 0",
            "all/b get Terminated for 0",
        ]
    );

    check_out(&tenants, "c").cancel_handle().cancel();
    drop(check_out(&tenants, "c"));
    assert_eq!(
        log.take(),
        [
            "all/c created",
            "all/c ended: it was cancelled",
            "all/c dropped: terminated with 0",
            "all/c created",
        ]
    );
}

#[test]
fn a_tenant_that_makes_room_is_evicted() {
    let log = Arc::new(Log::default());
    let options = TenantsOptions::new()
        .class(class())
        .max_tenants(1)
        .when_full(WhenFull::DropIdlest { idle_for: SECOND })
        .observer(log.clone());
    let (tenants, clock) = tenants(options);
    drop(check_out(&tenants, "a"));
    clock.advance(SECOND);
    drop(check_out(&tenants, "b"));
    assert!(
        log.take()
            .contains(&"all/a dropped: evicted with 0".to_owned())
    );
}

#[test]
fn all_shards_of_a_tenant_have_its_observer() {
    let log = Arc::new(Log::default());
    let class = TenantClass::new("all").shards_per_tenant(4);
    let (tenants, _) = tenants(TenantsOptions::new().class(class).observer(log.clone()));
    let guard = check_out(&tenants, "a");
    assert_eq!(log.take(), ["all/a created"; 4]);
    for key in 0..20u8 {
        guard.get(&[key]).expect("alive");
    }
    assert_eq!(log.take(), ["all/a get Miss for 0"; 20]);
}

#[test]
fn a_survey_has_live_tenants_and_what_dropped_ones_have_counted() {
    let (tenants, clock) = tenants(TenantsOptions::new().class(class()));
    for name in ["b", "a", "gone"] {
        let guard = check_out(&tenants, name);
        guard.set(b"k", b"v", Ttl::Never).expect("room");
        guard.get(b"k").expect("alive");
        guard.get(b"none").expect("alive");
    }
    tenants.remove(b"gone");
    clock.advance(SECOND);
    let used = check_out(&tenants, "b");
    let survey = tenants.survey();
    let names: Vec<_> = survey
        .tenants
        .iter()
        .map(|tenant| tenant.name.as_bytes())
        .collect();
    assert_eq!(names, [b"a", b"b"]);
    let states: Vec<_> = survey.tenants.iter().map(|tenant| tenant.state).collect();
    assert_eq!(states, [TenantState::Idle(SECOND), TenantState::InUse]);
    for tenant in &survey.tenants {
        assert_eq!((tenant.stats.maps.hits, tenant.stats.maps.misses), (1, 1));
        assert_eq!((tenant.class, &tenant.before), (0, &None));
    }
    let class = &survey.classes[0];
    assert_eq!((class.tenants, class.removed, class.created), (2, 1, 3));
    assert_eq!(
        (
            class.dropped.hits,
            class.dropped.writes,
            class.dropped.entries
        ),
        (1, 1, 0)
    );

    // What it had counted before is told, too, and stays in the sum of the class.
    drop(used);
    check_out(&tenants, "gone").get(b"none").expect("alive");
    let survey = tenants.survey();
    let again = survey
        .tenants
        .iter()
        .find(|tenant| tenant.name.as_bytes() == b"gone");
    let again = again.expect("it is live");
    let before = again.before.as_ref().expect("it was dropped before");
    assert_eq!((again.stats.maps.misses, before.maps.misses), (1, 1));
    assert_eq!(survey.classes[0].dropped.misses, 1);
}

#[test]
fn a_survey_does_not_wait_for_an_operation() {
    let (tenants, _) = tenants(TenantsOptions::new().class(class()));
    let guard = check_out(&tenants, "a");
    guard.set(b"k", b"v", Ttl::Never).expect("room");
    assert_eq!(tenants.survey().tenants[0].stats.maps.writes, 1);
    guard.set(b"k", b"v", Ttl::Never).expect("room");
    let map = guard.shared().expect("one shard");
    let busy = map.lock().expect("no panic");
    // What was read before.
    assert_eq!(tenants.survey().tenants[0].stats.maps.writes, 1);
    drop(busy);
    assert_eq!(tenants.survey().tenants[0].stats.maps.writes, 2);
}

#[test]
fn a_survey_reclaims_expired_entries_in_steps() {
    let (tenants, clock) = tenants(TenantsOptions::new().class(class()));
    let guard = check_out(&tenants, "a");
    for key in 0..20_000u32 {
        guard
            .set(&key.to_le_bytes(), b"", Ttl::After(SECOND))
            .expect("room");
    }
    assert_eq!(tenants.survey().tenants[0].stats.maps.entries, 20_000);
    clock.advance(SECOND);
    // Some of them, and the statistics that were read before.
    assert_eq!(tenants.survey().tenants[0].stats.maps.entries, 20_000);
    let stats = tenants.survey().tenants[0].stats.maps;
    assert_eq!((stats.entries, stats.expired), (0, 20_000));
}

#[test]
fn first_entries_are_no_operations() {
    let log = Arc::new(Log::default());
    let entry = Preload {
        key: b"plan".to_vec(),
        value: b"gold".to_vec(),
        ttl: Ttl::Never,
    };
    let class = class().entries(vec![entry]);
    let (tenants, _) = tenants(TenantsOptions::new().class(class).observer(log.clone()));
    assert!(check_out(&tenants, "a").contains(b"plan").expect("alive"));
    assert_eq!(log.take(), ["all/a created", "all/a contains Hit for 0"]);
}

#[test]
fn the_rejections_of_a_checkout_are_seen() {
    let log = Arc::new(Log::default());
    let options = TenantsOptions::new().class(class()).observer(log.clone());
    let (tenants, _) = tenants(options);
    let guard = check_out(&tenants, "a");
    guard.set(b"", b"v", Ttl::Never).expect_err("no key");
    assert_eq!(
        log.take(),
        ["all/a created", "all/a set Rejected(InvalidKey) for 0"]
    );
}
