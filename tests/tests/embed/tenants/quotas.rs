//! Quotas of one tenant and of all of them, and rates.

use super::{
    LEAST, SECOND, check_out, class, class_of_bytes, is_full, tenants as tenants_with, tenants_of,
};
use localmap::{
    Change, Checkout, CheckoutError, Limits, MapOptions, Policy, RateLimit, TenantClass,
    TenantError, TenantsOptions, Ttl, WhenFull,
};
use std::time::Duration;

const MIB: u64 = 1 << 20;

/// Stores entries of 1 KiB until the map is full. Returns their number.
fn fill(guard: &Checkout) -> u64 {
    for number in 0u64.. {
        match guard.set(&number.to_be_bytes(), &[0; 1000], Ttl::Never) {
            Ok(_) => {}
            Err(error) if is_full(&error) => return number,
            Err(error) => panic!("{error}"),
        }
    }
    0
}

fn bytes(guard: &Checkout) -> u64 {
    guard.stats().expect("live").bytes
}

#[test]
fn a_tenant_that_is_full_is_refused_and_others_are_not() {
    let limits = Limits::default().max_entries(3);
    let (tenants, _) = tenants_of(class().map(MapOptions::new().limits(limits)));
    let (a, b) = (check_out(&tenants, "a"), check_out(&tenants, "b"));
    for key in [b"1", b"2", b"3"] {
        a.set(key, b"v", Ttl::Never).expect("room");
    }
    let error = a.set(b"4", b"v", Ttl::Never).expect_err("it has three");
    assert!(is_full(&error));
    b.set(b"4", b"v", Ttl::Never).expect("room");
}

#[test]
fn a_tenant_that_evicts_loses_only_entries_of_its_own() {
    let limits = Limits::default().max_entries(3).policy(Policy::Lru);
    let (tenants, _) = tenants_of(class().map(MapOptions::new().limits(limits)));
    let (a, b) = (check_out(&tenants, "a"), check_out(&tenants, "b"));
    b.set(b"k", b"v", Ttl::Never).expect("room");
    for key in 0..100u8 {
        a.set(&[key], b"v", Ttl::Never).expect("one is evicted");
    }
    assert_eq!(a.len().expect("live"), 3);
    assert!(b.contains(b"k").expect("live"));
}

#[test]
fn maps_grow_to_the_quota_of_their_tenant_as_far_as_the_budget_goes() {
    let options = TenantsOptions::new()
        .class(class_of_bytes("all", 2 * MIB))
        .max_bytes(3 * MIB);
    let (tenants, _) = tenants_with(options);
    let granted = || tenants.classes()[0].granted;
    let a = check_out(&tenants, "a");
    assert_eq!(granted(), LEAST);
    // As many as a map of 2 MiB without a budget.
    let alone = tenants_of(class_of_bytes("all", 2 * MIB)).0;
    assert_eq!(fill(&a), fill(&check_out(&alone, "a")));
    assert_eq!(granted(), 2 * MIB);
    let b = check_out(&tenants, "b");
    let stored = fill(&b);
    assert!((900..1_050).contains(&stored), "{stored}");
    assert_eq!(granted(), 3 * MIB);
    assert!(bytes(&a) + bytes(&b) <= 3 * MIB);
    let error = tenants.checkout(b"c").expect_err("no byte is left");
    assert!(matches!(
        error,
        CheckoutError::NoBytes { needed: LEAST, max, .. } if max == 3 * MIB
    ));
    // What a tenant leaves is there for the others.
    drop(a);
    assert!(tenants.remove(b"a"));
    let more = fill(&b);
    assert!(more > stored + 900, "{more}");
}

#[test]
fn a_tenant_cannot_take_what_was_promised_to_another() {
    let gold = class_of_bytes("gold", MIB)
        .matching(|name| name.starts_with(b"gold"))
        .reserved_bytes(MIB)
        .reserved_tenants(2);
    let options = TenantsOptions::new()
        .class(gold)
        .class(class_of_bytes("others", 8 * MIB))
        .max_tenants(4)
        .max_bytes(4 * MIB);
    let (tenants, _) = tenants_with(options);
    let greedy = check_out(&tenants, "greedy");
    fill(&greedy);
    assert_eq!(tenants.classes()[1].granted, 2 * MIB);
    assert!(tenants.checkout(b"other").is_err());
    let full = fill(&check_out(&tenants_of(class_of_bytes("all", MIB)).0, "a"));
    for name in ["gold-1", "gold-2"] {
        assert_eq!(fill(&check_out(&tenants, name)), full);
    }
    assert!(tenants.checkout(b"gold-3").is_err());
    // The promise holds again when the tenant is gone.
    tenants.remove(b"gold-1");
    assert!(is_full(
        &greedy
            .set(b"k", &[0; 4000], Ttl::Never)
            .expect_err("promised")
    ));
    assert_eq!(fill(&check_out(&tenants, "gold-3")), full);
}

/// A map that evicts is granted more before it evicts.
#[test]
fn a_map_that_evicts_grows_while_the_budget_has_room() {
    let limits = Limits::default().max_bytes(2 * MIB).policy(Policy::S3Fifo);
    let class = || TenantClass::new("all").map(MapOptions::new().limits(limits.clone()));
    let store = |guard: &Checkout| {
        for number in 0..1_500u64 {
            let stored = guard.set(&number.to_be_bytes(), &[0; 1000], Ttl::Never);
            stored.expect("it evicts");
        }
        guard.stats().expect("live").evicted
    };
    let (tenants, _) = tenants_with(TenantsOptions::new().class(class()).max_bytes(3 * MIB));
    let a = check_out(&tenants, "a");
    assert_eq!(store(&a), 0);
    // For the second, less is left.
    let b = check_out(&tenants, "b");
    assert!(store(&b) > 0);
    assert!(bytes(&a) + bytes(&b) <= 3 * MIB);
    drop(a);
    tenants.remove(b"a");
    let before = b.stats().expect("live").evicted;
    let held = bytes(&b);
    store(&b);
    assert!(bytes(&b) > held, "it has asked again");
    assert!(b.stats().expect("live").evicted - before < 1_500);
}

/// Only a limit on bytes is raised: a map with as many entries as it may have stays full.
#[test]
fn a_map_that_is_full_of_entries_takes_nothing_from_the_budget() {
    let limits = Limits::default().max_entries(2);
    let class = TenantClass::new("all").map(MapOptions::new().limits(limits));
    let options = TenantsOptions::new().class(class).max_bytes(64 * MIB);
    let (tenants, _) = tenants_with(options);
    let guard = check_out(&tenants, "a");
    for key in 0..100u8 {
        let full = guard.set(&[key], b"v", Ttl::Never).is_err();
        assert_eq!(full, key >= 2);
    }
    assert_eq!(tenants.classes()[0].granted, LEAST);
}

#[test]
fn large_values_and_batches_are_granted_at_once() {
    let options = TenantsOptions::new()
        .class(class_of_bytes("all", 32 * MIB))
        .max_bytes(64 * MIB);
    let (tenants, _) = tenants_with(options);
    let guard = check_out(&tenants, "a");
    guard.set(b"k", &[1; 1 << 20], Ttl::Never).expect("granted");
    let value = [2; 900];
    let keys: Vec<_> = (0..1024u32).map(u32::to_be_bytes).collect();
    let set = |key| Change::Set {
        key,
        value: &value,
        ttl: Ttl::Never,
    };
    let changes: Vec<_> = keys.iter().map(|key| set(key)).collect();
    guard.apply(&changes).expect("granted");
    assert_eq!(guard.len().expect("live"), 1_025);
    let counter = guard.increment(b"n", 1, Ttl::Never);
    assert_eq!(counter.expect("granted"), 1);
}

#[test]
fn live_tenants_are_bounded_and_those_that_are_there_stay() {
    let (tenants, _) = tenants_with(TenantsOptions::new().class(class()).max_tenants(2));
    check_out(&tenants, "a");
    check_out(&tenants, "b");
    let error = tenants.checkout(b"c").expect_err("there are two");
    assert!(matches!(
        error,
        CheckoutError::TooManyTenants { max: 2, .. }
    ));
    assert!(tenants.checkout(b"a").is_ok());
    assert_eq!(tenants.classes()[0].refused, 1);
    tenants.remove(b"a");
    assert!(tenants.checkout(b"c").is_ok());
}

#[test]
fn the_idlest_tenant_makes_room_if_it_has_been_idle_for_long_enough() {
    let idle_for = 10 * SECOND;
    let options = TenantsOptions::new()
        .class(class())
        .max_tenants(3)
        .when_full(WhenFull::DropIdlest { idle_for });
    let (tenants, clock) = tenants_with(options);
    let names = || {
        let live = tenants.list(None, 10).into_iter();
        let live = live.filter(|tenant| tenant.state != localmap::TenantState::Dropped);
        live.map(|tenant| tenant.name.to_string())
            .collect::<Vec<_>>()
    };
    for name in ["a", "b", "c"] {
        check_out(&tenants, name);
        clock.advance(SECOND);
    }
    // The first one is used again, and the second one is in use.
    check_out(&tenants, "a");
    let b = check_out(&tenants, "b");
    clock.advance(8 * SECOND);
    assert!(tenants.checkout(b"d").is_err(), "c is idle for 9 seconds");
    clock.advance(SECOND);
    check_out(&tenants, "d");
    assert_eq!(names(), ["a", "b", "d"]);
    clock.advance(60 * SECOND);
    check_out(&tenants, "e");
    assert_eq!(names(), ["b", "d", "e"]);
    drop(b);
    assert_eq!(tenants.classes()[0].evicted, 2);
}

#[test]
fn idle_tenants_give_their_bytes_to_a_new_tenant_and_to_a_map_that_grows() {
    let idle_for = 10 * SECOND;
    let options = TenantsOptions::new()
        .class(class_of_bytes("all", 2 * MIB))
        .max_bytes(2 * MIB)
        .when_full(WhenFull::DropIdlest { idle_for });
    let (tenants, clock) = tenants_with(options);
    fill(&check_out(&tenants, "a"));
    assert!(tenants.checkout(b"b").is_err());
    clock.advance(idle_for);
    let b = check_out(&tenants, "b");
    check_out(&tenants, "c");
    // While the other is not idle for long enough, there is less.
    let less = fill(&b);
    clock.advance(idle_for);
    assert!(fill(&b) > less);
    assert_eq!(tenants.len(), 1);
}

#[test]
fn a_rate_is_that_of_one_tenant_and_its_answer_says_when_to_retry() {
    let class = class().rate_limit(RateLimit::per_second(10).burst(3));
    let (tenants, clock) = tenants_of(class);
    let (a, b) = (check_out(&tenants, "a"), check_out(&tenants, "b"));
    a.set(b"k", b"v", Ttl::Never).expect("the first");
    assert_eq!(a.get_many(&[b"k", b"l"]).expect("two more").len(), 2);
    let retry_after = |error: TenantError| match error {
        TenantError::RateLimited(limited) => limited.retry_after,
        error => panic!("{error}"),
    };
    let refused = a.set(b"k", b"w", Ttl::Never).expect_err("one too many");
    assert_eq!(retry_after(refused), SECOND / 10);
    assert!(b.get(b"k").is_ok(), "another tenant");
    // A guard of its own does not help.
    assert!(check_out(&tenants, "a").get(b"k").is_err());
    clock.advance(SECOND / 10);
    assert_eq!(a.get(b"k").expect("in time").as_deref(), Some(&b"v"[..]));
    let batch = [Change::Delete { key: b"k" }, Change::Delete { key: b"l" }];
    let refused = a.apply(&batch).expect_err("too early");
    assert_eq!(retry_after(refused), SECOND / 5);
    clock.advance(SECOND / 5);
    assert!(a.apply(&batch).is_ok());
    assert!(a.admit(1).is_err());
    assert!(b.admit(2).is_ok());
    // Five operations were refused: a write, a read, a batch of two, and one that was counted.
    assert_eq!(tenants.stats(b"a").expect("known").rate_limited, 5);
}

#[test]
fn a_rate_is_measured_on_the_clock_of_the_map() {
    let clock = localmap::ManualClock::new();
    let class = class()
        .map(MapOptions::new().clock(clock.clone()))
        .rate_limit(RateLimit::per_second(1).burst(1));
    let options = TenantsOptions::new().class(class);
    let tenants = localmap::Tenants::new(&super::host(1), options).expect("in range");
    let guard = check_out(&tenants, "a");
    assert!(guard.get(b"k").is_ok() && guard.get(b"k").is_err());
    clock.advance(Duration::from_secs(1));
    assert!(guard.get(b"k").is_ok());
}
