//! Many threads use the same tenants, while others sweep, remove and list them.

use super::{check_out, class, host, tenants_of};
use localmap::{Checkout, Swept, TenantClass, Tenants, TenantsOptions, Ttl};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const THREADS: u8 = 4;

#[test]
fn tenants_and_their_guards_go_to_other_threads() {
    fn send_and_sync<T: Send + Sync>() {}
    send_and_sync::<Tenants>();
    send_and_sync::<Checkout>();
    send_and_sync::<Swept>();
}

#[test]
fn threads_that_check_out_the_same_new_tenant_get_one_map() {
    for _ in 0..50 {
        let (tenants, _) = tenants_of(class());
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| check_out(&tenants, "a").increment(b"n", 1, Ttl::Never));
            }
        });
        let sum = check_out(&tenants, "a").increment(b"n", 0, Ttl::Never);
        assert_eq!(sum.expect("room"), i64::from(THREADS));
        assert_eq!(tenants.classes()[0].created, 1);
    }
}

#[test]
fn increments_of_several_threads_add_up_in_all_shards() {
    for shards in [1, 4] {
        let (tenants, _) = tenants_of(class().shards_per_tenant(shards));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let guard = check_out(&tenants, "a");
                    for number in 0..1_000u32 {
                        let key = (number % 10).to_be_bytes();
                        guard.increment(&key, 1, Ttl::Never).expect("room");
                    }
                });
            }
        });
        let guard = check_out(&tenants, "a");
        for number in 0..10u32 {
            let sum = guard.increment(&number.to_be_bytes(), 0, Ttl::Never);
            assert_eq!(sum.expect("room"), i64::from(THREADS) * 100);
        }
    }
}

/// A tenant that is in use is never swept, so what a guard has stored is there until its return,
/// unless another thread removes the tenant.
#[test]
fn a_guard_has_its_map_while_others_sweep() {
    let host = host(64);
    let class = TenantClass::new("all").idle_timeout(Duration::ZERO);
    let options = TenantsOptions::new().class(class);
    let tenants = Tenants::new(&host, options).expect("the options are in their range");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let users: Vec<_> = (0..THREADS)
            .map(|thread| {
                let tenants = &tenants;
                scope.spawn(move || {
                    for round in 0..500u32 {
                        let guard = check_out(tenants, &(round % 5).to_string());
                        let value = round.to_be_bytes();
                        guard.set(&[thread], &value, Ttl::Never).expect("room");
                        let found = guard.get(&[thread]).expect("live");
                        assert_eq!(found.as_deref(), Some(&value[..]));
                    }
                })
            })
            .collect();
        let sweeps = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                drop(tenants.sweep());
                for tenant in tenants.list(None, 10) {
                    assert!(tenants.stats(tenant.name.as_bytes()).is_some());
                }
            }
        });
        for user in users {
            user.join().expect("no panic");
        }
        done.store(true, Ordering::Relaxed);
        sweeps.join().expect("no panic");
    });
    // Each write was counted once, by a map that is there or that was dropped.
    let names = tenants.list(None, 10).into_iter().map(|tenant| tenant.name);
    let stats = names.filter_map(|name| tenants.stats(name.as_bytes()));
    let writes: u64 = stats.map(|stats| stats.maps.writes).sum();
    assert_eq!(writes, u64::from(THREADS) * 500);
    drop(tenants);
    assert_eq!(host.live_maps(), 0);
}

#[test]
fn dropping_the_registry_frees_all_maps_and_guards_keep_theirs() {
    let host = host(3);
    let options = TenantsOptions::new().class(class());
    let tenants = Tenants::new(&host, options).expect("the options are in their range");
    for name in ["a", "b"] {
        check_out(&tenants, name);
    }
    let guard = check_out(&tenants, "c");
    drop(tenants);
    assert_eq!(host.live_maps(), 1);
    guard.set(b"k", b"v", Ttl::Never).expect("room");
    drop(guard);
    assert_eq!(host.live_maps(), 0);
}
