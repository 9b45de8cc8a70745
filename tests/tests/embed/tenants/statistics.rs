//! Statistics of tenants and of classes, and the list of tenants.

use super::{SECOND, check_out, class, tenants as tenants_with, tenants_of};
use localmap::{Limits, MapOptions, Policy, TenantClass, TenantState, TenantsOptions, Ttl};

#[test]
fn statistics_outlive_the_map_and_its_counts_go_on() {
    let limits = Limits::default().max_entries(2).policy(Policy::Lru);
    let (tenants, clock) = tenants_of(class().map(MapOptions::new().limits(limits)));
    let write = || {
        let guard = check_out(&tenants, "a");
        for key in [b"1", b"2", b"3"] {
            guard.set(key, b"v", Ttl::Never).expect("one is evicted");
        }
        guard.get(b"3").expect("live");
        guard.get(b"4").expect("live");
    };
    assert!(tenants.stats(b"a").is_none());
    write();
    let live = tenants.stats(b"a").expect("live");
    assert!(live.live && live.granted > 0);
    assert_eq!((live.maps.writes, live.maps.evicted), (3, 1));
    clock.advance(60 * SECOND);
    drop(tenants.sweep());
    let last = tenants.stats(b"a").expect("kept");
    assert_eq!((last.live, last.granted, &*last.class), (false, 0, "all"));
    assert_eq!(last.maps, live.maps);
    write();
    let again = tenants.stats(b"a").expect("live");
    assert_eq!((again.maps.entries, again.created), (2, 2));
    assert_eq!((again.maps.writes, again.maps.evicted), (6, 2));
    assert_eq!((again.maps.hits, again.maps.misses), (2, 2));
    tenants.remove(b"a");
    let last = tenants.stats(b"a").expect("kept");
    assert_eq!((last.maps.writes, last.created), (6, 2));
}

#[test]
fn reading_statistics_is_no_use_of_a_tenant() {
    let (tenants, clock) = tenants_of(class());
    check_out(&tenants, "a");
    clock.advance(59 * SECOND);
    assert!(tenants.stats(b"a").is_some() && tenants.list(None, 10).len() == 1);
    clock.advance(SECOND);
    assert_eq!(tenants.sweep().len(), 1);
}

#[test]
fn statistics_of_a_map_that_has_terminated_are_the_last_that_were_read() {
    let (tenants, _) = tenants_of(class());
    let guard = check_out(&tenants, "a");
    guard.set(b"k", b"v", Ttl::Never).expect("room");
    assert_eq!(tenants.stats(b"a").expect("live").maps.writes, 1);
    guard.cancel_handle().cancel();
    assert_eq!(tenants.stats(b"a").expect("known").maps.writes, 1);
    let next = check_out(&tenants, "a");
    next.set(b"k", b"v", Ttl::Never).expect("room");
    assert_eq!(tenants.stats(b"a").expect("live").maps.writes, 2);
}

#[test]
fn the_statistics_of_dropped_tenants_are_bounded_in_number() {
    let options = TenantsOptions::new().class(class()).max_history(2);
    let (tenants, _) = tenants_with(options);
    for name in ["a", "b", "c"] {
        check_out(&tenants, name);
        tenants.remove(name.as_bytes());
    }
    let names = tenants.list(None, 10).into_iter();
    let names: Vec<_> = names.map(|tenant| tenant.name.to_string()).collect();
    assert_eq!(names, ["b", "c"]);
    assert!(tenants.stats(b"a").is_none());
}

#[test]
fn a_list_has_each_tenant_once_in_the_order_of_names_page_by_page() {
    let (tenants, clock) = tenants_of(class());
    for name in ["b", "a", "", "a/b", "d", "c"] {
        check_out(&tenants, name);
    }
    tenants.remove(b"a");
    tenants.remove(b"c");
    // Live again, and dropped before.
    let _in_use = check_out(&tenants, "a");
    clock.advance(SECOND);
    let mut listed = Vec::new();
    loop {
        let after = listed
            .last()
            .map(|tenant: &localmap::TenantInfo| tenant.name.clone());
        let page = tenants.list(after.as_ref().map(|name| name.as_bytes()), 2);
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        listed.extend(page);
    }
    let idle = TenantState::Idle(SECOND);
    let expected = [
        ("", idle),
        ("a", TenantState::InUse),
        ("a/b", idle),
        ("b", idle),
        ("c", TenantState::Dropped),
        ("d", idle),
    ];
    let found = listed
        .iter()
        .map(|tenant| (tenant.name.to_string(), tenant.state));
    assert!(found.eq(expected.map(|(name, state)| (name.to_owned(), state))));
    assert!(tenants.list(None, 0).is_empty());
}

#[test]
fn classes_count_their_tenants() {
    let gold = TenantClass::new("gold").matching(|name| name.starts_with(b"g"));
    let options = TenantsOptions::new().class(gold).class(class());
    let (tenants, clock) = tenants_with(options);
    for name in ["g1", "g2", "a"] {
        check_out(&tenants, name);
    }
    clock.advance(60 * SECOND);
    // The timeout of the other class is five minutes.
    drop(tenants.sweep());
    let [gold, all] = &tenants.classes()[..] else {
        panic!("two classes");
    };
    assert_eq!(
        (&*gold.name, gold.tenants, gold.created, gold.expired),
        ("gold", 2, 2, 0)
    );
    assert_eq!(
        (&*all.name, all.tenants, all.created, all.expired),
        ("all", 0, 1, 1)
    );
    assert_eq!(all.granted, 0);
    assert!(gold.granted > 0);
}
