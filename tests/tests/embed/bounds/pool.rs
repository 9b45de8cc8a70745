//! The number of live maps of a host, and the pool that holds them.

use localmap::wasmtime::component::{Component, Linker};
use localmap::wasmtime::{Instance, Module, Store};
use localmap::{
    Allocation, CancelHandle, CreateError, Host, HostOptions, Limits, LocalMap, MapOptions,
    Profile, Ttl, plug,
};
#[cfg(target_os = "linux")]
use localmap_tests::alone;
use localmap_tests::provider;
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn live_maps_are_bounded() {
    for allocation in [
        Allocation::Pooling,
        Allocation::OnDemand,
        Allocation::Compact,
    ] {
        let options = HostOptions::new().max_maps(2).allocation(allocation);
        let host = Host::with_options(&options).expect("a host");
        let one = host.map(&MapOptions::new()).expect("a map");
        let two = host.clone().map(&MapOptions::new()).expect("a map");
        assert_eq!(host.live_maps(), 2);
        let refused = host.map(&MapOptions::new());
        assert!(matches!(
            refused,
            Err(CreateError::TooManyMaps { max: 2, .. })
        ));
        drop(one);
        assert_eq!(host.live_maps(), 1);
        let three = host.map(&MapOptions::new()).expect("a map");
        // A terminated map does not count.
        two.cancel_handle().cancel();
        let four = host.map(&MapOptions::new()).expect("a map");
        // Neither does a map that could not be created.
        drop(three);
        let refused = host.map(&MapOptions::new().limits(Limits::default().max_entries(0)));
        assert!(refused.is_err());
        assert_eq!(host.live_maps(), 1);
        drop((two, four));
        assert_eq!(host.live_maps(), 0);
    }
}

#[test]
fn a_waiting_caller_gets_the_place_of_a_map_that_ends() {
    let options = HostOptions::new().max_maps(1).wait(Duration::from_secs(60));
    let host = Host::with_options(&options).expect("a host");
    let map = host.map(&MapOptions::new()).expect("a map");
    thread::scope(|scope| {
        let waits = scope.spawn(|| host.map(&MapOptions::new()));
        thread::sleep(Duration::from_millis(50));
        assert!(!waits.is_finished());
        drop(map);
        let mut map = waits.join().expect("no panic").expect("a map");
        assert_eq!(map.len().expect("alive"), 0);
    });

    let _map = host.map(&MapOptions::new()).expect("a map");
    let handle = CancelHandle::new();
    let options = MapOptions::new().cancel_with(&handle);
    thread::scope(|scope| {
        let waits = scope.spawn(|| host.map(&options));
        thread::sleep(Duration::from_millis(50));
        handle.cancel();
        let refused = waits.join().expect("no panic");
        assert!(matches!(refused, Err(CreateError::Cancelled)));
    });

    let wait = Duration::from_millis(30);
    let host = Host::with_options(&HostOptions::new().max_maps(0).wait(wait)).expect("a host");
    let began = Instant::now();
    let refused = host.map(&MapOptions::new());
    assert!(matches!(refused, Err(CreateError::TooManyMaps { .. })));
    assert!(began.elapsed() >= wait);
}

#[test]
fn a_pool_that_is_too_large_is_an_error_or_not_used() {
    // 2^32 slots of 4 GiB are more than the address space.
    let options = HostOptions::new().max_maps(u32::MAX).max_memory(4 << 30);
    let refused = Host::with_options(&options.clone().allocation(Allocation::Pooling));
    assert!(matches!(refused, Err(CreateError::Engine { .. })));
    let host = Host::with_options(&options).expect("a host");
    assert_eq!(host.allocation(), Allocation::OnDemand);
    let mut map = host
        .map(&MapOptions::new().max_memory(64 << 20))
        .expect("a map");
    map.set(b"k", b"v", Ttl::Never).expect("room");
    let refused = Host::with_options(&HostOptions::new().max_wasm_stack(0));
    assert!(matches!(refused, Err(CreateError::Engine { .. })));
}

/// With so many maps, each reserves only what it uses, and is moved when it grows.
#[test]
fn a_map_that_is_moved_keeps_its_entries_and_its_limits() {
    let limits = Limits::default().max_bytes(16 << 20);
    let options = HostOptions::new()
        .max_maps(u32::MAX)
        .max_memory_for(&limits);
    let host = Host::with_options(&options).expect("a host");
    assert_eq!(host.allocation(), Allocation::OnDemand);
    let mut map = host.map(&MapOptions::new().limits(limits)).expect("a map");
    let value = |key: u32| vec![key.to_le_bytes()[0]; 10_000];
    let mut stored = 0_u32;
    while map
        .set(&stored.to_le_bytes(), &value(stored), Ttl::Never)
        .is_ok()
    {
        stored += 1;
    }
    assert!((1_000..2_000).contains(&stored), "{stored}");
    for key in 0..stored {
        let found = map.get(&key.to_le_bytes()).expect("it lives");
        assert_eq!(found, Some(value(key)), "{key}");
    }
    assert!(map.stats().expect("it lives").bytes <= 16 << 20);
}

/// In each profile, a reused slot is as clean as a new one.
#[test]
fn rule_10_end_a_slot_is_wiped_before_it_is_used_again() {
    let page = "(local $at i32)
        (block $found
            (loop $next
                (br_if $found (i64.ne (i64.load (local.get $at)) (i64.const 0)))
                (local.set $at (i32.add (local.get $at) (i32.const 8)))
                (br_if $next (i32.lt_u (local.get $at) (i32.const 4194304)))))
        (i64.extend_i32_u (local.get $at))";
    let fill = "(memory.fill (i32.const 0) (i32.const 165) (i32.const 4194304))";
    let component = wat::parse_str(provider(&[("len", page), ("clear", fill)], "", 64));
    let component = component.expect("valid text");
    for profile in [Profile::Dense, Profile::Churn] {
        let options = HostOptions::new()
            .max_maps(1)
            .allocation(Allocation::Pooling)
            .profile(profile);
        let host = Host::with_component(&component, &options).expect("it fits");
        let mut map = host.map(&MapOptions::new()).expect("a map");
        // Use every slot of the pool, including those for stores of an embedder.
        for _ in 0..20 {
            assert_eq!(map.len().expect("alive"), 4 << 20);
            drop(map);
            map = host.map(&MapOptions::new()).expect("a map");
        }
    }
}

/// Returns a plugged app, to be used in stores of an embedder on the engine of the host.
fn plugged(host: &Host) -> (Component, Linker<()>) {
    let app = wat::parse_str(
        r#"(component
            (import "localmap:core/local-map@0.1.0" (instance $map
                (export "len" (func (result u64)))))
            (core module $app (memory 1))
            (core instance (instantiate $app))
            (export "count" (func $map "len")))"#,
    );
    let plugged = plug(&app.expect("valid text"), &Limits::default()).expect("it fits");
    let component = Component::new(host.as_ref(), &plugged).expect("valid");
    let mut linker = Linker::<()>::new(host.as_ref());
    linker
        .instance("wasi:clocks/monotonic-clock@0.2.0")
        .expect("a name")
        .func_wrap("now", |_, (): ()| Ok((0u64,)))
        .expect("a function");
    linker
        .instance("wasi:random/insecure-seed@0.2.0")
        .expect("a name")
        .func_wrap("insecure-seed", |_, (): ()| Ok(((1u64, 2u64),)))
        .expect("a function");
    (component, linker)
}

fn count_in_new_store(host: &Host, component: &Component, linker: &Linker<()>) -> Store<()> {
    let mut store = Store::new(host.as_ref(), ());
    CancelHandle::new().guard(&mut store, None);
    let instance = linker.instantiate(&mut store, component).expect("room");
    let count = instance
        .get_typed_func::<(), (u64,)>(&mut store, "count")
        .expect("it is exported");
    assert_eq!(count.call(&mut store, ()).expect("alive"), (0,));
    store
}

#[test]
fn the_pool_has_room_for_stores_of_the_embedder() {
    let options = HostOptions::new()
        .max_maps(10)
        .allocation(Allocation::Pooling);
    let host = Host::with_options(&options).expect("a host");
    let (component, linker) = plugged(&host);
    let maps: Vec<LocalMap> = (0..10)
        .map(|_| host.map(&MapOptions::new()).expect("a map"))
        .collect();
    let mut stores: Vec<Store<()>> = (0..10)
        .map(|_| count_in_new_store(&host, &component, &linker))
        .collect();
    drop(maps);
    // The pool has some room beyond what it guarantees, and then reports that it is full.
    while stores.len() < 1000 {
        let mut store = Store::new(host.as_ref(), ());
        CancelHandle::new().guard(&mut store, None);
        match linker.instantiate(&mut store, &component) {
            Ok(_) => stores.push(store),
            Err(_) => break,
        }
    }
    assert!(stores.len() < 1000);
    // Apps do not take the places of maps, but memories do.
    drop(host.map(&MapOptions::new()).expect("a map"));
    let memory = wat::parse_str("(module (memory 1))").expect("valid text");
    let memory = Module::new(host.as_ref(), memory).expect("valid");
    while stores.len() < 1000 {
        let mut store = Store::new(host.as_ref(), ());
        match Instance::new(&mut store, &memory, &[]) {
            Ok(_) => stores.push(store),
            Err(_) => break,
        }
    }
    assert!(stores.len() < 1000);
    let refused = host.map(&MapOptions::new());
    assert!(
        matches!(refused, Err(CreateError::PoolExhausted { .. })),
        "{refused:?}"
    );
}

#[cfg(target_os = "linux")]
fn mappings() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps");
    maps.expect("Linux").lines().count()
}

/// Creates 10,000 live maps, each with an entry, and then as many again in the same slots.
///
/// This test and the next one run alone: the kernel allows a process 65,530 mappings by default,
/// and each test needs most of them.
#[test]
#[cfg(target_os = "linux")]
fn ten_thousand_maps_live_at_the_same_time() {
    const MAPS: usize = 10_000;
    alone(|| {
        for profile in [Profile::Dense, Profile::Churn] {
            let options = HostOptions::new()
                .max_maps(10_000)
                .allocation(Allocation::Pooling)
                .profile(profile);
            let host = Host::with_options(&options).expect("a host");
            for _ in 0..2 {
                let mut maps: Vec<LocalMap> = (0..MAPS)
                    .map(|_| host.map(&MapOptions::new()).expect("a map"))
                    .collect();
                for (number, map) in maps.iter_mut().enumerate() {
                    map.set(b"k", &number.to_le_bytes(), Ttl::Never)
                        .expect("room");
                }
                assert!(mappings() < 35_000, "{}", mappings());
                for (number, map) in maps.iter_mut().enumerate() {
                    let value = map.get(b"k").expect("alive");
                    assert_eq!(value.as_deref(), Some(&number.to_le_bytes()[..]));
                }
            }
            assert_eq!(host.live_maps(), 0);
        }
    });
}

#[test]
#[cfg(target_os = "linux")]
fn ten_thousand_plugged_apps_live_at_the_same_time() {
    const STORES: usize = 10_000;
    alone(|| {
        let options = HostOptions::new()
            .max_maps(10_000)
            .allocation(Allocation::Pooling);
        let host = Host::with_options(&options).expect("a host");
        let (component, linker) = plugged(&host);
        let stores: Vec<Store<()>> = (0..STORES)
            .map(|_| count_in_new_store(&host, &component, &linker))
            .collect();
        assert!(mappings() < 60_000, "{}", mappings());
        drop(stores);
    });
}

/// A pool would take two for each.
#[cfg(target_os = "linux")]
#[test]
fn compact_maps_share_the_mappings_of_the_kernel() {
    alone(|| {
        const MAPS: u32 = 10_000;
        let mappings = || {
            let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux has it");
            maps.lines().count()
        };
        let options = HostOptions::new()
            .max_maps(MAPS + 100)
            .allocation(Allocation::Compact);
        let host = Host::with_options(&options).expect("a host");
        let make = |_: u32| {
            let mut map = host.map(&MapOptions::new()).expect("a map");
            map.set(b"k", b"v", Ttl::Never).expect("room");
            map
        };
        let before = mappings();
        let mut maps: Vec<LocalMap> = (0..MAPS).map(make).collect();
        let taken = mappings() - before;
        assert!(taken < MAPS as usize / 10, "{taken} mappings");
        // Every other one leaves a hole, and no more than one mapping for each map that stays.
        let mut even = true;
        maps.retain(|_| {
            even = !even;
            even
        });
        let taken = mappings() - before;
        assert!(taken <= maps.len() + 100, "{taken} mappings");
        // A map that grows takes another one for the address space behind it.
        for map in &mut maps[..1_000] {
            assert_eq!(map.get(b"k").expect("live").as_deref(), Some(&b"v"[..]));
            map.set(b"l", &[1; 200_000], Ttl::Never).expect("room");
            assert_eq!(map.get(b"k").expect("live").as_deref(), Some(&b"v"[..]));
        }
        let taken = mappings() - before;
        assert!(taken <= maps.len() + 1_100, "{taken} mappings");
        maps.clear();
        let again: Vec<LocalMap> = (0..MAPS).map(make).collect();
        assert_eq!(again.len(), MAPS as usize);
    });
}
