//! A plugged command of WASI 0.3: its map is in the same instance, and `Control` reaches it.

use futures::future::{Either, select};
use localmap::wasmtime::component::{Component, Instance, Linker, ResourceTable};
use localmap::wasmtime::{Config, Engine, Store};
use localmap::{Control, Limits, plug};
use std::pin::pin;
use std::task::Poll;
use wasmtime_wasi::p3::bindings::Command;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// The guest `wasip3-command` with these arguments.
async fn instantiate(args: &[&str]) -> (Store<State>, Instance, Control) {
    let guest = std::fs::read(localmap_tests::guest("wasip3_command")).expect("it was built");
    assert!(localmap::needs_concurrency(&guest).is_some());
    let plugged = plug(&guest, &Limits::default()).expect("it fits");
    let mut config = Config::new();
    localmap::set_concurrent_features(&mut config);
    let engine = Engine::new(&config).expect("an engine");
    let component = Component::new(&engine, plugged).expect("it compiles");
    let mut linker = Linker::<State>::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("free names");
    wasmtime_wasi::p3::add_to_linker(&mut linker).expect("free names");
    let wasi = WasiCtx::builder()
        .args(&[&["guest"], args].concat())
        .build();
    let table = ResourceTable::new();
    let mut store = Store::new(&engine, State { wasi, table });
    let instance = linker.instantiate_async(&mut store, &component).await;
    let instance = instance.expect("an instance");
    let control = Control::find(&mut store, &component, &instance);
    let control = control.expect("the contract's").expect("it is plugged");
    (store, instance, control)
}

/// Runs a test with the timers of WASI 0.3.
fn block_on(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().build().expect("a runtime");
    runtime.block_on(test);
}

#[test]
fn its_control_is_called_by_the_async_form() {
    block_on(async {
        let (mut store, instance, control) = instantiate(&["increments", "200"]).await;
        let limits = Limits::default().max_entries(1);
        let configured = control.configure_async(&mut store, &limits).await;
        configured.expect("alive").expect("in range");
        let command = Command::new(&mut store, &instance).expect("a command");
        let run = store.run_concurrent(async |store| command.wasi_cli_run().call_run(store).await);
        let ended = run.await.expect("alive").expect("alive");
        assert_eq!(ended, Ok(()));
        let error = control.stats(&mut store).expect_err("it has async imports");
        assert!(error.to_string().contains("`*_async` functions"), "{error}");
        let stats = control.stats_async(&mut store).await.expect("alive");
        // Each of 200 tasks, and one that asks for the sum.
        assert_eq!((stats.entries, stats.writes), (1, 201));
    });
}

#[test]
fn its_control_is_called_between_two_runs_while_a_task_waits() {
    block_on(async {
        let args = ["set", "k", "v", "then", "wait-forever"];
        let (mut store, instance, control) = instantiate(&args).await;
        let command = Command::new(&mut store, &instance).expect("a command");
        let run = store.run_concurrent(async |store| {
            let run = pin!(command.wasi_cli_run().call_run(store));
            // The guest sets the entry when it is polled first.
            let mut polls = 0;
            let a_few_polls = std::future::poll_fn(|context| {
                polls += 1;
                context.waker().wake_by_ref();
                if polls < 100 {
                    Poll::Pending
                } else {
                    Poll::Ready(())
                }
            });
            matches!(select(run, a_few_polls).await, Either::Right(_))
        });
        assert!(run.await.expect("alive"), "it waits");
        let stats = control.stats_async(&mut store).await.expect("alive");
        assert_eq!(stats.entries, 1);
        control.clear_async(&mut store).await.expect("alive");
        let stats = control.stats_async(&mut store).await.expect("alive");
        assert_eq!((stats.entries, stats.writes), (0, 1));
    });
}
