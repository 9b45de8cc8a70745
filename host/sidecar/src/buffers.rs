//! What a connection may hold in memory: requests that are not complete, and responses that its peer has
//! not read.
//!
//! HTTP/2 bounds what a peer sends before it is read, and messages have a maximum length. But a peer
//! could begin hundreds of messages and complete none, or ask for hundreds of values and read none.

use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;
use tonic::Status;

/// The maximum length of all requests together that are not complete, in bytes.
const MAX_INCOMPLETE: usize = 16 << 20;

/// The length of unsent responses from which on no further calls are made, in bytes.
const MAX_UNSENT: usize = 16 << 20;

/// Shorter messages are not counted. The number of streams bounds them.
const SHORT: usize = 4 << 10;

/// The buffers of a connection.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    incomplete: AtomicUsize,
    unsent: AtomicUsize,
    sent: Notify,
}

/// The reservation of a request that is not complete. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Incomplete {
    buffers: Arc<Buffers>,
    len: usize,
}

impl Incomplete {
    pub(crate) fn new(buffers: &Arc<Buffers>) -> Self {
        Self {
            buffers: Arc::clone(buffers),
            len: 0,
        }
    }

    /// Reserves memory for a message of this length, in place of the one before; 0 for none.
    pub(crate) fn set(&mut self, len: usize) -> Result<(), Status> {
        let len = if len <= SHORT { 0 } else { len };
        let count = &self.buffers.incomplete;
        let others = count.fetch_sub(self.len, Ordering::AcqRel) - self.len;
        self.len = 0;
        if others + len > MAX_INCOMPLETE {
            return Err(Status::resource_exhausted(format!(
                "requests of more than {MAX_INCOMPLETE} bytes are under way on this connection: \
                 complete some before you begin others"
            )));
        }
        count.fetch_add(len, Ordering::AcqRel);
        self.len = len;
        Ok(())
    }
}

impl Drop for Incomplete {
    fn drop(&mut self) {
        self.buffers
            .incomplete
            .fetch_sub(self.len, Ordering::AcqRel);
    }
}

impl Buffers {
    /// Returns `true` if the peer has read enough for another response.
    pub(crate) fn has_room(&self) -> bool {
        self.unsent.load(Ordering::Acquire) < MAX_UNSENT
    }

    /// Checks that the peer reads its responses.
    pub(crate) fn check_room(&self) -> Result<(), Status> {
        match self.has_room() {
            true => Ok(()),
            false => Err(Status::resource_exhausted(format!(
                "responses of {MAX_UNSENT} bytes have not been read on this connection: read them, or \
                 make fewer calls at a time"
            ))),
        }
    }

    /// Waits until there is room.
    pub(crate) async fn room(self: Arc<Self>) {
        loop {
            let mut sent = std::pin::pin!(self.sent.notified());
            // Before the check, so that what is sent after it is noticed.
            sent.as_mut().enable();
            if self.has_room() {
                return;
            }
            sent.await;
        }
    }

    /// Counts a part of a response until it has been sent. It keeps `with` for as long.
    pub(crate) fn sending<T: Send + Sync + 'static>(
        self: &Arc<Self>,
        part: Bytes,
        with: T,
    ) -> Bytes {
        if part.len() <= SHORT {
            return part;
        }
        self.unsent.fetch_add(part.len(), Ordering::AcqRel);
        Bytes::from_owner(Sending {
            part,
            buffers: Arc::clone(self),
            _with: with,
        })
    }
}

/// A part of a response, which is dropped when it has been sent.
struct Sending<T> {
    part: Bytes,
    buffers: Arc<Buffers>,
    _with: T,
}

impl<T> AsRef<[u8]> for Sending<T> {
    fn as_ref(&self) -> &[u8] {
        &self.part
    }
}

impl<T> Drop for Sending<T> {
    fn drop(&mut self) {
        let len = self.part.len();
        self.buffers.unsent.fetch_sub(len, Ordering::AcqRel);
        self.buffers.sent.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Waker};
    use tonic::Code;

    #[test]
    fn incomplete_requests_have_a_limit_together() {
        let buffers = Arc::new(Buffers::default());
        let mut requests: Vec<_> = (0..4).map(|_| Incomplete::new(&buffers)).collect();
        for request in &mut requests {
            request.set(MAX_INCOMPLETE / 4).expect("they fit");
        }
        let mut another = Incomplete::new(&buffers);
        another.set(SHORT).expect("it is short");
        let refused = another.set(SHORT + 1).expect_err("it does not fit");
        assert_eq!(refused.code(), Code::ResourceExhausted);
        requests.pop();
        another.set(MAX_INCOMPLETE / 4).expect("there is room");
        drop((requests, another));
        assert_eq!(buffers.incomplete.load(Ordering::Acquire), 0);
    }

    #[test]
    fn unsent_responses_stop_calls_until_they_are_sent() {
        let buffers = Arc::new(Buffers::default());
        let part = Bytes::from(vec![7; MAX_UNSENT / 2]);
        let first = buffers.sending(part.clone(), ());
        assert_eq!(first, part);
        buffers.check_room().expect("there is room");
        let second = buffers.sending(part, ());
        assert!(buffers.check_room().is_err());
        let mut room = pin!(Arc::clone(&buffers).room());
        let mut context = Context::from_waker(Waker::noop());
        assert!(room.as_mut().poll(&mut context).is_pending());
        // A copy of it counts, too.
        let copy = second.slice(1..);
        drop(second);
        assert!(room.as_mut().poll(&mut context).is_pending());
        drop(copy);
        assert!(room.poll(&mut context).is_ready());
        drop(first);
        assert_eq!(buffers.unsent.load(Ordering::Acquire), 0);
    }
}
