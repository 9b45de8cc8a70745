//! Standard input that drives the clock, line by line.

use super::clock::ReplayClock;
use super::lines::{Lines, goes_on};
use super::reader::LineReader;
use super::source::{InputEnd, Source, interruptible};
use super::stamp::StampFinder;
use async_trait::async_trait;
use bytes::Bytes;
use localmap::lock;
use std::io::{self, Read};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use tokio::io::AsyncRead;
use wasmtime_wasi::cli::{IsTerminal, StdinStream};
use wasmtime_wasi::p2::{InputStream, Pollable, StreamError, StreamResult};

/// The maximum number of bytes that are read ahead to find the first stamp.
const MAX_AHEAD: usize = 1 << 20;

/// Standard input before its first stamp has been found.
pub(crate) struct RawInput {
    source: Source,
    end: InputEnd,
}

impl RawInput {
    /// Wraps `input`, which is not read yet. The handle ends it.
    pub(crate) fn new(input: impl Read + Send + 'static) -> (Self, InputEnd) {
        let (source, end) = interruptible(input);
        let handle = end.clone();
        (Self { source, end }, handle)
    }
}

/// The standard input of the guest. All of its streams share one position.
#[derive(Clone)]
pub(crate) struct ReplayInput(Arc<Mutex<Lines>>);

impl ReplayInput {
    /// Reads `input` up to its first stamp, and sets the clock to it. Without this, initial
    /// entries with a TTL would expire at the first line.
    ///
    /// Returns `false` if the first MiB, or what arrives before the input is ended, contains lines but
    /// no stamp. The clock then stays at 1970.
    pub(crate) fn new(
        input: RawInput,
        mut stamps: StampFinder,
        clock: ReplayClock,
    ) -> io::Result<(Self, bool)> {
        let RawInput { mut source, end } = input;
        let mut ahead = Vec::new();
        let mut starts_line = true;
        let found = loop {
            let part = source.read_part()?;
            if part.is_empty() {
                break ahead.is_empty();
            }
            ahead.extend_from_slice(&part);
            if starts_line && let Some(stamp) = stamps.find(&part, goes_on(&part)) {
                clock.reach(stamp);
                break true;
            }
            starts_line = part.ends_with(b"\n");
            if ahead.len() >= MAX_AHEAD {
                break false;
            }
        };
        let is_ended_ahead = end.is_cut();
        source.unread(ahead);
        let lines = Lines::new(source, end, stamps, clock, is_ended_ahead);
        Ok((Self(Arc::new(Mutex::new(lines))), found))
    }

    /// Creates a stream whose reads wait until [`poll_line`](Self::poll_line) delivers a line.
    pub(crate) fn reader(&self) -> LineReader {
        LineReader::new(Arc::clone(&self.0))
    }

    /// Reads the next line if a [`LineReader`] waits for it, sets the clock to its stamp, and wakes
    /// that reader. Returns `false` if none waits. Wakes `context` when the line arrives.
    pub(super) fn poll_line(&self, context: &mut Context<'_>) -> Poll<bool> {
        let next = match ready!(lock(&self.0).poll_next_reader(context)) {
            Some(reader) => reader,
            None => return Poll::Ready(false),
        };
        next.wake();
        Poll::Ready(true)
    }

    /// Waits until the input has been ended from outside.
    pub(super) fn poll_cut(&self, context: &mut Context<'_>) -> Poll<()> {
        lock(&self.0).poll_cut(context)
    }
}

impl IsTerminal for ReplayInput {
    fn is_terminal(&self) -> bool {
        io::IsTerminal::is_terminal(&io::stdin())
    }
}

impl StdinStream for ReplayInput {
    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        Box::new(self.reader())
    }
}

impl InputStream for ReplayInput {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if size == 0 {
            return Ok(Bytes::new());
        }
        let mut lines = lock(&self.0);
        match lines.read(size) {
            Ok(bytes) if bytes.is_empty() => Err(StreamError::Closed),
            Ok(bytes) => Ok(bytes),
            Err(error) => Err(StreamError::LastOperationFailed(error.into())),
        }
    }
}

#[async_trait]
impl Pollable for ReplayInput {
    // Always ready, since a read may wait instead: a readiness check must not move the clock.
    async fn ready(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::super::clock::FREE_LOOKS;
    use super::super::stamp::{StampFormat, StampOptions};
    use super::*;
    use std::io::Cursor;
    use std::sync::mpsc::{Receiver, channel};
    use std::task::Waker;

    fn replay(text: &str) -> (ReplayInput, ReplayClock, bool) {
        let (input, clock, found, _) = interruptible_replay(text);
        (input, clock, found)
    }

    fn interruptible_replay(text: &str) -> (ReplayInput, ReplayClock, bool, InputEnd) {
        let clock = ReplayClock::default();
        let (raw, end) = RawInput::new(Cursor::new(text.to_owned().into_bytes()));
        let stamps = StampOptions::new(StampFormat::Unix).finder().unwrap();
        let (input, found) = ReplayInput::new(raw, stamps, clock.clone()).unwrap();
        (input, clock, found, end)
    }

    fn seconds(clock: &ReplayClock) -> u64 {
        clock.nanos() / 1_000_000_000
    }

    #[test]
    fn the_clock_belongs_to_the_line_that_is_being_read() {
        let (mut input, clock, found) = replay("1000000010 a\n1000000020 b\n");
        assert!(found);
        assert_eq!(input.read(100).unwrap(), "1000000010 a\n");
        assert_eq!(seconds(&clock), 1_000_000_010);
        assert_eq!(input.read(4).unwrap(), "1000");
        assert_eq!(seconds(&clock), 1_000_000_020);
        assert_eq!(input.read(100).unwrap(), "000020 b\n");
        assert!(matches!(input.read(100), Err(StreamError::Closed)));
        assert!(matches!(input.read(100), Err(StreamError::Closed)));
    }

    #[test]
    fn a_line_is_handed_over_only_when_the_one_before_has_been_consumed() {
        let (mut input, clock, _) = replay("1000000010 a\n1000000020 b\n");
        assert_eq!(input.read(12).unwrap(), "1000000010 a");
        assert_eq!(input.read(100).unwrap(), "\n");
        assert_eq!(seconds(&clock), 1_000_000_010);
        assert_eq!(input.read(0).unwrap(), "");
        assert_eq!(seconds(&clock), 1_000_000_010);
    }

    #[test]
    fn lines_out_of_order_or_without_a_stamp_leave_the_clock() {
        let (mut input, clock, _) = replay("1000000010\n1000000005\n\nx\n1000000011");
        for expected in [10, 10, 10, 10, 11] {
            input.read(100).unwrap();
            assert_eq!(seconds(&clock), 1_000_000_000 + expected);
        }
    }

    #[test]
    fn before_the_first_stamp_the_clock_stands_at_it() {
        let (mut input, clock, found) = replay("# a comment\n\n1000000010 a\n");
        assert!(found);
        assert_eq!(seconds(&clock), 1_000_000_010);
        assert_eq!(input.read(100).unwrap(), "# a comment\n");
        assert_eq!(input.read(100).unwrap(), "\n");
        assert_eq!(input.read(100).unwrap(), "1000000010 a\n");
    }

    #[test]
    fn all_streams_share_their_place() {
        let (input, _, _) = replay("a\nb\n");
        let mut first = input.p2_stream();
        let mut second = input.p2_stream();
        assert_eq!(first.read(100).unwrap(), "a\n");
        assert_eq!(second.read(100).unwrap(), "b\n");
    }

    #[test]
    fn an_empty_input_lacks_nothing_and_one_without_stamps_says_so() {
        assert!(replay("").2);
        let (mut input, clock, found) = replay("a\nb");
        assert!(!found);
        assert_eq!(clock.nanos(), 0);
        assert_eq!(input.read(100).unwrap(), "a\n");
        assert_eq!(input.read(100).unwrap(), "b");
    }

    #[test]
    fn a_huge_line_passes_in_parts_and_has_one_stamp() {
        let mut text = String::from("1000000010 ");
        text.extend(std::iter::repeat_n(" 1000000099", 100_000));
        text.push_str("\n1000000020\n");
        let (mut input, clock, _) = replay(&text);
        let mut read = Vec::new();
        while read.len() < text.len() - 11 {
            read.extend_from_slice(&input.read(1 << 20).unwrap());
            assert_eq!(seconds(&clock), 1_000_000_010);
        }
        input.read(100).unwrap();
        assert_eq!(seconds(&clock), 1_000_000_020);
    }

    #[test]
    fn a_number_that_is_cut_is_no_stamp() {
        let start = "y".repeat((64 << 10) - 11);
        let (mut input, clock, _) =
            replay(&format!("1000000000\n{start} 999999999999\n1000000100"));
        let mut last = Bytes::new();
        while let Ok(read) = input.read(1 << 20) {
            last = read;
            assert!(seconds(&clock) <= 1_000_000_100);
        }
        assert_eq!(last, "1000000100");
        assert_eq!(seconds(&clock), 1_000_000_100);
    }

    #[test]
    fn an_input_that_is_ended_ends_after_the_line_at_hand() {
        let (mut input, clock, _, end) =
            interruptible_replay("1000000010 a\n1000000020 b\n1000000030 c\n");
        assert_eq!(input.read(3).unwrap(), "100");
        assert!(end.end(|| ()));
        assert_eq!(input.read(100).unwrap(), "0000010 a\n");
        assert!(matches!(input.read(100), Err(StreamError::Closed)));
        assert_eq!(seconds(&clock), 1_000_000_010);
        assert!(!end.end(|| ()));
    }

    #[test]
    fn an_input_that_is_ended_before_its_first_stamp_keeps_its_lines() {
        /// Gives two lines, then ends the input. One chunk is read ahead, so the first line has been
        /// taken by then.
        struct Ended(std::array::IntoIter<&'static [u8], 2>, Receiver<InputEnd>);
        impl Read for Ended {
            fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
                match self.0.next() {
                    Some(mut line) => line.read(to),
                    None => {
                        assert!(self.1.recv().unwrap().end(|| ()));
                        Ok(0)
                    }
                }
            }
        }
        let (send, receive) = channel();
        let lines = [&b"a\n"[..], b"b\n"].into_iter();
        let (raw, end) = RawInput::new(Ended(lines, receive));
        send.send(end).unwrap();
        let clock = ReplayClock::default();
        let stamps = StampOptions::new(StampFormat::Unix).finder().unwrap();
        let (mut input, found) = ReplayInput::new(raw, stamps, clock).unwrap();
        assert!(!found);
        assert_eq!(input.read(100).unwrap(), "a\n");
    }

    #[test]
    fn an_input_that_the_guest_has_read_to_its_end_cannot_be_ended() {
        let (mut input, _, _, end) = interruptible_replay("1000000010\n");
        input.read(100).unwrap();
        assert!(matches!(input.read(100), Err(StreamError::Closed)));
        assert!(!end.end(|| ()));
    }

    #[test]
    fn each_read_of_input_ends_a_row_of_looks() {
        let (mut input, clock, _) = replay("1000000010 a line\n");
        for _ in 0..3 {
            for _ in 0..FREE_LOOKS {
                clock.look();
            }
            input.read(4).unwrap();
        }
        assert_eq!(seconds(&clock), 1_000_000_010);
    }

    #[test]
    fn the_search_for_the_first_stamp_ends() {
        let text = "no stamp\n".repeat(1 << 18);
        let (mut input, clock, found) = replay(&text);
        assert!(!found);
        assert_eq!(clock.nanos(), 0);
        assert_eq!(input.read(100).unwrap(), "no stamp\n");
    }

    /// Reads with a stream that waits. Returns `None` if it waits.
    fn poll_read(reader: &mut LineReader, size: usize) -> Option<String> {
        let mut context = Context::from_waker(Waker::noop());
        let mut to = vec![0; size];
        match LineReader::poll_read(reader, &mut context, &mut to) {
            Poll::Ready(len) => {
                to.truncate(len.unwrap());
                Some(String::from_utf8(to).unwrap())
            }
            Poll::Pending => None,
        }
    }

    /// Waits until a line has been delivered. Returns `false` if no stream waits for one.
    fn deliver(input: &ReplayInput) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(std::future::poll_fn(|context| input.poll_line(context)))
    }

    #[test]
    fn a_stream_waits_for_each_line_until_it_is_delivered() {
        let (input, clock, _) = replay("1000000010 a\n1000000020 b\n");
        let mut reader = input.reader();
        for (line, second) in [("1000000010 a\n", 10), ("1000000020 b\n", 20)] {
            assert!(!deliver(&input));
            assert_eq!(poll_read(&mut reader, 5), None);
            assert!(deliver(&input));
            assert_eq!(seconds(&clock), 1_000_000_000 + second);
            // The rest of a line is there at once.
            assert_eq!(poll_read(&mut reader, 5).unwrap(), line[..5]);
            assert_eq!(poll_read(&mut reader, 50).unwrap(), line[5..]);
        }
        assert_eq!(poll_read(&mut reader, 5), None);
        assert!(deliver(&input));
        assert_eq!(poll_read(&mut reader, 5).unwrap(), "");
        assert_eq!(poll_read(&mut reader, 5).unwrap(), "");
    }

    #[test]
    fn no_line_is_read_for_a_stream_that_stopped_waiting() {
        let (input, clock, _) = replay("1000000010 a\n1000000020 b\n");
        let mut reader = input.reader();
        assert_eq!(poll_read(&mut reader, 50), None);
        reader.cancel();
        assert!(!deliver(&input));
        let mut dropped = input.reader();
        assert_eq!(poll_read(&mut dropped, 50), None);
        drop(dropped);
        assert!(!deliver(&input));
        assert_eq!(poll_read(&mut reader, 50), None);
        assert!(deliver(&input));
        assert_eq!(poll_read(&mut reader, 50).unwrap(), "1000000010 a\n");
        assert_eq!(seconds(&clock), 1_000_000_010);
    }

    #[test]
    fn streams_that_wait_get_lines_in_their_order() {
        let (input, _, _) = replay("a\nb\nc\n");
        let (mut first, mut second) = (input.reader(), input.reader());
        assert_eq!(poll_read(&mut first, 50), None);
        assert_eq!(poll_read(&mut second, 50), None);
        assert!(deliver(&input));
        assert_eq!(poll_read(&mut first, 50).unwrap(), "a\n");
        assert_eq!(poll_read(&mut first, 50), None);
        assert!(deliver(&input));
        assert_eq!(poll_read(&mut second, 50).unwrap(), "b\n");
    }
}
