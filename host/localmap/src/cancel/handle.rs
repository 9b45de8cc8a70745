//! A handle that cancels maps, and other work in a sandbox.

use super::target::CancelTarget;
use super::ticker::TICKER;
use super::tree::{TreeNode, WakerSlot};
use crate::contract::error::{Cancelled, TimedOut};
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};
use wasmtime::{Engine, Store, UpdateDeadline};

/// Cancels maps, and other work in a sandbox, from any thread.
///
/// A handle cancels the map that [returned it](crate::LocalMap::cancel_handle), all maps that
/// were created [with it](crate::MapOptions::cancel_with), all stores that it
/// [guards](Self::guard), and everything that its [children](Self::child) cancel.
///
/// Clones refer to the same handle. A handle does not keep maps alive. Dropping a handle cancels
/// nothing: its maps stay live, and its ancestors can still cancel them.
///
/// ```
/// use localmap::{CancelHandle, Host, MapOptions};
///
/// let tenant = CancelHandle::new();
/// let host = Host::new()?;
/// let mut map = host.map(&MapOptions::new().cancel_with(&tenant))?;
/// tenant.cancel();
/// assert_eq!(host.live_maps(), 0);
/// assert!(map.get(b"k").is_err());
/// # Ok::<(), localmap::CreateError>(())
/// ```
#[derive(Clone)]
pub struct CancelHandle {
    node: Arc<TreeNode<Engine>>,
}

impl CancelHandle {
    /// Creates a handle without a parent. See [`CancelHandle`] for an example.
    pub fn new() -> Self {
        let node = Arc::new(TreeNode::root());
        Self { node }
    }

    /// Creates a handle that is cancelled together with this one, and can also be cancelled
    /// alone. If this handle is already cancelled, so is the child.
    ///
    /// ```
    /// use localmap::CancelHandle;
    ///
    /// let server = CancelHandle::new();
    /// let (first, second) = (server.child(), server.child());
    /// first.cancel();
    /// assert!(!second.is_cancelled());
    /// server.cancel();
    /// assert!(second.is_cancelled());
    /// ```
    #[must_use]
    pub fn child(&self) -> Self {
        let node = TreeNode::child(&self.node);
        Self { node }
    }

    /// Cancels the maps, stores and children of the handle. Further calls do nothing.
    /// See [`CancelHandle`] for an example.
    ///
    /// An idle map is freed before this function returns. A call that is running in a sandbox
    /// ends, on its own thread, at most 20 ms and one instruction later. (One instruction can
    /// fill all of the memory.) A call that waits in the host ends when the host returns;
    /// [`run`](Self::run) can end async calls that wait. An operation that is about to return its
    /// result may still return it.
    ///
    /// This function never waits for a busy map. It can therefore also be called during a call,
    /// for example in a [`Clock`](crate::Clock).
    pub fn cancel(&self) {
        for busy in TreeNode::cancel(&self.node) {
            TICKER.cancel_later(busy);
        }
    }

    /// Returns `true` if this handle or one of its ancestors has been cancelled. See
    /// [`child`](Self::child) for an example.
    pub fn is_cancelled(&self) -> bool {
        self.node.is_cancelled()
    }

    /// Bounds the next call in one of your own stores: the handle can cancel the call, and the
    /// call ends after `timeout`, counted from now. `None` sets no time limit.
    ///
    /// Call this function before each call. A call that is cancelled or exceeds its time fails
    /// with an error that downcasts to [`Cancelled`] or [`TimedOut`], at most 20 ms late.
    ///
    /// It sets the store's [epoch deadline](Store::set_epoch_deadline) and
    /// [its callback](Store::epoch_deadline_callback). It has no effect unless the engine has
    /// [epoch interruption](wasmtime::Config::epoch_interruption), as the engine of a
    /// [`Host`](crate::Host) has. If the operating system cannot create the thread that measures
    /// time, the next call in the store fails, so that no call runs without its bound.
    ///
    /// ```
    /// use localmap::wasmtime::{Instance, Module, Store};
    /// use localmap::{CancelHandle, Host, TimedOut};
    /// use std::time::Duration;
    ///
    /// let host = Host::new()?;
    /// let module = wat::parse_str(r#"(module (func (export "spin") (loop br 0)))"#)?;
    /// let module = Module::new(host.as_ref(), module)?;
    /// let mut store = Store::new(host.as_ref(), ());
    /// CancelHandle::new().guard(&mut store, Some(Duration::from_millis(50)));
    /// let instance = Instance::new(&mut store, &module, &[])?;
    /// let spin = instance.get_typed_func::<(), ()>(&mut store, "spin")?;
    /// assert!(spin.call(&mut store, ()).unwrap_err().is::<TimedOut>());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn guard<T: 'static>(&self, store: &mut Store<T>, timeout: Option<Duration>) {
        self.guard_with(store, timeout, || UpdateDeadline::Continue(1));
    }

    /// Bounds the next call in one of your own stores as [`guard`](Self::guard) does, for stores
    /// with async calls. See `guard` for an example.
    ///
    /// In addition, a guest that computes yields its thread every 10 ms, so that other tasks
    /// make progress: the future of its call is then pending and can be polled again immediately.
    /// A call that is not async fails after 10 ms.
    ///
    /// The time limit does not end a call in which the guest waits in the host. To end such a
    /// call, drop its future.
    pub fn guard_async<T: 'static>(&self, store: &mut Store<T>, timeout: Option<Duration>) {
        self.guard_with(store, timeout, || UpdateDeadline::Yield(1));
    }

    /// Bounds the next call in one of your own stores as [`guard_async`](Self::guard_async) does,
    /// and calls `on_yield` whenever a guest yields its thread, so that you know that it computes
    /// rather than waits.
    ///
    /// ```
    /// use localmap::wasmtime::{Instance, Module, Store};
    /// use localmap::{CancelHandle, Host};
    /// use std::pin::pin;
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use std::task::{Context, Waker};
    /// use std::time::Duration;
    ///
    /// let host = Host::new()?;
    /// let module = wat::parse_str(r#"(module (func (export "spin") (loop br 0)))"#)?;
    /// let module = Module::new(host.as_ref(), module)?;
    /// let mut store = Store::new(host.as_ref(), ());
    /// let yields = Arc::new(AtomicU32::new(0));
    /// let counted = Arc::clone(&yields);
    /// CancelHandle::new().guard_async_with(&mut store, Some(Duration::from_millis(50)), move || {
    ///     counted.fetch_add(1, Ordering::Relaxed);
    /// });
    /// let mut spin = pin!(async {
    ///     let instance = Instance::new_async(&mut store, &module, &[]).await?;
    ///     let spin = instance.get_typed_func::<(), ()>(&mut store, "spin")?;
    ///     spin.call_async(&mut store, ()).await
    /// });
    /// let mut context = Context::from_waker(Waker::noop());
    /// while spin.as_mut().poll(&mut context).is_pending() {}
    /// assert!(yields.load(Ordering::Relaxed) > 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn guard_async_with<T: 'static>(
        &self,
        store: &mut Store<T>,
        timeout: Option<Duration>,
        on_yield: impl Fn() + Send + Sync + 'static,
    ) {
        self.guard_with(store, timeout, move || {
            on_yield();
            UpdateDeadline::Yield(1)
        });
    }

    fn guard_with<T: 'static>(
        &self,
        store: &mut Store<T>,
        timeout: Option<Duration>,
        proceed: impl Fn() -> UpdateDeadline + Send + Sync + 'static,
    ) {
        let start = Instant::now();
        let watched = TICKER.watch(store.engine());
        self.node.interrupt_calls_in(store.engine());
        let watching = watched.is_ok();
        let node = Arc::clone(&self.node);
        store.epoch_deadline_callback(move |_| {
            if node.is_cancelled() {
                return Err(Cancelled.into());
            }
            if let Some(limit) = timeout
                && start.elapsed() >= limit
            {
                return Err(TimedOut { limit }.into());
            }
            if let Err(error) = &watched {
                return Err(wasmtime::format_err!("no thread to time the call: {error}"));
            }
            Ok(proceed())
        });
        // If the handle is already cancelled, the call fails without waiting for the next tick.
        let may_start = !self.is_cancelled() && watching;
        store.set_epoch_deadline(u64::from(may_start));
    }

    /// Polls `future` to completion, and drops it if the handle is cancelled. Use it for calls in
    /// async stores whose guest waits in the host, for example for input or a timer.
    ///
    /// It does not interrupt a guest that computes: use [`guard_async`](Self::guard_async) as
    /// well. After its call was dropped, a store can no longer be used and should be dropped.
    ///
    /// ```
    /// use localmap::{CancelHandle, Cancelled};
    /// use std::pin::pin;
    /// use std::task::{Context, Poll, Waker};
    ///
    /// let handle = CancelHandle::new();
    /// let mut waits = pin!(handle.run(std::future::pending::<()>()));
    /// let mut context = Context::from_waker(Waker::noop());
    /// assert_eq!(waits.as_mut().poll(&mut context), Poll::Pending);
    /// handle.cancel();
    /// assert!(matches!(waits.as_mut().poll(&mut context), Poll::Ready(Err(Cancelled { .. }))));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`Cancelled`] if the handle was cancelled before `future` was ready.
    pub async fn run<F: Future>(&self, future: F) -> Result<F::Output, Cancelled> {
        let mut future = pin!(future);
        let mut slot = self.waker_slot();
        std::future::poll_fn(|context| {
            // Set the waker before reading the flag, so that a later cancellation wakes it.
            slot.set(context.waker());
            if self.is_cancelled() {
                return Poll::Ready(Err(Cancelled));
            }
            future.as_mut().poll(context).map(Ok)
        })
        .await
    }

    /// Returns an empty slot for a waker that a cancellation wakes.
    pub(crate) fn waker_slot(&self) -> WakerSlot<'_, Engine> {
        self.node.waker_slot()
    }

    /// Makes a cancellation interrupt the calls in `engine`, until there is a target.
    pub(crate) fn interrupt_calls_in(&self, engine: &Engine) {
        self.node.interrupt_calls_in(engine);
    }

    /// Makes a cancellation cancel `target`.
    pub(crate) fn set_target(&self, target: Weak<dyn CancelTarget>) {
        self.node.set_target(target);
    }
}

impl Default for CancelHandle {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle")
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::thread;

    const SCHEDULES: usize = 1_000;

    /// If a waker were lost, the future would stay pending forever, which shuttle reports as a
    /// deadlock.
    #[test]
    fn a_future_that_waits_is_dropped_by_a_cancellation() {
        let explore = || {
            let parent = CancelHandle::new();
            let handle = parent.child();
            let waits = thread::spawn(move || {
                shuttle::future::block_on(handle.run(std::future::pending::<()>()))
            });
            parent.cancel();
            assert_eq!(waits.join().expect("no panic"), Err(Cancelled));
        };
        shuttle::check_random(explore, SCHEDULES);
    }
}
