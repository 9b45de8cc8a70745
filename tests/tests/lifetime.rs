//! A map is alive or dead, and whoever holds a handle of it can end it at any time, from
//! any thread.

use localmap::wasmtime::{self, Config, Engine, Instance, Module, Store, Trap};
use localmap::{
    CancelHandle, Cancelled, Clock, CreateError, Error, Host, HostOptions, LocalMap, MapOptions,
    MapTerminated, TerminationCause, TimedOut, Ttl,
};
use localmap_tests::provider;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// What is done in milliseconds. The goal is 20 of them; this is a machine that does other
/// things as well.
const SOON: Duration = Duration::from_secs(2);

fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Host::new().expect("a host"))
}

/// Maps whose functions of these names have these bodies.
fn host_of(bodies: &[(&str, &str)], start: &str) -> Host {
    let component = wat::parse_str(provider(bodies, start, 1)).expect("valid text");
    Host::with_component(&component, &HostOptions::new()).expect("it fits")
}

const FOR_EVER: &str = "(loop $for-ever (br $for-ever)) unreachable";

/// A clock that tells when the last store that has it is gone.
struct Watched(Arc<AtomicUsize>);

impl Watched {
    fn options() -> (MapOptions, Arc<AtomicUsize>) {
        let dropped = Arc::new(AtomicUsize::new(0));
        let clock = Self(Arc::clone(&dropped));
        (MapOptions::new().clock(clock), dropped)
    }
}

impl Clock for Watched {
    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn handles_go_to_other_threads() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<CancelHandle>();
    sync::<CancelHandle>();
    send::<LocalMap>();
    send::<MapTerminated>();
    sync::<MapTerminated>();
    send::<Error>();
    sync::<Error>();
    send::<CreateError>();
    sync::<CreateError>();
    fn error<T: std::error::Error + Send + Sync + 'static>() {}
    error::<MapTerminated>();
    error::<TerminationCause>();
    error::<Error>();
    error::<CreateError>();
}

#[test]
fn an_idle_map_is_freed_at_once() {
    let (options, dropped) = Watched::options();
    let mut map = host().map(&options).expect("a map");
    drop(options);
    map.set(b"k", b"v", Ttl::Never).expect("room");
    let handle = map.cancel_handle();
    assert!(!handle.is_cancelled());
    thread::spawn(move || handle.cancel()).join().expect("done");
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    assert_eq!(map.memory(), 0);
    assert!(map.cancel_handle().is_cancelled());
    let dead = map.get(b"k").expect_err("it is dead");
    assert!(matches!(dead.cause(), TerminationCause::Cancelled));
    assert!(dead.to_string().contains("it was cancelled"), "{dead}");
    // Once is enough.
    map.cancel_handle().cancel();
    let again = map.len().expect_err("it is dead");
    assert_eq!(again.at(), dead.at());
}

#[test]
fn a_map_that_is_dropped_is_freed_whoever_holds_its_handle() {
    let (options, dropped) = Watched::options();
    let map = host().map(&options).expect("a map");
    drop(options);
    let handle = map.cancel_handle();
    drop(map);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    handle.cancel();
    assert!(handle.is_cancelled());
}

#[test]
fn handles_keep_nothing_alive_and_need_not_be_kept() {
    let (options, dropped) = Watched::options();
    let root = CancelHandle::new();
    let mut map = host()
        .map(&options.cancel_with(&root.child()))
        .expect("a map");
    map.set(b"k", b"v", Ttl::Never).expect("room");
    let root = root.clone();
    root.cancel();
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    assert!(map.get(b"k").is_err());
}

#[test]
fn cancelling_ends_all_below_and_nothing_else() {
    let root = CancelHandle::new();
    let (left, right) = (root.child(), root.child());
    let map = |handle: &CancelHandle| {
        let options = MapOptions::new().cancel_with(handle);
        host().map(&options).expect("a map")
    };
    let mut maps = [map(&root), map(&left), map(&left), map(&right)];
    let mut alive = || {
        let alive: Vec<bool> = maps.iter_mut().map(|map| map.len().is_ok()).collect();
        <[bool; 4]>::try_from(alive).expect("four")
    };
    left.cancel();
    assert_eq!(alive(), [true, false, false, true]);
    assert!(!root.is_cancelled() && !right.is_cancelled());
    root.cancel();
    assert_eq!(alive(), [false; 4]);
    assert!(right.is_cancelled());
    assert!(root.child().is_cancelled());
}

#[test]
fn a_cancelled_handle_makes_no_maps() {
    let handle = CancelHandle::new();
    handle.cancel();
    let refused = host().map(&MapOptions::new().cancel_with(&handle));
    assert!(matches!(refused, Err(CreateError::Cancelled)));
}

#[test]
fn a_call_that_runs_ends() {
    let host = host_of(&[("get", FOR_EVER)], "");
    let (options, dropped) = Watched::options();
    let mut map = host.map(&options).expect("a map");
    drop(options);
    map.set(b"k", b"v", Ttl::Never).expect("it says so");
    let handle = map.cancel_handle();
    let began = Arc::new(Barrier::new(2));
    let begins = Arc::clone(&began);
    let runs = thread::spawn(move || {
        begins.wait();
        let dead = map.get(b"k").expect_err("it never ends");
        (map, dead)
    });
    began.wait();
    thread::sleep(Duration::from_millis(50));
    assert!(!runs.is_finished());
    let cancelled = Instant::now();
    handle.cancel();
    let (map, dead) = runs.join().expect("it ends");
    assert!(cancelled.elapsed() < SOON, "{:?}", cancelled.elapsed());
    assert!(
        matches!(dead.cause(), TerminationCause::Cancelled),
        "{dead}"
    );
    // In that call, not with the map.
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    drop(map);
}

#[test]
fn a_call_has_its_time() {
    let host = host_of(&[("get", FOR_EVER)], "");
    let limit = Duration::from_millis(30);
    let mut map = host
        .map(&MapOptions::new().call_timeout(limit))
        .expect("a map");
    // Each call has it anew.
    for _ in 0..5 {
        thread::sleep(Duration::from_millis(20));
        map.set(b"k", b"v", Ttl::Never).expect("it says so");
    }
    let began = Instant::now();
    let dead = map.get(b"k").expect_err("it never ends");
    assert!(began.elapsed() >= limit);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert!(
        matches!(dead.cause(), TerminationCause::TimedOut { limit: told, .. } if *told == limit)
    );
    assert!(dead.to_string().contains("30ms"), "{dead}");
    // The others go on.
    let mut beside = host.map(&MapOptions::new()).expect("a map");
    assert_eq!(beside.take(b"k").expect("alive"), None);
}

#[test]
fn making_a_map_has_its_time_and_can_be_cancelled() {
    let host = host_of(&[], FOR_EVER);
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
fn a_trap_is_told_with_its_name() {
    let host = host_of(&[("get", "unreachable"), ("len", "(unreachable)")], "");
    let mut map = host.map(&MapOptions::new()).expect("a map");
    let dead = map.get(b"k").expect_err("it traps");
    assert_eq!(dead.cause().trap(), Some(Trap::UnreachableCodeReached));
    assert!(dead.to_string().contains("unreachable"), "{dead}");
    let source = std::error::Error::source(&dead).expect("what Wasmtime says");
    assert!(!source.to_string().is_empty());
    assert_eq!(host.live_maps(), 0);
}

/// What no map may answer is no answer: 24 bytes at an address of its own, where the first
/// says that it is an error, and the eighth which.
#[test]
fn a_map_that_contradicts_its_contract_is_dead() {
    let overflow = "(i32.store8 (i32.const 8) (i32.const 1))
        (i32.store8 (i32.const 16) (i32.const 6)) i32.const 8";
    let host = host_of(&[("touch", overflow), ("increment", overflow)], "");
    let mut map = host.map(&MapOptions::new()).expect("a map");
    let refused = map.increment(b"k", 1, Ttl::Never);
    assert!(matches!(refused, Err(localmap::IncrementError::Overflow)));
    let refused = map.touch(b"k", Ttl::Never).expect_err("it cannot overflow");
    let localmap::TouchError::Terminated { source: dead, .. } = refused else {
        panic!("{refused}");
    };
    assert!(
        matches!(dead.cause(), TerminationCause::Fault { .. }),
        "{dead}"
    );
}

/// Cancels its own map, from within a call.
struct Suicidal {
    handle: CancelHandle,
    armed: Arc<AtomicBool>,
}

impl Clock for Suicidal {
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
    let clock = Suicidal {
        handle: handle.clone(),
        armed: Arc::clone(&armed),
    };
    let options = MapOptions::new().cancel_with(&handle).clock(clock);
    let mut map = host().map(&options).expect("a map");
    armed.store(true, Ordering::SeqCst);
    // It may give its answer or not; either way it was the last one.
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
    let dead = map.get(b"k").expect_err("it is dead");
    assert!(matches!(dead.cause(), TerminationCause::Panicked), "{dead}");
    let mut beside = host().map(&MapOptions::new()).expect("a map");
    beside.set(b"k", b"v", Ttl::Never).expect("room");
}

/// Whatever the moment: between two calls, within one, or while it is dropped.
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
            // Freed without a word of its owner.
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

/// A store of an embedder, with a core module that runs for ever.
fn endless(engine: &Engine) -> (Store<()>, Instance) {
    let text = format!("(module (func (export \"run\") {FOR_EVER}) (func (export \"go\")))");
    let bytes = wat::parse_str(text).expect("valid text");
    let module = Module::new(engine, &bytes).expect("valid");
    let mut store = Store::new(engine, ());
    CancelHandle::new().guard(&mut store, None);
    let instance = Instance::new(&mut store, &module, &[]).expect("no imports");
    (store, instance)
}

fn call(store: &mut Store<()>, instance: Instance, name: &str) -> wasmtime::Result<()> {
    let call = instance.get_typed_func::<(), ()>(&mut *store, name)?;
    call.call(store, ())
}

#[test]
fn a_handle_guards_stores_of_an_embedder() {
    let mut config = Config::new();
    config.epoch_interruption(true);
    let other = Engine::new(&config).expect("an engine");
    for engine in [host().as_ref(), &other] {
        let limit = Duration::from_millis(30);
        let (mut store, instance) = endless(engine);
        let handle = CancelHandle::new();
        handle.guard(&mut store, Some(limit));
        let began = Instant::now();
        let error = call(&mut store, instance, "run").expect_err("it never ends");
        assert_eq!(error.downcast_ref::<TimedOut>().expect("time").limit, limit);
        assert!(began.elapsed() >= limit && began.elapsed() < SOON);

        let (mut store, instance) = endless(engine);
        let root = CancelHandle::new();
        root.child().guard(&mut store, None);
        call(&mut store, instance, "go").expect("alive");
        let runs = thread::spawn(move || {
            let error = call(&mut store, instance, "run").expect_err("it never ends");
            assert!(error.is::<Cancelled>(), "{error}");
            let error = call(&mut store, instance, "go").expect_err("it was cancelled");
            assert!(error.is::<Cancelled>() || error.is::<Trap>(), "{error}");
        });
        thread::sleep(Duration::from_millis(30));
        assert!(!runs.is_finished());
        let cancelled = Instant::now();
        root.cancel();
        runs.join().expect("it ends");
        assert!(cancelled.elapsed() < SOON);

        let (mut store, instance) = endless(engine);
        root.guard(&mut store, None);
        let error = call(&mut store, instance, "go").expect_err("it was cancelled before");
        assert!(error.is::<Cancelled>());
    }
}

/// Two on one thread, neither of which ends by itself: each gets on, until its time is up.
#[test]
fn a_guest_in_an_async_store_lets_go_of_its_thread() {
    let (mut one, runs) = endless(host().as_ref());
    let (mut other, waits) = endless(host().as_ref());
    let limit = Duration::from_millis(100);
    CancelHandle::new().guard_async(&mut one, Some(limit));
    let cancelled = CancelHandle::new();
    cancelled.guard_async(&mut other, None);
    let typed = |store: &mut Store<()>, instance: Instance| {
        let call = instance.get_typed_func::<(), ()>(store, "run");
        call.expect("its export")
    };
    let (run, wait) = (typed(&mut one, runs), typed(&mut other, waits));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut one = pin!(run.call_async(&mut one, ()));
    let mut other = pin!(wait.call_async(&mut other, ()));
    let began = Instant::now();
    let timed_out = loop {
        assert!(other.as_mut().poll(&mut context).is_pending());
        if let Poll::Ready(ended) = one.as_mut().poll(&mut context) {
            break ended.expect_err("it never ends");
        }
    };
    assert!(timed_out.is::<TimedOut>(), "{timed_out}");
    assert!(began.elapsed() >= limit);
    assert!(
        woken.0.load(Ordering::SeqCst) > 2,
        "it is to be polled again"
    );
    cancelled.cancel();
    let ended = loop {
        if let Poll::Ready(ended) = other.as_mut().poll(&mut context) {
            break ended.expect_err("it never ends");
        }
    };
    assert!(ended.is::<Cancelled>(), "{ended}");
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Waits for ever, and tells when it is dropped.
struct Waits(Arc<Mutex<bool>>);

impl Future for Waits {
    type Output = ();

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        *self.0.lock().expect("no panic") = true;
    }
}

#[test]
fn a_future_that_waits_is_dropped() {
    let handle = CancelHandle::new();
    let child = handle.child();
    let dropped = Arc::new(Mutex::new(false));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut runs = pin!(child.run(Waits(Arc::clone(&dropped))));
    for _ in 0..3 {
        assert!(runs.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(woken.0.load(Ordering::SeqCst), 0);
    handle.cancel();
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    let ended = runs.as_mut().poll(&mut context);
    assert!(matches!(ended, Poll::Ready(Err(Cancelled { .. }))));
    assert!(*dropped.lock().expect("no panic"));

    let root = CancelHandle::new();
    let mut done = pin!(root.run(async { 7 }));
    assert_eq!(done.as_mut().poll(&mut context), Poll::Ready(Ok(7)));
}
