//! Handles that cancel calls in stores of an embedder, and futures.

use super::{ENDLESS, SOON, host};
use localmap::wasmtime::{self, Config, Engine, Instance, Module, Store, Trap};
use localmap::{CancelHandle, Cancelled, TimedOut};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// Creates an embedder's store, with a core module that runs forever.
fn endless(engine: &Engine) -> (Store<()>, Instance) {
    let text = format!("(module (func (export \"run\") {ENDLESS}) (func (export \"go\")))");
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

/// Two guests on one thread run forever, and each makes progress until its timeout.
#[test]
fn a_guest_in_an_async_store_yields_its_thread() {
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

/// A waker that counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A future that never completes, and records that it was dropped.
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
