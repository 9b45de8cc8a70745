//! Waits for a future on a thread without a runtime.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future, at most for `timeout`. Returns `None` if it is not ready by then.
pub(crate) fn block_on<T>(future: impl Future<Output = T>, timeout: Duration) -> Option<T> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    // A timeout beyond the end of the clock is none.
    let end = Instant::now().checked_add(timeout);
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return Some(result);
        }
        match end.map(|end| end.saturating_duration_since(Instant::now())) {
            None => thread::park(),
            Some(Duration::ZERO) => return None,
            Some(left) => thread::park_timeout(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future;
    use tokio::sync::oneshot;

    #[test]
    fn a_future_that_another_thread_completes_is_returned() {
        let (sender, receiver) = oneshot::channel();
        let sending = thread::spawn(move || sender.send(7));
        assert_eq!(block_on(receiver, Duration::MAX), Some(Ok(7)));
        assert_eq!(sending.join().ok(), Some(Ok(())));
    }

    #[test]
    fn a_future_that_is_never_ready_ends_with_the_timeout() {
        assert_eq!(
            block_on(future::pending::<()>(), Duration::from_millis(5)),
            None
        );
        assert_eq!(block_on(future::ready(7), Duration::ZERO), Some(7));
    }
}
