//! Standard input that can be ended from another thread, even while it is being read, in lines.

use bytes::{Bytes, BytesMut};
use localmap::lock;
use std::io::{self, BufRead, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

/// The maximum number of bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// The maximum number of bytes of a line that are passed on at once.
pub(super) const MAX_PART: usize = 64 << 10;

/// Returns a reader of the lines of `input`, and a handle that ends it. The first read starts a
/// thread that reads ahead by one chunk.
pub(super) fn interruptible(input: impl Read + Send + 'static) -> (Source, InputEnd) {
    let shared = Arc::new(Shared::default());
    let end = InputEnd(Arc::clone(&shared));
    let source = Source {
        shared,
        input: Some(Box::new(input)),
        rest: Bytes::new(),
        part: BytesMut::new(),
    };
    (source, end)
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The next chunk, or an error. An empty chunk is the end.
    next: Option<io::Result<Vec<u8>>>,
    /// Whether the input has been ended from another thread.
    is_cut: bool,
    /// Whether the guest has received the end.
    is_finished: bool,
    /// Wakes the task that waits for the next chunk.
    waker: Option<Waker>,
}

impl State {
    fn has_next(&self) -> bool {
        self.next.is_some() || self.is_cut
    }

    /// Takes the next chunk, which is empty at the end.
    fn take_next(&mut self) -> io::Result<Bytes> {
        if self.is_cut {
            return Ok(Bytes::new());
        }
        let next = self.next.take().unwrap_or_else(|| Ok(Vec::new()));
        if next.as_ref().map_or(true, Vec::is_empty) {
            // Nothing is read after the end or an error.
            self.next = Some(Ok(Vec::new()));
        }
        next.map(Bytes::from)
    }
}

impl Shared {
    /// Waits until `ready` returns `true`.
    fn wait(&self, ready: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let wait = self
            .changed
            .wait_while(lock(&self.state), |state| !ready(state));
        wait.unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports a change to all that wait for one.
    fn report(&self, mut state: MutexGuard<'_, State>) {
        self.changed.notify_all();
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

fn read_ahead(mut input: impl Read, shared: &Shared) {
    loop {
        let mut chunk = vec![0; CHUNK];
        let read = input.read(&mut chunk).map(|len| {
            chunk.truncate(len);
            chunk
        });
        let last = read.as_ref().map_or(true, Vec::is_empty);
        let mut state = shared.wait(|state| state.next.is_none() || state.is_cut);
        if state.is_cut {
            return;
        }
        state.next = Some(read);
        shared.report(state);
        if last {
            return;
        }
    }
}

/// A reader of the lines of standard input.
pub(super) struct Source {
    shared: Arc<Shared>,
    /// The input, until the thread that reads it has been started.
    input: Option<Box<dyn Read + Send>>,
    /// What has been read, but not been passed on.
    rest: Bytes,
    /// The beginning of a line whose end has not been read.
    part: BytesMut,
}

impl Source {
    /// Waits for the next line, or the next part of a line of more than [`MAX_PART`] bytes. Returns
    /// no bytes at the end.
    pub(super) fn read_part(&mut self) -> io::Result<Bytes> {
        loop {
            if let Some(part) = self.take_part()? {
                return Ok(part);
            }
            self.start();
            let mut state = self.shared.wait(State::has_next);
            let next = state.take_next();
            self.shared.report(state);
            if let Some(last) = self.add(next?) {
                return Ok(last);
            }
        }
    }

    /// Returns what [`read_part`](Self::read_part) does, or wakes `context` when it may.
    pub(super) fn poll_part(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        loop {
            if let Some(part) = self.take_part()? {
                return Poll::Ready(Ok(part));
            }
            self.start();
            let mut state = lock(&self.shared.state);
            if !state.has_next() {
                state.waker = Some(context.waker().clone());
                return Poll::Pending;
            }
            let next = state.take_next();
            self.shared.report(state);
            if let Some(last) = self.add(next?) {
                return Poll::Ready(Ok(last));
            }
        }
    }

    /// Puts back bytes that have been read.
    pub(super) fn unread(&mut self, mut bytes: Vec<u8>) {
        bytes.extend_from_slice(&self.rest);
        self.rest = bytes.into();
    }

    /// Starts the thread that reads the input, if it does not run yet.
    fn start(&mut self) {
        if let Some(input) = self.input.take() {
            let ahead = Arc::clone(&self.shared);
            thread::spawn(move || read_ahead(input, &ahead));
        }
    }

    /// Adds a chunk. Returns the unfinished last line, or no bytes, if there is no other.
    fn add(&mut self, chunk: Bytes) -> Option<Bytes> {
        if chunk.is_empty() {
            return Some(self.part.split().freeze());
        }
        self.rest = chunk;
        None
    }

    /// Takes a line, or a part of it, if enough has been read.
    fn take_part(&mut self) -> io::Result<Option<Bytes>> {
        let room = MAX_PART.saturating_sub(self.part.len());
        let mut searched = self.rest.get(..room).unwrap_or(&self.rest);
        let len = searched.skip_until(b'\n')?;
        let piece = self.rest.split_to(len);
        let is_complete = piece.ends_with(b"\n") || len == room;
        if is_complete && self.part.is_empty() {
            return Ok(Some(piece));
        }
        self.part.extend_from_slice(&piece);
        Ok(is_complete.then(|| self.part.split().freeze()))
    }
}

/// Ends the input of a guest. Clones end the same input.
#[derive(Clone)]
pub(crate) struct InputEnd(Arc<Shared>);

impl InputEnd {
    /// Calls `first` and ends the input. The guest receives the rest of the line that it is
    /// reading, and then the end. Returns `false`, and does nothing, if that has happened before or
    /// if the guest has received all input.
    pub(crate) fn end(&self, first: impl FnOnce()) -> bool {
        let mut state = lock(&self.0.state);
        if state.is_cut || state.is_finished {
            return false;
        }
        first();
        state.is_cut = true;
        self.0.report(state);
        true
    }

    /// Returns `true` if the input has been ended.
    pub(super) fn is_cut(&self) -> bool {
        lock(&self.0.state).is_cut
    }

    /// Waits until the input has been ended. Only one task may wait at a time, for this or for a line.
    pub(super) fn poll_cut(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0.state);
        if state.is_cut {
            return Poll::Ready(());
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Records that the guest has received the end.
    pub(super) fn finish(&self) {
        lock(&self.0.state).is_finished = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;
    use std::sync::mpsc::{Receiver, channel};

    /// An input whose chunks a test sends.
    struct Sent(Receiver<Vec<u8>>);

    impl Read for Sent {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let chunk = self.0.recv().unwrap_or_default();
            to[..chunk.len()].copy_from_slice(&chunk);
            Ok(chunk.len())
        }
    }

    #[test]
    fn all_bytes_arrive_in_order() {
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(CHUNK * 3 + 7).collect();
        let (mut source, end) = interruptible(Cursor::new(bytes.clone()));
        let mut read = Vec::new();
        loop {
            let part = source.read_part().unwrap();
            if part.is_empty() {
                break;
            }
            read.extend_from_slice(&part);
        }
        assert!(read == bytes);
        assert!(source.read_part().unwrap().is_empty());
        end.finish();
        assert!(!end.end(|| ()));
    }

    #[test]
    fn each_part_is_a_line_however_the_chunks_are_cut() {
        let long = "x".repeat(MAX_PART + 2);
        let text = format!("a\n\nbc\n{long}\nend");
        let (first, second) = long.split_at(MAX_PART);
        let parts = [
            "a\n",
            "\n",
            "bc\n",
            first,
            &format!("{second}\n"),
            "end",
            "",
        ];
        for cut in [1, 2, 3, 5, CHUNK] {
            let (send, sent) = channel();
            for chunk in text.as_bytes().chunks(cut) {
                send.send(chunk.to_vec()).unwrap();
            }
            drop(send);
            let (mut source, _end) = interruptible(Sent(sent));
            for part in parts {
                assert!(source.read_part().unwrap() == part, "{cut}");
            }
        }
    }

    #[test]
    fn what_was_read_ahead_is_read_again() {
        let (mut source, _end) = interruptible(Cursor::new("a\nb\nc"));
        let first = source.read_part().unwrap();
        let second = source.read_part().unwrap();
        source.unread([first, second].concat());
        for part in ["a\n", "b\n", "c", ""] {
            assert_eq!(source.read_part().unwrap(), part);
        }
    }

    #[test]
    fn a_task_that_waits_for_a_line_is_woken_when_it_arrives_and_when_the_input_ends() {
        let (send, sent) = channel();
        let (mut source, end) = interruptible(Sent(sent));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let next = |source: &mut Source| {
            let next = std::future::poll_fn(|context| source.poll_part(context));
            runtime.block_on(next).unwrap()
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                send.send(b"a".to_vec()).unwrap();
                send.send(b"\nb".to_vec()).unwrap();
            });
            assert_eq!(next(&mut source), "a\n");
        });
        thread::scope(|scope| {
            scope.spawn(|| assert!(end.end(|| ())));
            // What has arrived of the line comes before the end.
            assert_eq!(next(&mut source), "b");
        });
        assert_eq!(next(&mut source), "");
    }

    #[test]
    fn it_ends_while_it_waits() {
        let (send, sent) = channel();
        let (mut source, end) = interruptible(Sent(sent));
        send.send(b"a\n".to_vec()).unwrap();
        assert_eq!(source.read_part().unwrap(), "a\n");
        thread::scope(|scope| {
            let waits = scope.spawn(|| source.read_part().unwrap());
            assert!(end.end(|| ()));
            assert_eq!(waits.join().unwrap(), "");
        });
        assert!(end.is_cut() && !end.end(|| ()));
        assert_eq!(source.read_part().unwrap(), "");
    }

    #[test]
    fn an_error_is_passed_on() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let (mut source, _end) = interruptible(Broken);
        let error = source.read_part().unwrap_err();
        assert_eq!(error.to_string(), "broken");
        assert_eq!(source.read_part().unwrap(), "");
    }
}
