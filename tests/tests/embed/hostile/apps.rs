//! Plugged apps, in stores of the embedder on the engine of a host.

use super::honest::{host, with_honest_maps};
use super::make::app;
use localmap::wasmtime::component::{
    Component, ComponentNamedList, Instance, Lift, Linker, Lower, TypedFunc,
};
use localmap::wasmtime::{self, Store, StoreContextMut, Trap};
use localmap::{CancelHandle, Cancelled, Control, Limits, MemoryLimiter, TimedOut, plug};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_millis(200);
const MEMORY: usize = 64 << 20;

/// An app in its store.
struct App {
    store: Store<MemoryLimiter>,
    instance: Instance,
    control: Control,
    cancel: CancelHandle,
}

impl App {
    fn new(name: &str) -> Self {
        Self::start(name).unwrap_or_else(|error| panic!("{name}: {error:#}"))
    }

    fn start(name: &str) -> wasmtime::Result<Self> {
        let plugged = plug(&app(name), &Limits::default()).expect("it fits");
        let engine = host().as_ref();
        let component = Component::new(engine, plugged)?;
        let mut store = Store::new(engine, MemoryLimiter::new(MEMORY));
        store.limiter(|limiter| limiter);
        let cancel = CancelHandle::new();
        cancel.guard(&mut store, Some(LIMIT));
        let instance = linker()?.instantiate(&mut store, &component)?;
        let control = Control::find(&mut store, &component, &instance)?.expect("it is plugged");
        Ok(Self {
            store,
            instance,
            control,
            cancel,
        })
    }

    fn call<R>(&mut self, name: &str) -> wasmtime::Result<R>
    where
        R: Lift + Send + Sync + 'static,
        (R,): ComponentNamedList + Lift + Lower,
    {
        let function: TypedFunc<(), (R,)> = self.instance.get_typed_func(&mut self.store, name)?;
        self.cancel.guard(&mut self.store, Some(LIMIT));
        Ok(function.call(&mut self.store, ())?.0)
    }

    fn run(&mut self) -> wasmtime::Result<u64> {
        self.call("run")
    }
}

/// Returns a linker with the imports of a map, and nothing else.
fn linker() -> wasmtime::Result<Linker<MemoryLimiter>> {
    let mut linker = Linker::new(host().as_ref());
    linker
        .instance("wasi:clocks/monotonic-clock@0.2.0")?
        .func_wrap("now", |_: StoreContextMut<'_, _>, (): ()| Ok((0u64,)))?;
    linker
        .instance("wasi:random/insecure-seed@0.2.0")?
        .func_wrap("insecure-seed", |_: StoreContextMut<'_, _>, (): ()| {
            Ok(((7u64, 7u64),))
        })?;
    Ok(linker)
}

/// Asserts that the call ends with this trap, and that the store cannot be used afterwards.
fn traps(name: &str, expected: Trap) {
    with_honest_maps(|| {
        let mut app = App::new(name);
        let error = app.run().expect_err(name);
        let trap = error.downcast_ref::<Trap>();
        assert_eq!(trap, Some(&expected), "{name}: {error:#}");
        // The map ends with the app, so no one can see a half-finished change.
        assert!(app.run().is_err(), "{name}");
        assert!(app.control.stats(&mut app.store).is_err(), "{name}");
    });
}

/// Asserts that the call ends with a timeout.
fn runs_out_of_time(name: &str) {
    with_honest_maps(|| {
        let mut app = App::new(name);
        let error = app.run().expect_err(name);
        let TimedOut { limit, .. } = error.downcast_ref().expect("it had no more time");
        assert_eq!(*limit, LIMIT);
    });
}

#[test]
fn loops() {
    runs_out_of_time("loop");
    runs_out_of_time("loop_of_calls");
    runs_out_of_time("fills_forever");
    with_honest_maps(|| {
        let error = App::start("loop_at_the_start").err().expect("it never is");
        assert!(error.is::<TimedOut>(), "{error:#}");
    });
}

/// Another thread cancels them, long before the timeout.
#[test]
fn loops_that_are_cancelled() {
    for name in ["loop", "loop_of_calls", "fills_forever"] {
        with_honest_maps(|| {
            let mut app = App::new(name);
            let cancel = CancelHandle::new();
            cancel.guard(&mut app.store, None);
            let run = app
                .instance
                .get_typed_func::<(), (u64,)>(&mut app.store, "run")
                .expect("it has one");
            let (error, took) = std::thread::scope(|scope| {
                let canceller = scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(50));
                    cancel.cancel();
                    Instant::now()
                });
                let error = run.call(&mut app.store, ()).expect_err(name);
                let end = Instant::now();
                let cancelled = canceller.join().expect("it ends");
                (error, end.saturating_duration_since(cancelled))
            });
            assert!(error.is::<Cancelled>(), "{name}: {error:#}");
            // The documented limit is 20 ms, but a busy machine may take longer.
            assert!(took < Duration::from_secs(2), "{name}: {took:?}");
        });
    }
}

#[test]
fn traps_in_the_app_and_in_the_call() {
    traps("stack_overflow", Trap::StackOverflow);
    traps("trap_between_two_writes", Trap::UnreachableCodeReached);
    traps("value_past_the_end", Trap::ListOutOfBounds);
    traps("answer_past_the_end", Trap::ListOutOfBounds);
    traps("answer_that_calls_back", Trap::CannotLeaveComponent);
    traps("unknown_ttl", Trap::InvalidDiscriminant);
    // The key is copied into the map's memory before the map can check it.
    traps("key_of_48_megabytes", Trap::UnreachableCodeReached);
    with_honest_maps(|| {
        let mut app = App::new("pin_that_does_not_exist");
        let error = app.run().expect_err("it has no pin");
        assert!(format!("{error:#}").contains("unknown handle"), "{error:#}");
    });
}

/// The limit is on all memories of the store together.
#[test]
fn memory() {
    for name in ["memory_bomb", "table_bomb"] {
        with_honest_maps(|| {
            let mut app = App::new(name);
            let got = app.run().expect("it lives");
            assert!(got > 0, "{name}");
            assert!(app.store.data().used() <= MEMORY, "{name}");
            // The map must work with the remaining memory.
            app.control.stats(&mut app.store).expect("it lives");
        });
    }
}

#[test]
fn results_that_are_invalid() {
    with_honest_maps(|| {
        let error = App::new("result_of_2_gigabytes").call::<Vec<u8>>("bytes");
        let error = error.expect_err("there are no 2 GiB");
        assert!(format!("{error:#}").contains("out of bounds"), "{error:#}");
        let error = App::new("text_not_utf8").call::<String>("text");
        let error = error.expect_err("it is not UTF-8");
        assert!(format!("{error:#}").contains("utf-8"), "{error:#}");
    });
}

/// The map creates as many pins as the host allows, and then answers `full`.
#[test]
fn a_million_pins() {
    with_honest_maps(|| {
        let mut app = App::new("a_million_pins");
        let limits = Limits::default().max_pins(100);
        let configured = app.control.configure(&mut app.store, &limits);
        configured.expect("it lives").expect("they are in range");
        let run = app
            .instance
            .get_typed_func::<(), (u64,)>(&mut app.store, "run")
            .expect("it has one");
        app.cancel.guard(&mut app.store, Some(20 * LIMIT));
        let (pins,) = run.call(&mut app.store, ()).expect("it lives");
        assert_eq!(pins, 100);
    });
}
