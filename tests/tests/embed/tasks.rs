//! Guests with async functions, as those of WASI 0.3 have, in concurrent stores of an embedder:
//! all tasks of an instance share one linked map.

mod plugged;
mod relay;
mod vectors;

use futures::future::{Either, join_all, select};
use localmap::wasmtime::Trap;
use localmap::{
    CallOutcome, CancelHandle, LinkedMap, MapOptions, ObservedCall, Observer, Operation, TimedOut,
    Ttl,
};
use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use crate::link::apps::block_on;
use relay::{Compiled, Relay, wit};

/// The number of tasks in one instance at the same time.
const TASKS: u32 = 200;

const N: &[u8] = b"n";

/// Counts the operations that it sees.
#[derive(Default)]
struct Increments(AtomicU64);

impl Observer for Increments {
    fn end(&self, _: u64, call: &ObservedCall<'_>) {
        assert_eq!(
            (call.operation, call.outcome),
            (Operation::Increment, CallOutcome::Ok)
        );
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn each_operation_is_whole_so_200_increments_at_a_time_make_200() {
    let compiled = Compiled::new();
    let increments = Arc::new(Increments::default());
    let map = LinkedMap::new(compiled.map(&MapOptions::new()));
    let mut relay = compiled.relay(map.with_observer(increments.clone()));
    let sums = relay.call(async |store, guest| {
        let call = |_| guest.call_count(store, N.to_vec(), TASKS);
        join_all((0..TASKS).map(call)).await.into_iter().collect()
    });
    // Each task sees another sum, and all tasks have the same observer.
    let sums: BTreeSet<i64> = sums.expect("alive");
    assert_eq!(sums, (1..=i64::from(TASKS)).collect());
    assert_eq!(increments.0.load(Ordering::Relaxed), u64::from(TASKS));
    assert_eq!(relay.counter(N), i64::from(TASKS));
}

/// A guest that reads, waits and writes overwrites what others have written meanwhile.
#[test]
fn other_tasks_come_between_two_operations() {
    let compiled = Compiled::new();
    let mut relay = compiled.relay_with(&MapOptions::new());
    let done = relay.call(async |store, guest| {
        let call = |_| guest.call_overwrite(store, N.to_vec(), TASKS);
        join_all((0..TASKS).map(call)).await.into_iter().collect()
    });
    let _: Vec<()> = done.expect("alive");
    assert_eq!(relay.counter(N), 1);
}

#[test]
fn the_pins_of_all_tasks_are_those_of_the_store() {
    let compiled = Compiled::new();
    let limits = localmap::Limits::default().max_pins(3);
    let mut relay = compiled.relay_with(&MapOptions::new().limits(limits));
    relay.with_map(|map| map.set(N, b"value", Ttl::Never).expect("room"));
    let pins = relay.call(async |store, guest| {
        let call = |_| guest.call_pin(store, N.to_vec());
        join_all((0..4).map(call)).await.into_iter().collect()
    });
    let pins: Vec<Result<Option<u32>, wit::Error>> = pins.expect("alive");
    let (held, refused): (Vec<_>, Vec<_>) = pins.into_iter().partition(Result::is_ok);
    assert_eq!((held.len(), refused.len()), (3, 1));
    assert!(matches!(refused[0], Err(wit::Error::Full)));
    // One task reads and releases what another one has pinned.
    relay.with_map(|map| map.clear().expect("alive"));
    let pin = held[0].as_ref().expect("held").expect("it was there");
    let read = relay.call(async |store, guest| {
        let (value, _version) = guest.call_pinned(store, pin).await?;
        guest.call_unpin(store, pin).await?;
        Ok(value)
    });
    assert_eq!(read.expect("alive"), b"value");
    drop(relay);
}

/// Starts all tasks but one, which wait for the last one, and then that one.
async fn all_and(
    store: &localmap::wasmtime::component::Accessor<relay::State>,
    guest: &relay::Guest,
    last: impl Future<Output = localmap::wasmtime::Result<()>>,
) -> localmap::wasmtime::Result<()> {
    let stay = |_| guest.call_stay(store, N.to_vec(), i64::from(TASKS));
    let others = join_all((1..TASKS).map(stay));
    let (others, last) = futures::future::join(others, last).await;
    others.into_iter().collect::<Result<(), _>>()?;
    last
}

/// The number of increments before the last task ends all of them.
const BEFORE: i64 = TASKS as i64 - 1;

/// Asserts that the map of the tasks is alive, and that tasks in another store can use it.
fn assert_the_map_goes_on(compiled: &Compiled, relay: Relay) {
    let shared = relay.shared();
    drop(relay);
    let mut next = compiled.relay(LinkedMap::from_shared(shared));
    assert_eq!(next.counter(N), BEFORE);
    let sum = next.call(async |store, guest| guest.call_count(store, N.to_vec(), 1).await);
    assert_eq!(sum.expect("alive"), BEFORE + 1);
}

#[test]
fn a_trap_in_one_of_200_tasks_ends_them_all_and_leaves_the_map() {
    let compiled = Compiled::new();
    let mut relay = compiled.relay_with(&MapOptions::new());
    let ended = relay.call(async |store, guest| {
        let trap = guest.call_trap(store, N.to_vec(), BEFORE);
        all_and(store, guest, trap).await
    });
    let error = ended.expect_err("it traps");
    assert_eq!(error.downcast_ref(), Some(&Trap::UnreachableCodeReached));
    // No task can enter the instance any more.
    let next = relay.call(async |store, guest| guest.call_len(store).await);
    next.expect_err("it is over");
    assert_the_map_goes_on(&compiled, relay);
}

/// The embedder drops the future of the whole run, which is where a time-out belongs: a future
/// within the run would not be polled while the guest computes.
#[test]
fn a_loop_in_one_of_200_tasks_is_ended_from_outside_of_the_run_and_leaves_the_map() {
    let compiled = Compiled::new();
    let mut relay = compiled.relay_with(&MapOptions::new());
    CancelHandle::new().guard_async(&mut relay.store, None);
    let shared = relay.shared();
    let (store, guest) = relay.parts();
    block_on(async {
        let run = store.run_concurrent(async |store| {
            let spin = guest.call_spin(store, N.to_vec(), BEFORE);
            all_and(store, guest, spin).await
        });
        // Here in place of a timer: the guest loops once the others have counted.
        let until = std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            match localmap::lock(&shared).get(N).expect("alive") {
                Some(n) if n == BEFORE.to_le_bytes() => Poll::Ready(()),
                _ => Poll::Pending,
            }
        });
        let (run, until) = (pin!(run), pin!(until));
        assert!(matches!(select(run, until).await, Either::Right(_)));
    });
    assert_the_map_goes_on(&compiled, relay);
}

#[test]
fn a_time_limit_of_the_store_is_one_for_all_of_its_tasks() {
    let compiled = Compiled::new();
    let mut relay = compiled.relay_with(&MapOptions::new());
    relay.with_map(|map| map.increment(N, BEFORE, Ttl::Never).expect("room"));
    CancelHandle::new().guard_async(&mut relay.store, Some(Duration::from_millis(50)));
    let ended = relay.call(async |store, guest| {
        // One of them computes, and the other one waits.
        let spin = guest.call_spin(store, N.to_vec(), BEFORE);
        let wait = guest.call_count(store, b"other".to_vec(), 2);
        let (spun, waited) = futures::future::join(spin, wait).await;
        spun.and(waited.map(drop))
    });
    assert!(ended.expect_err("it loops").is::<TimedOut>());
    assert_the_map_goes_on(&compiled, relay);
}
