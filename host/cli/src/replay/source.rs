//! Standard input that can be ended from another thread, even while it is being read.

use localmap::lock;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// The maximum number of bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// Returns a reader of the bytes of `input`, and a handle that ends it. The first read starts a
/// thread that reads ahead by one chunk.
pub(super) fn interruptible(input: impl Read + Send + 'static) -> (Source, InputEnd) {
    let shared = Arc::new(Shared::default());
    let end = InputEnd(Arc::clone(&shared));
    let source = Source {
        shared,
        input: Some(Box::new(input)),
        rest: VecDeque::new(),
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
}

impl Shared {
    /// Waits until `ready` returns `true`.
    fn wait(&self, ready: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let wait = self
            .changed
            .wait_while(lock(&self.state), |state| !ready(state));
        wait.unwrap_or_else(PoisonError::into_inner)
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
        shared.changed.notify_all();
        if last {
            return;
        }
    }
}

/// A reader of standard input.
pub(super) struct Source {
    shared: Arc<Shared>,
    /// The input, until the thread that reads it has been started.
    input: Option<Box<dyn Read + Send>>,
    /// The rest of the chunk that is being read.
    rest: VecDeque<u8>,
}

impl Read for Source {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if let Some(input) = self.input.take() {
            let ahead = Arc::clone(&self.shared);
            thread::spawn(move || read_ahead(input, &ahead));
        }
        if self.rest.is_empty() {
            let mut state = self
                .shared
                .wait(|state| state.next.is_some() || state.is_cut);
            if state.is_cut {
                return Ok(0);
            }
            let next = state.next.take().unwrap_or_else(|| Ok(Vec::new()));
            if next.as_ref().map_or(true, Vec::is_empty) {
                // Nothing is read after the end or an error.
                state.next = Some(Ok(Vec::new()));
            }
            let next = next?;
            self.rest = next.into();
            self.shared.changed.notify_all();
        }
        self.rest.read(to)
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
        self.0.changed.notify_all();
        true
    }

    /// Returns `true` if the input has been ended.
    pub(super) fn is_cut(&self) -> bool {
        lock(&self.0.state).is_cut
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
        source.read_to_end(&mut read).unwrap();
        assert!(read == bytes);
        assert_eq!(source.read(&mut [0]).unwrap(), 0);
        end.finish();
        assert!(!end.end(|| ()));
    }

    #[test]
    fn it_ends_while_it_waits() {
        let (send, sent) = channel();
        let (mut source, end) = interruptible(Sent(sent));
        send.send(b"a".to_vec()).unwrap();
        assert_eq!(source.read(&mut [0; 9]).unwrap(), 1);
        thread::scope(|scope| {
            let waits = scope.spawn(|| source.read(&mut [0; 9]).unwrap());
            assert!(end.end(|| ()));
            assert_eq!(waits.join().unwrap(), 0);
        });
        assert!(end.is_cut() && !end.end(|| ()));
        assert_eq!(source.read(&mut [0; 9]).unwrap(), 0);
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
        let error = source.read(&mut [0; 9]).unwrap_err();
        assert_eq!(error.to_string(), "broken");
        assert_eq!(source.read(&mut [0; 9]).unwrap(), 0);
    }
}
