//! Which map a checkout returns, and the ends of tenants.

use super::{SECOND, check_out, class, host, is_terminated, tenants, tenants_of};
use localmap::{
    CancelHandle, CheckoutError, CreateError, LinkedMap, MAX_TENANT_NAME_LEN, MapOptions, Preload,
    PreloadError, TenantClass, TenantState, Tenants, TenantsError, TenantsOptions,
    TerminationCause, Ttl,
};
use std::time::Duration;

const V: Option<&[u8]> = Some(b"v");

#[test]
fn a_tenant_has_one_map_for_all_of_its_checkouts() {
    let (tenants, _) = tenants_of(class());
    let (one, other) = (check_out(&tenants, "a"), check_out(&tenants, "a"));
    one.set(b"k", b"v", Ttl::Never).expect("room");
    assert_eq!(other.get(b"k").expect("live").as_deref(), V);
    drop((one, other));
    let later = check_out(&tenants, "a");
    assert_eq!(later.get(b"k").expect("live").as_deref(), V);
    assert_eq!(check_out(&tenants, "b").get(b"k").expect("live"), None);
    assert_eq!(tenants.len(), 2);
}

#[test]
fn a_name_is_any_bytes_up_to_its_maximum() {
    let (tenants, _) = tenants_of(class());
    let longest = [0xff; MAX_TENANT_NAME_LEN];
    for name in [&b""[..], b"\0", b"a\nb", &longest, &longest[1..]] {
        let guard = tenants.checkout(name).expect("a map");
        assert!(guard.is_empty().expect("live"), "of another tenant");
        guard.set(b"k", name, Ttl::Never).expect("room");
        assert_eq!(guard.name().as_bytes(), name);
    }
    let error = tenants.checkout(&[0; 257]).expect_err("it is too long");
    assert!(matches!(error, CheckoutError::Name(too_long) if too_long.len == 257));
    assert_eq!(tenants.len(), 5);
}

#[test]
fn a_tenant_belongs_to_the_first_class_that_matches_it() {
    let entry = |value: &str| Preload {
        key: b"class".to_vec(),
        value: value.into(),
        ttl: Ttl::Never,
    };
    let gold = TenantClass::new("gold")
        .matching(|name| name.starts_with(b"gold"))
        .entries(vec![entry("gold")]);
    let short = TenantClass::new("short")
        .matching(|name| name.len() < 6)
        .entries(vec![entry("short")]);
    let options = TenantsOptions::new().class(gold).class(short);
    let (tenants, _) = tenants(options);
    for (name, expected) in [("gold", "gold"), ("goldfinch", "gold"), ("a", "short")] {
        let guard = check_out(&tenants, name);
        assert_eq!(guard.class(), expected);
        let found = guard.get(b"class").expect("live").expect("present");
        assert_eq!(found, expected.as_bytes());
    }
    let none = tenants.checkout(b"silver").expect_err("no class matches");
    assert!(matches!(none, CheckoutError::NoClass));
}

#[test]
fn options_out_of_their_range_are_refused() {
    let new = |options| Tenants::new(&host(10), options).expect_err("it is refused");
    let one = |class| new(TenantsOptions::new().class(class));
    assert!(matches!(new(TenantsOptions::new()), TenantsError::NoClass));
    let twice = TenantsOptions::new().class(class()).class(class());
    assert!(matches!(
        new(twice),
        TenantsError::RepeatedClass { class, .. } if class == "all"
    ));
    for shards in [0, 257] {
        let refused = one(class().shards_per_tenant(shards));
        assert!(matches!(refused, TenantsError::Shards { .. }));
    }
    // 32 MiB in 256 shards are just enough, but there are only ten maps.
    let refused = new(TenantsOptions::new()
        .class(class().shards_per_tenant(5))
        .max_tenants(3));
    assert!(matches!(
        refused,
        TenantsError::TooFewMaps {
            tenants: 3,
            most: 2,
            ..
        }
    ));
    let small = super::class_of_bytes("small", 5 * super::LEAST - 1);
    assert!(matches!(
        one(small.clone().shards_per_tenant(5)),
        TenantsError::Limits { .. }
    ));
    for bytes in [1, super::LEAST - 1, 5 * super::LEAST] {
        let refused = one(small.clone().reserved_bytes(bytes));
        assert!(matches!(refused, TenantsError::ReservedBytes { .. }));
    }
    let reserved = small.reserved_bytes(super::LEAST).reserved_tenants(4);
    let refused = new(TenantsOptions::new()
        .class(reserved)
        .max_bytes(4 * super::LEAST - 1));
    assert!(matches!(refused, TenantsError::Overcommitted));
}

#[test]
fn first_entries_that_are_rejected_are_an_error_and_leave_no_map() {
    let entry = Preload {
        key: Vec::new(),
        value: Vec::new(),
        ttl: Ttl::Never,
    };
    for shards in [1, 3] {
        let class = class().entries(vec![entry.clone()]);
        let host = host(3);
        let options = TenantsOptions::new().class(class.shards_per_tenant(shards));
        let tenants = Tenants::new(&host, options).expect("the options are in their range");
        for _ in 0..4 {
            let error = tenants.checkout(b"a").expect_err("its key is empty");
            let CheckoutError::Preload(PreloadError::Refused { index, .. }) = error else {
                panic!("{error:?}");
            };
            assert_eq!(index, 0);
        }
        assert_eq!((tenants.len(), host.live_maps()), (0, 0));
    }
}

#[test]
fn idle_tenants_are_dropped_by_a_sweep_and_begin_again() {
    let (tenants, clock) = tenants_of(class());
    check_out(&tenants, "a")
        .set(b"k", b"v", Ttl::Never)
        .expect("room");
    let b = check_out(&tenants, "b");
    clock.advance(59 * SECOND);
    assert_eq!(tenants.next_sweep(), Some(SECOND));
    assert_eq!(tenants.sweep().len(), 0);
    clock.advance(SECOND);
    assert_eq!(tenants.sweep().len(), 1);
    assert_eq!(tenants.len(), 1);
    // It is idle from its return on.
    clock.advance(600 * SECOND);
    assert!(tenants.sweep().is_empty());
    drop(b);
    clock.advance(60 * SECOND);
    assert_eq!(tenants.sweep().len(), 1);
    assert_eq!(check_out(&tenants, "a").get(b"k").expect("live"), None);
}

#[test]
fn classes_have_idle_timeouts_of_their_own() {
    let class = |name: &'static str, timeout: Duration| {
        TenantClass::new(name)
            .matching(move |tenant| tenant == name.as_bytes())
            .idle_timeout(timeout)
    };
    let options = TenantsOptions::new()
        .class(class("long", 100 * SECOND))
        .class(class("short", SECOND))
        .class(class("never", Duration::MAX));
    let (tenants, clock) = tenants(options);
    for name in ["long", "short", "never"] {
        check_out(&tenants, name);
    }
    let names = || {
        let live = tenants.list(None, 10).into_iter();
        let live = live.filter(|tenant| tenant.state != TenantState::Dropped);
        live.map(|tenant| tenant.name.to_string())
            .collect::<Vec<_>>()
    };
    clock.advance(SECOND);
    assert_eq!(tenants.sweep().len(), 1);
    assert_eq!(names(), ["long", "never"]);
    assert_eq!(tenants.next_sweep(), Some(99 * SECOND));
    clock.advance(99 * SECOND);
    assert_eq!(tenants.sweep().len(), 1);
    assert_eq!(tenants.next_sweep(), None);
    clock.set(Duration::MAX);
    assert_eq!(tenants.sweep().len(), 0);
    assert_eq!(names(), ["never"]);
}

#[test]
fn the_maps_of_swept_tenants_are_freed_when_the_result_is_dropped() {
    let (host, clock) = (host(10), localmap::ManualClock::new());
    let options = TenantsOptions::new().class(class()).clock(clock.clone());
    let tenants = Tenants::new(&host, options).expect("the options are in their range");
    check_out(&tenants, "a");
    clock.advance(60 * SECOND);
    let swept = tenants.sweep();
    assert_eq!((tenants.len(), host.live_maps()), (0, 1));
    // The tenant can come back in the meantime.
    check_out(&tenants, "a")
        .set(b"k", b"v", Ttl::Never)
        .expect("room");
    drop(swept);
    assert_eq!((tenants.len(), host.live_maps()), (1, 1));
    let found = check_out(&tenants, "a").get(b"k").expect("live");
    assert_eq!(found.as_deref(), V);
}

#[test]
fn a_guard_outlives_the_entry_of_its_tenant_and_sees_no_other_map() {
    let (tenants, clock) = tenants_of(class());
    let guard = check_out(&tenants, "a");
    let mut linked = LinkedMap::from_shared(guard.shared().expect("one shard"));
    guard.set(b"k", b"v", Ttl::Never).expect("room");
    assert!(tenants.remove(b"a"));
    assert!(tenants.is_empty());
    check_out(&tenants, "a")
        .set(b"k", b"w", Ttl::Never)
        .expect("room");
    let error = guard.get(b"k").expect_err("it was removed");
    assert!(is_terminated(&error));
    let terminated = linked.map().get(b"k").expect_err("it was removed");
    assert!(matches!(terminated.cause(), TerminationCause::Dropped));
    // Its return does not affect the tenant that took its place.
    drop(guard);
    clock.advance(59 * SECOND);
    assert!(tenants.sweep().is_empty());
    let found = check_out(&tenants, "a").get(b"k").expect("live");
    assert_eq!(found.as_deref(), Some(&b"w"[..]));
}

#[test]
fn a_map_that_has_terminated_is_reported_and_then_replaced() {
    let entry = Preload {
        key: b"first".to_vec(),
        value: b"v".to_vec(),
        ttl: Ttl::Never,
    };
    let (tenants, _) = tenants_of(class().entries(vec![entry]));
    let guard = check_out(&tenants, "a");
    guard.delete(b"first").expect("live");
    let shared = guard.shared().expect("one shard");
    localmap::lock(&shared).cancel_handle().cancel();
    assert!(is_terminated(&guard.get(b"first").expect_err("cancelled")));
    let next = check_out(&tenants, "a");
    assert_eq!(next.get(b"first").expect("live").as_deref(), V);
    assert!(is_terminated(&guard.get(b"first").expect_err("as before")));
    assert_eq!(tenants.len(), 1);
    assert_eq!(tenants.classes()[0].terminated, 1);
}

#[test]
fn cancelling_a_tenant_ends_its_map_and_no_other() {
    let (tenants, _) = tenants_of(class().shards_per_tenant(2));
    let (a, b) = (check_out(&tenants, "a"), check_out(&tenants, "b"));
    a.cancel_handle().cancel();
    assert!(is_terminated(&a.len().expect_err("cancelled")));
    assert_eq!(b.len().expect("live"), 0);
    assert_eq!(check_out(&tenants, "a").len().expect("replaced"), 0);
}

#[test]
fn cancelling_a_class_ends_all_of_its_tenants_for_good() {
    let gold = TenantClass::new("gold").matching(|name| name.starts_with(b"g"));
    let host = host(10);
    let options = TenantsOptions::new().class(gold).class(class());
    let tenants = Tenants::new(&host, options).expect("the options are in their range");
    let guards = ["g1", "g2", "a"].map(|name| check_out(&tenants, name));
    assert_eq!(host.live_maps(), 3);
    tenants.class_handle("gold").expect("a class").cancel();
    assert_eq!(host.live_maps(), 1);
    assert!(tenants.class_handle("silver").is_none());
    let live = guards.each_ref().map(|guard| guard.len().is_ok());
    assert_eq!(live, [false, false, true]);
    for name in [b"g1", b"g3"] {
        let refused = tenants.checkout(name).expect_err("cancelled");
        assert!(matches!(refused, CheckoutError::Cancelled));
    }
    assert!(tenants.checkout(b"b").is_ok());
}

#[test]
fn a_handle_of_the_embedder_cancels_all_classes_or_one() {
    let (all, one) = (CancelHandle::new(), CancelHandle::new());
    let gold = TenantClass::new("gold")
        .matching(|name| name == b"gold")
        .map(MapOptions::new().cancel_with(&one));
    let options = TenantsOptions::new()
        .class(gold)
        .class(class())
        .cancel_with(&all);
    let (tenants, _) = tenants(options);
    let (gold, other) = (check_out(&tenants, "gold"), check_out(&tenants, "b"));
    one.cancel();
    assert_eq!((gold.len().is_ok(), other.len().is_ok()), (false, true));
    all.cancel();
    assert!(other.len().is_err());
}

#[test]
fn what_is_attached_to_a_tenant_ends_with_its_map() {
    let (tenants, clock) = tenants_of(class());
    let attached = std::sync::Arc::new(());
    let guard = check_out(&tenants, "a");
    let first = guard.attached(|| std::sync::Arc::clone(&attached));
    assert!(first.is_some());
    assert!(guard.attached(|| 0u8).is_none(), "another type");
    assert_eq!(std::sync::Arc::strong_count(&attached), 2);
    drop((first, guard));
    clock.advance(60 * SECOND);
    drop(tenants.sweep());
    assert_eq!(std::sync::Arc::strong_count(&attached), 1);
    let again = check_out(&tenants, "a").attached(|| 7u8);
    assert_eq!(again.as_deref(), Some(&7));
}

#[test]
fn a_host_without_maps_for_others_is_an_error() {
    let host = host(2);
    let options = TenantsOptions::new().class(class());
    let tenants = Tenants::new(&host, options).expect("the options are in their range");
    let own = [(); 2].map(|()| host.map(&MapOptions::new()).expect("a map"));
    let error = tenants.checkout(b"a").expect_err("no map is left");
    assert!(matches!(
        error,
        CheckoutError::Create(CreateError::TooManyMaps { max: 2, .. })
    ));
    drop(own);
    assert!(tenants.checkout(b"a").is_ok());
}
