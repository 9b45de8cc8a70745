//! Which streams of a connection of HTTP/2 have sent the end of their response, and which responses
//! wait for that. A client may close the connection as soon as it has read the end, before the task
//! of the stream goes on: the end of the connection must not look like that of the response.

use crate::exchange::ResponseSide;
use localmap::lock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// The ends of the responses of a connection.
#[derive(Clone, Default)]
pub(crate) struct ResponseEnds(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    streams: HashMap<u32, End>,
    /// Whether nothing more will be sent.
    closed: bool,
}

/// The end of a response.
enum End {
    /// It has not been sent.
    Ahead,
    /// It has been sent.
    Sent,
    /// It has been passed on to the connection, and this is told when it has been sent.
    Queued(ResponseSide),
}

/// The end of the response of one stream.
pub(crate) struct ResponseEnd {
    ends: ResponseEnds,
    stream: u32,
}

impl ResponseEnds {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }

    /// Begins to watch a stream, before its response can be sent.
    pub(crate) fn of_stream(&self, stream: u32) -> ResponseEnd {
        self.state().streams.insert(stream, End::Ahead);
        ResponseEnd {
            ends: self.clone(),
            stream,
        }
    }

    /// Records that the ends of the responses of these streams have been sent.
    pub(crate) fn sent(&self, streams: impl Iterator<Item = u32>) {
        for stream in streams {
            let mut state = self.state();
            let end = match state.streams.get_mut(&stream) {
                Some(end) => std::mem::replace(end, End::Sent),
                None => continue,
            };
            if let End::Queued(side) = end {
                state.streams.remove(&stream);
                drop(state);
                side.complete();
            }
        }
    }

    /// Returns the streams whose responses have been passed on, but not sent.
    pub(crate) fn queued(&self) -> Vec<u32> {
        let state = self.state();
        let streams = state.streams.iter();
        let queued = streams.filter(|(_, end)| matches!(end, End::Queued(_)));
        queued.map(|(stream, _)| *stream).collect()
    }

    /// Ends those of these responses early that have not been sent.
    pub(crate) fn discarded(&self, streams: &[u32]) {
        for stream in streams {
            // It is dropped after the lock, as this writes to the log.
            let end = self.state().streams.remove(stream);
            drop(end);
        }
    }

    /// Ends all responses early that have not been sent, now and later.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.discarded(&self.queued());
    }
}

impl ResponseEnd {
    /// Ends a response, which has been passed on, when its end has been sent.
    pub(crate) fn complete_when_sent(&self, side: ResponseSide) {
        let mut state = self.ends.state();
        let sent = matches!(state.streams.get(&self.stream), Some(End::Sent));
        if !sent && !state.closed {
            state.streams.insert(self.stream, End::Queued(side));
            return;
        }
        drop(state);
        if sent {
            side.complete();
        }
    }
}

impl Drop for ResponseEnd {
    fn drop(&mut self) {
        let mut state = self.ends.state();
        if !matches!(state.streams.get(&self.stream), Some(End::Queued(_))) {
            state.streams.remove(&self.stream);
        }
    }
}
