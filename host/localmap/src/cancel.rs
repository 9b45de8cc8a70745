//! Ends maps, and whatever else runs in a sandbox, from any thread.

mod ends;
mod node;
pub(crate) mod ticker;

pub(crate) use ends::Ends;

use crate::contract::error::{Cancelled, TimedOut};
use node::Node;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};
use wasmtime::{Engine, Store, UpdateDeadline};

/// Ends what it stands for, from any thread: the map that it is
/// [of](crate::LocalMap::cancel_handle), or all that were made
/// [with](crate::MapOptions::cancel_with) it, and whatever its
/// [children](Self::child) stand for.
///
/// Its clones are one handle. It keeps nothing alive, and dropping it does nothing: what
/// it stood for goes on, and can still be cancelled by its parents.
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
#[derive(Clone, Default)]
pub struct CancelHandle {
    node: Arc<Node>,
}

impl CancelHandle {
    /// One without a parent.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that is cancelled when this one is, and may be before. If this one is
    /// cancelled already, so is the child.
    #[must_use]
    pub fn child(&self) -> Self {
        let node = Node::child(&self.node);
        Self { node }
    }

    /// Ends what the handle and all below it stand for. Doing so again does nothing more.
    ///
    /// A map that is idle is freed at once: its memory has been given back when this
    /// returns. A call that runs ends, in its own thread, within 20 ms and at most one
    /// instruction, which can fill all of the memory; one that waits in the host, when
    /// that comes back. (Async calls need not be waited for: see [`run`](Self::run).) An
    /// operation that is about to give its answer may still give it.
    ///
    /// It never waits for a map that is busy, so that it may be called from within a
    /// call too: in a [`Clock`](crate::Clock), say.
    pub fn cancel(&self) {
        Node::cancel(&self.node);
    }

    /// Whether it, or one above it, has been cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.node.is_cancelled()
    }

    /// Lets the handle end what runs in a store of your own, and ends it when `timeout`
    /// has passed from now. `None`: it may take for ever.
    ///
    /// The call that runs then fails with an error that downcasts to [`Cancelled`] or
    /// [`TimedOut`], at most 20 ms late. Call it again for each call, to give each its
    /// time. It takes the store's [deadline](Store::set_epoch_deadline) and what is done
    /// when that is reached. The engine must have
    /// [epochs](wasmtime::Config::epoch_interruption), as that of a
    /// [`Host`](crate::Host) has, or this does nothing.
    ///
    /// Where the operating system has no thread for the clock that this needs, the store
    /// ends at its next call: a bound that cannot be kept is not given.
    pub fn guard<T: 'static>(&self, store: &mut Store<T>, timeout: Option<Duration>) {
        self.guard_with(store, timeout, UpdateDeadline::Continue);
    }

    /// The same for a store whose calls are async. In addition, a guest that computes lets
    /// go of its thread every 10 ms, so that others get on: the future of its call is
    /// pending then, and ready to be polled again at once.
    ///
    /// A guest that waits in the host does not notice its time-out: drop the future of its
    /// call for that. A call that is not async fails when 10 ms have passed.
    pub fn guard_async<T: 'static>(&self, store: &mut Store<T>, timeout: Option<Duration>) {
        self.guard_with(store, timeout, UpdateDeadline::Yield);
    }

    fn guard_with<T: 'static>(
        &self,
        store: &mut Store<T>,
        timeout: Option<Duration>,
        go_on: fn(u64) -> UpdateDeadline,
    ) {
        let began = Instant::now();
        let watched = ticker::watch(store.engine());
        self.node.end_calls_in(store.engine());
        let watching = watched.is_ok();
        let node = Arc::clone(&self.node);
        store.epoch_deadline_callback(move |_| {
            if node.is_cancelled() {
                return Err(Cancelled.into());
            }
            if let Some(limit) = timeout
                && began.elapsed() >= limit
            {
                return Err(TimedOut { limit }.into());
            }
            if let Err(error) = &watched {
                return Err(wasmtime::format_err!("no thread to time the call: {error}"));
            }
            Ok(go_on(1))
        });
        // What is cancelled already has nothing to wait for.
        let may_start = !self.is_cancelled() && watching;
        store.set_epoch_deadline(u64::from(may_start));
    }

    /// Waits for `future`, and drops it when the handle is cancelled: for calls into async
    /// stores whose guest waits in the host, for its standard input or for time to pass.
    ///
    /// A guest that computes does not notice that: use [`guard_async`](Self::guard_async) as
    /// well. A store whose call was dropped can be dropped, and nothing else.
    ///
    /// # Errors
    ///
    /// [`Cancelled`].
    pub async fn run<F: Future>(&self, future: F) -> Result<F::Output, Cancelled> {
        let mut future = pin!(future);
        let mut waker = self.node.waker();
        std::future::poll_fn(|context| {
            // Before the look at the flag, so that it is woken if it is set after it.
            waker.set(context.waker());
            if self.is_cancelled() {
                return Poll::Ready(Err(Cancelled));
            }
            future.as_mut().poll(context).map(Ok)
        })
        .await
    }

    /// Ends calls in `engine` as well, for as long as the handle has nothing else to end.
    pub(crate) fn making_in(&self, engine: &Engine) {
        self.node.end_calls_in(engine);
    }

    /// Ends this, from now on.
    pub(crate) fn made(&self, what: Weak<dyn Ends>) {
        self.node.made(what);
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle")
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}
