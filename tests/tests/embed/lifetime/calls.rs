//! Calls that end without an answer: cancelled, timed out or trapped.

use super::{ENDLESS, SOON, Watched, host, host_of};
use localmap::wasmtime::Trap;
use localmap::{CancelHandle, Clock, CreateError, Host, MapOptions, TerminationCause, Ttl};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn a_call_that_runs_ends() {
    let host = host_of(&[("get", ENDLESS)], "");
    let (options, dropped) = Watched::options();
    let mut map = host.map(&options).expect("a map");
    drop(options);
    map.set(b"k", b"v", Ttl::Never).expect("it says so");
    let handle = map.cancel_handle();
    let began = Arc::new(Barrier::new(2));
    let begins = Arc::clone(&began);
    let runs = thread::spawn(move || {
        begins.wait();
        let terminated = map.get(b"k").expect_err("it never ends");
        (map, terminated)
    });
    began.wait();
    thread::sleep(Duration::from_millis(50));
    assert!(!runs.is_finished());
    let cancelled = Instant::now();
    handle.cancel();
    let (map, terminated) = runs.join().expect("it ends");
    assert!(cancelled.elapsed() < SOON, "{:?}", cancelled.elapsed());
    assert!(
        matches!(terminated.cause(), TerminationCause::Cancelled),
        "{terminated}"
    );
    // Freed by that call, not when the map is dropped.
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    drop(map);
}

#[test]
fn a_call_has_a_timeout() {
    let host = host_of(&[("get", ENDLESS)], "");
    let limit = Duration::from_millis(30);
    let mut map = host
        .map(&MapOptions::new().call_timeout(limit))
        .expect("a map");
    // Each call has the full limit.
    for _ in 0..5 {
        thread::sleep(Duration::from_millis(20));
        map.set(b"k", b"v", Ttl::Never).expect("it says so");
    }
    let began = Instant::now();
    let terminated = map.get(b"k").expect_err("it never ends");
    assert!(began.elapsed() >= limit);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert!(
        matches!(terminated.cause(), TerminationCause::TimedOut { limit: reported, .. } if *reported == limit)
    );
    assert!(terminated.to_string().contains("30ms"), "{terminated}");
    let stats = host.stats();
    assert!(stats.epochs > 0);
    assert_eq!((stats.ended.timed_out, stats.live), (1, 0));
    // Other maps continue.
    let mut other = host.map(&MapOptions::new()).expect("a map");
    assert_eq!(other.take(b"k").expect("alive"), None);
}

#[test]
fn creating_a_map_has_a_timeout_and_can_be_cancelled() {
    let host = host_of(&[], ENDLESS);
    let limit = Duration::from_millis(30);
    let refused = host.map(&MapOptions::new().call_timeout(limit));
    assert!(
        matches!(refused, Err(CreateError::TimedOut { .. })),
        "{refused:?}"
    );

    let handle = CancelHandle::new();
    let options = MapOptions::new()
        .call_timeout(Duration::MAX)
        .cancel_with(&handle);
    thread::scope(|scope| {
        let made = scope.spawn(|| host.map(&options));
        thread::sleep(Duration::from_millis(50));
        assert!(!made.is_finished());
        let cancelled = Instant::now();
        handle.cancel();
        let refused = made.join().expect("it ends");
        assert!(cancelled.elapsed() < SOON, "{:?}", cancelled.elapsed());
        assert!(
            matches!(refused, Err(CreateError::Cancelled)),
            "{refused:?}"
        );
    });
    assert_eq!(host.live_maps(), 0);
}

#[test]
fn a_trap_is_reported_by_name() {
    let host = host_of(&[("get", "unreachable"), ("len", "(unreachable)")], "");
    let mut map = host.map(&MapOptions::new()).expect("a map");
    let terminated = map.get(b"k").expect_err("it traps");
    assert_eq!(
        terminated.cause().trap(),
        Some(Trap::UnreachableCodeReached)
    );
    assert!(
        terminated.to_string().contains("unreachable"),
        "{terminated}"
    );
    let source = std::error::Error::source(&terminated).expect("what Wasmtime says");
    assert!(!source.to_string().is_empty());
    assert_eq!(host.live_maps(), 0);
}

/// An answer that the contract forbids counts as a fault: a result at address 8 that is an error,
/// and at address 16 the error, which this function cannot return.
#[test]
fn a_map_that_contradicts_its_contract_is_terminated() {
    let overflow = "(i32.store8 (i32.const 8) (i32.const 1))
        (i32.store8 (i32.const 16) (i32.const 6)) i32.const 8";
    let host = host_of(&[("touch", overflow), ("increment", overflow)], "");
    let mut map = host.map(&MapOptions::new()).expect("a map");
    let refused = map.increment(b"k", 1, Ttl::Never);
    assert!(matches!(refused, Err(localmap::IncrementError::Overflow)));
    let refused = map.touch(b"k", Ttl::Never).expect_err("it cannot overflow");
    let localmap::TouchError::Terminated {
        source: terminated, ..
    } = refused
    else {
        panic!("{refused}");
    };
    assert!(
        matches!(terminated.cause(), TerminationCause::Fault { .. }),
        "{terminated}"
    );
}

/// A clock that cancels its own map, during a call.
struct CancelsItsMap {
    handle: CancelHandle,
    armed: Arc<AtomicBool>,
}

impl Clock for CancelsItsMap {
    fn now(&self) -> Duration {
        if self.armed.load(Ordering::SeqCst) {
            self.handle.cancel();
        }
        Duration::ZERO
    }
}

#[test]
fn a_call_may_cancel_its_own_map() {
    let (handle, armed) = (CancelHandle::new(), Arc::new(AtomicBool::new(false)));
    let clock = CancelsItsMap {
        handle: handle.clone(),
        armed: Arc::clone(&armed),
    };
    let options = MapOptions::new().cancel_with(&handle).clock(clock);
    let mut map = host().map(&options).expect("a map");
    armed.store(true, Ordering::SeqCst);
    // The call may answer or not; either way it is the last one.
    let _ = map.set(b"k", b"v", Ttl::After(Duration::from_secs(1)));
    assert_eq!(map.memory(), 0);
    assert!(map.get(b"k").is_err());
}

struct Panics(Arc<AtomicBool>);

impl Clock for Panics {
    fn now(&self) -> Duration {
        assert!(!self.0.load(Ordering::SeqCst), "as the test wants it");
        Duration::ZERO
    }
}

#[test]
fn a_panic_of_the_clock_ends_the_map_and_nothing_else() {
    let armed = Arc::new(AtomicBool::new(false));
    let options = MapOptions::new().clock(Panics(Arc::clone(&armed)));
    let mut map = host().map(&options).expect("a map");
    armed.store(true, Ordering::SeqCst);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        map.set(b"k", b"v", Ttl::After(Duration::from_secs(1)))
    }));
    assert!(panicked.is_err());
    let terminated = map.get(b"k").expect_err("it is terminated");
    assert!(
        matches!(terminated.cause(), TerminationCause::Panicked),
        "{terminated}"
    );
    let mut other = host().map(&MapOptions::new()).expect("a map");
    other.set(b"k", b"v", Ttl::Never).expect("room");
}

/// At any moment: between two calls, during one, or while the map is dropped.
#[test]
fn cancelling_races_with_calls_and_drops() {
    let rounds: usize = 2_000;
    let (to_cancel, cancels) = std::sync::mpsc::sync_channel::<CancelHandle>(0);
    let canceller = thread::spawn(move || {
        for (round, handle) in cancels.into_iter().enumerate() {
            for _ in 0..round % 200 {
                std::hint::spin_loop();
            }
            handle.cancel();
        }
    });
    let host = Host::new().expect("a host");
    for round in 0..rounds {
        let (options, dropped) = Watched::options();
        let mut map = host.map(&options).expect("a map");
        drop(options);
        to_cancel.send(map.cancel_handle()).expect("it runs");
        if round % 2 == 0 {
            for count in 1..=(round % 50) as i64 {
                match map.increment(b"n", 1, Ttl::Never) {
                    Ok(sum) => assert_eq!(sum, count),
                    Err(localmap::IncrementError::Terminated { source, .. }) => {
                        assert!(
                            matches!(source.cause(), TerminationCause::Cancelled),
                            "{source}"
                        );
                        break;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        }
        if round % 3 == 0 {
            // Freed without any call by its owner.
            let began = Instant::now();
            while dropped.load(Ordering::SeqCst) == 0 {
                assert!(began.elapsed() < SOON, "round {round}");
                thread::yield_now();
            }
            assert!(map.len().is_err());
        }
        drop(map);
        assert_eq!(dropped.load(Ordering::SeqCst), 1, "round {round}");
    }
    drop(to_cancel);
    canceller.join().expect("it ends");
    assert_eq!(host.live_maps(), 0);
}
