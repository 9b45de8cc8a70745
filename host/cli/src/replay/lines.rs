//! The lines of an input, whose stamps set the clock when the guest receives them.

use super::clock::ReplayClock;
use super::jump::JumpWatch;
use super::source::{InputEnd, MAX_PART, Source};
use super::stamp::StampFinder;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io;
use std::task::{Context, Poll, Waker, ready};

/// The input of a replay, line by line.
pub(super) struct Lines {
    source: Source,
    end: InputEnd,
    /// Whether the input was ended before the guest started, which still receives what had arrived.
    is_ended_ahead: bool,
    stamps: StampFinder,
    clock: ReplayClock,
    jumps: JumpWatch,
    /// The rest of the line that the guest is processing.
    part: Bytes,
    /// Whether the next part begins a new line.
    starts_line: bool,
    /// The number of lines that have begun.
    number: u64,
    /// Whether all of the input has been passed on.
    is_at_end: bool,
    /// The error with which a line could not be read, for the next reader.
    failure: Option<io::Error>,
    /// The readers that wait for a line, in the order in which they began to.
    readers: BTreeMap<u64, Waker>,
    next_reader: u64,
}

impl Lines {
    /// Returns the lines of `source`. If it `is_ended_ahead`, what it has read is still passed on.
    pub(super) fn new(
        source: Source,
        end: InputEnd,
        stamps: StampFinder,
        clock: ReplayClock,
        is_ended_ahead: bool,
    ) -> Self {
        Self {
            source,
            end,
            is_ended_ahead,
            stamps,
            clock,
            jumps: JumpWatch::default(),
            part: Bytes::new(),
            starts_line: true,
            number: 0,
            is_at_end: false,
            failure: None,
            readers: BTreeMap::new(),
            next_reader: 0,
        }
    }

    /// Returns at most `size` bytes of one line, or no bytes at the end of the input. Waits for a
    /// line.
    pub(super) fn read(&mut self, size: usize) -> io::Result<Bytes> {
        if self.part.is_empty() {
            let part = match self.is_ended() {
                true => Bytes::new(),
                false => self.source.read_part()?,
            };
            self.begin(part);
        }
        Ok(self.take(size))
    }

    /// Reads a line for the reader that has waited for the longest time, and returns what wakes it.
    /// Returns `None` if none waits.
    pub(super) fn poll_next_reader(&mut self, context: &mut Context<'_>) -> Poll<Option<Waker>> {
        if self.readers.is_empty() {
            return Poll::Ready(None);
        }
        if !self.has_ready() {
            match ready!(self.poll_part(context)) {
                Ok(part) => self.begin(part),
                Err(error) => self.failure = Some(error),
            }
        }
        Poll::Ready(self.readers.pop_first().map(|(_, reader)| reader))
    }

    /// Returns at most `size` bytes of the line that has been read, and no bytes at the end. If no
    /// line has been read, waits for one as the reader with the number in `waits_as`.
    pub(super) fn poll_take(
        &mut self,
        context: &mut Context<'_>,
        size: usize,
        waits_as: &mut Option<u64>,
    ) -> Poll<io::Result<Bytes>> {
        if !self.has_ready() {
            let number = *waits_as.get_or_insert_with(|| {
                self.next_reader += 1;
                self.next_reader
            });
            self.readers.insert(number, context.waker().clone());
            return Poll::Pending;
        }
        self.stop_waiting(waits_as);
        match self.failure.take() {
            Some(error) => Poll::Ready(Err(error)),
            None => Poll::Ready(Ok(self.take(size))),
        }
    }

    /// Removes a reader from those that wait.
    pub(super) fn stop_waiting(&mut self, waits_as: &mut Option<u64>) {
        if let Some(number) = waits_as.take() {
            self.readers.remove(&number);
        }
    }

    /// Returns the next line, or a part of it, and no bytes at the end.
    fn poll_part(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        match self.is_ended() {
            true => Poll::Ready(Ok(Bytes::new())),
            false => self.source.poll_part(context),
        }
    }

    /// Waits until the input has been ended from outside.
    pub(super) fn poll_cut(&self, context: &mut Context<'_>) -> Poll<()> {
        self.end.poll_cut(context)
    }

    fn is_ended(&self) -> bool {
        self.end.is_cut() && !self.is_ended_ahead
    }

    /// Sets the clock to the stamp of a line that the guest receives now, or of its first part.
    fn begin(&mut self, part: Bytes) {
        if self.starts_line {
            self.number += 1;
            if let Some(stamp) = self.stamps.find(&part, goes_on(&part)) {
                self.clock.reach(stamp);
                self.jumps.see(stamp, self.number, &part);
            }
        }
        self.starts_line = part.ends_with(b"\n");
        self.is_at_end = part.is_empty();
        self.part = part;
    }

    /// Takes at most `size` bytes of the line.
    fn take(&mut self, size: usize) -> Bytes {
        let taken = self.part.split_to(size.min(self.part.len()));
        match taken.is_empty() {
            true => self.end.finish(),
            false => self.clock.progress(),
        }
        taken
    }

    /// Returns `true` if a reader need not wait.
    fn has_ready(&self) -> bool {
        !self.part.is_empty() || self.is_at_end || self.failure.is_some()
    }
}

/// Returns `true` if a line may continue after this part.
pub(super) fn goes_on(part: &[u8]) -> bool {
    part.len() == MAX_PART && !part.ends_with(b"\n")
}
