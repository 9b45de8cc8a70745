//! The handle that cancels maps, and other work in a sandbox.

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
/// A handle cancels the map that it [came from](crate::LocalMap::cancel_handle), all maps that
/// were created [with it](crate::MapOptions::cancel_with), all stores that it
/// [guards](Self::guard), and everything that its [children](Self::child) cancel.
///
/// Clones are the same handle. A handle keeps no map alive. Dropping it cancels nothing: its
/// maps live on, and its ancestors can still cancel them.
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
    /// Creates a handle without a parent. [`CancelHandle`] has an example.
    pub fn new() -> Self {
        let node = Arc::new(TreeNode::root());
        Self { node }
    }

    /// Creates a handle that is cancelled together with this one, and can be cancelled before
    /// it. If this one is cancelled already, so is the child.
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

    /// Cancels everything that the handle and its children cancel. Further calls do nothing.
    /// [`CancelHandle`] has an example.
    ///
    /// An idle map is freed at once: its memory has been returned when this function returns.
    /// A call that runs in a sandbox ends, on its own thread, at most 20 ms and one instruction
    /// later. (One instruction can fill all of the memory.) A call that waits in the host ends
    /// when the host returns; [`run`](Self::run) can end async calls that wait. An operation
    /// that is about to return its result may still return it.
    ///
    /// This function never waits for a busy map. It can therefore be called from within a call
    /// too, for example in a [`Clock`](crate::Clock).
    pub fn cancel(&self) {
        for busy in TreeNode::cancel(&self.node) {
            TICKER.cancel_later(busy);
        }
    }

    /// Returns `true` if this handle or one of its ancestors has been cancelled. The example
    /// of [`child`](Self::child) shows it.
    pub fn is_cancelled(&self) -> bool {
        self.node.is_cancelled()
    }

    /// Bounds the next call in a store of yours: the handle can cancel the call, and the call
    /// ends after `timeout`, counted from now. `None` sets no time limit.
    ///
    /// Call this function before each call. A call that is cancelled or exceeds its time fails
    /// with an error that downcasts to [`Cancelled`] or [`TimedOut`], at most 20 ms late.
    ///
    /// It sets the store's [epoch deadline](Store::set_epoch_deadline) and
    /// [its callback](Store::epoch_deadline_callback). It has no effect unless the engine has
    /// [epoch interruption](wasmtime::Config::epoch_interruption), as the engine of a
    /// [`Host`](crate::Host) has. If the operating system has no thread for the time
    /// measurement, the next call in the store fails: the bound always holds.
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
        self.guard_with(store, timeout, UpdateDeadline::Continue);
    }

    /// Bounds the next call in a store of yours as [`guard`](Self::guard) does, for stores
    /// with async calls. The example of `guard` applies to it.
    ///
    /// In addition, a guest that computes yields its thread every 10 ms, so that other tasks
    /// make progress: the future of its call is pending then, and is ready to be polled again
    /// at once. A call that is not async fails after 10 ms.
    ///
    /// A guest that waits in the host does not notice its time limit: drop the future of its
    /// call for that.
    pub fn guard_async<T: 'static>(&self, store: &mut Store<T>, timeout: Option<Duration>) {
        self.guard_with(store, timeout, UpdateDeadline::Yield);
    }

    fn guard_with<T: 'static>(
        &self,
        store: &mut Store<T>,
        timeout: Option<Duration>,
        proceed: fn(u64) -> UpdateDeadline,
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
            Ok(proceed(1))
        });
        // A call that is cancelled already need not wait for the next tick.
        let may_start = !self.is_cancelled() && watching;
        store.set_epoch_deadline(u64::from(may_start));
    }

    /// Polls `future` to its end, and drops it if the handle is cancelled: for calls in async
    /// stores whose guest waits in the host, for input or for time to pass.
    ///
    /// A guest that computes does not notice this: use [`guard_async`](Self::guard_async) as
    /// well. A store whose call was dropped can only be dropped.
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
    /// assert_eq!(waits.as_mut().poll(&mut context), Poll::Ready(Err(Cancelled)));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`Cancelled`] if the handle was cancelled before `future` was ready.
    pub async fn run<F: Future>(&self, future: F) -> Result<F::Output, Cancelled> {
        let mut future = pin!(future);
        let mut slot = self.waker_slot();
        std::future::poll_fn(|context| {
            // The waker is there before the flag is read, so that a later cancellation wakes it.
            slot.set(context.waker());
            if self.is_cancelled() {
                return Poll::Ready(Err(Cancelled));
            }
            future.as_mut().poll(context).map(Ok)
        })
        .await
    }

    /// Returns an empty place for a waker, which a cancellation wakes.
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

    /// A waker that were lost would leave the future pending for good: a deadlock.
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
