//! The last spans, in memory that is bounded and that threads do not contend for.
//!
//! A thread writes into a *chunk* of its own. A full chunk goes to a queue, from which the oldest one
//! is taken and used again. So threads meet once in a few hundred spans, and all of them together keep
//! the last spans, also if only one of them is busy.

use super::span::{Span, length};
use localmap::lock;
use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// The number of chunks that are written to. With more threads than that, some share one.
const SLOTS: usize = 16;

/// The maximum number of spans of a chunk.
const MAX_CHUNK: usize = 256;

/// The maximum number of bytes that are kept of a key.
pub(crate) const MAX_KEPT_KEY: usize = 64;

/// The last spans.
pub(crate) struct Ring {
    max_spans: usize,
    chunk_len: usize,
    keeps_keys: bool,
    slots: Box<[Slot]>,
    full: Mutex<Full>,
}

/// The chunk of some threads. Aligned, so that others do not write to the same cache lines.
#[repr(align(128))]
struct Slot(Mutex<Chunk>);

#[derive(Debug, Clone)]
struct Chunk {
    number: u64,
    /// Each with the end of its key.
    spans: Vec<(Span, u32)>,
    keys: Vec<u8>,
}

struct Full {
    chunks: VecDeque<Arc<Chunk>>,
    /// The number of the next chunk.
    next: u64,
    /// The number of spans that were overwritten.
    lost: u64,
}

impl Ring {
    /// Creates a ring for this number of spans, which takes its memory as it is filled.
    pub(crate) fn new(max_spans: usize, keeps_keys: bool) -> Self {
        let slot = |number| Slot(Mutex::new(Chunk::new(number)));
        Self {
            max_spans,
            chunk_len: (max_spans / SLOTS).clamp(1, MAX_CHUNK),
            keeps_keys,
            slots: (0..SLOTS as u64).map(slot).collect(),
            full: Mutex::new(Full {
                chunks: VecDeque::new(),
                next: SLOTS as u64,
                lost: 0,
            }),
        }
    }

    /// Adds a span, with the key of its operation, of which the beginning is kept if keys are kept.
    pub(crate) fn push(&self, span: Span, key: &[u8]) {
        let mut chunk = lock(&self.slots[slot_of_thread()].0);
        if chunk.spans.len() >= self.chunk_len {
            self.retire(&mut chunk);
        }
        if chunk.spans.capacity() == 0 {
            chunk.spans.reserve_exact(self.chunk_len);
        }
        if self.keeps_keys {
            let kept = &key[..key.len().min(MAX_KEPT_KEY)];
            chunk.keys.extend_from_slice(kept);
        }
        let end = length(chunk.keys.len());
        chunk.spans.push((span, end));
    }

    /// Puts a full chunk to the others, and an empty one in its place.
    #[cold]
    fn retire(&self, chunk: &mut Chunk) {
        let mut full = lock(&self.full);
        let mut empty = Chunk::new(full.next);
        full.next += 1;
        let mut oldest = None;
        if full.chunks.len() >= self.max_spans.div_ceil(self.chunk_len) {
            oldest = full.chunks.pop_front();
        }
        if let Some(oldest) = oldest {
            full.lost += oldest.spans.len() as u64;
            // Unless somebody reads it.
            if let Ok(Chunk {
                mut spans,
                mut keys,
                ..
            }) = Arc::try_unwrap(oldest)
            {
                spans.clear();
                keys.clear();
                (empty.spans, empty.keys) = (spans, keys);
            }
        }
        full.chunks.push_back(Arc::new(mem::replace(chunk, empty)));
    }

    /// Returns the last spans. Those that are added meanwhile may be among them.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let copy = |slot: &Slot| lock(&slot.0).clone();
        let mut open: Vec<Chunk> = self.slots.iter().map(copy).collect();
        let full = lock(&self.full);
        let mut chunks: Vec<_> = full.chunks.iter().cloned().collect();
        let lost = full.lost;
        drop(full);
        // One that was retired meanwhile is among the full ones, with more spans.
        open.retain(|open| chunks.iter().all(|chunk| chunk.number != open.number));
        chunks.extend(open.into_iter().map(Arc::new));
        Snapshot {
            chunks,
            lost,
            max_spans: self.max_spans,
        }
    }

    /// Removes and returns all spans.
    #[cfg(any(feature = "otlp", test))]
    pub(crate) fn drain(&self) -> Snapshot {
        let mut chunks = Vec::new();
        for slot in &self.slots {
            let mut chunk = lock(&slot.0);
            if !chunk.spans.is_empty() {
                let empty = Chunk::new(chunk.number);
                chunks.push(Arc::new(mem::replace(&mut *chunk, empty)));
            }
        }
        let mut full = lock(&self.full);
        let lost = mem::take(&mut full.lost);
        chunks.extend(full.chunks.drain(..));
        drop(full);
        Snapshot {
            chunks,
            lost,
            max_spans: self.max_spans,
        }
    }
}

impl Chunk {
    fn new(number: u64) -> Self {
        Self {
            number,
            spans: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// Returns the spans, with the kept beginnings of their keys.
    fn spans(&self) -> impl Iterator<Item = (&Span, &[u8])> {
        let mut start = 0;
        self.spans.iter().map(move |(span, end)| {
            let key = self.keys.get(start..*end as usize).unwrap_or_default();
            start = *end as usize;
            (span, key)
        })
    }
}

/// Some spans of a [`Ring`].
#[derive(Default)]
pub(crate) struct Snapshot {
    chunks: Vec<Arc<Chunk>>,
    lost: u64,
    max_spans: usize,
}

/// A span, with the beginning of its key if keys are kept.
pub(crate) type SpanAndKey<'a> = (&'a Span, &'a [u8]);

impl Snapshot {
    /// Returns the spans in the order of their ends, and the number of those that were lost before.
    pub(crate) fn spans(&self) -> (Vec<SpanAndKey<'_>>, u64) {
        let mut spans: Vec<_> = self.chunks.iter().flat_map(|chunk| chunk.spans()).collect();
        spans.sort_by_key(|(span, _)| span.ended);
        let excess = spans.len().saturating_sub(self.max_spans);
        spans.drain(..excess);
        (spans, self.lost + excess as u64)
    }
}

/// Returns the slot of this thread.
fn slot_of_thread() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SLOT: usize = THREADS.fetch_add(1, Ordering::Relaxed) % SLOTS;
    }
    // While the thread ends, its number is gone.
    SLOT.try_with(|slot| *slot).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::TenantId;
    use crate::trace::span::{Kind, OperationSpan};
    use localmap::{CallOutcome, Operation};
    use std::thread;

    fn span(number: u64) -> Span {
        Span {
            began: number,
            ended: number,
            tenant: TenantId::default(),
            kind: Kind::Operation(OperationSpan {
                caller: 0,
                key_hash: 0,
                key_len: 0,
                value_len: 0,
                operation: Operation::Get,
                outcome: CallOutcome::Hit,
            }),
        }
    }

    fn ends(snapshot: &Snapshot) -> Vec<u64> {
        let (spans, _) = snapshot.spans();
        spans.iter().map(|(span, _)| span.ended).collect()
    }

    #[test]
    fn one_thread_keeps_the_last_spans_exactly() {
        for max_spans in [1, 2, 15, 16, 17, 100, 1_000, 5_000] {
            let ring = Ring::new(max_spans, false);
            for pushed in 1..=3 * max_spans as u64 + 7 {
                ring.push(span(pushed), b"");
                if pushed % 97 == 0 || pushed > 3 * max_spans as u64 {
                    let first = (pushed + 1).saturating_sub(max_spans as u64).max(1);
                    let snapshot = ring.snapshot();
                    assert!(ends(&snapshot).into_iter().eq(first..=pushed));
                    assert_eq!(snapshot.spans().1, first - 1);
                }
            }
        }
    }

    #[test]
    fn threads_lose_no_span_while_there_is_room_and_readers_see_each_once() {
        let ring = Ring::new(40_000, true);
        thread::scope(|scope| {
            for thread in 0..20 {
                let ring = &ring;
                scope.spawn(move || {
                    for number in 0..2_000 {
                        ring.push(span(thread * 2_000 + number), b"key");
                    }
                });
            }
            for _ in 0..20 {
                let seen = ends(&ring.snapshot());
                assert!(seen.is_sorted_by(|a, b| a < b));
            }
        });
        let snapshot = ring.snapshot();
        assert!(ends(&snapshot).into_iter().eq(0..40_000));
        assert_eq!(snapshot.spans().1, 0);
        assert!(snapshot.spans().0.iter().all(|(_, key)| *key == b"key"));
    }

    #[test]
    fn spans_that_are_drained_are_gone_and_lost_ones_are_counted_once() {
        let ring = Ring::new(100, false);
        for number in 0..150 {
            ring.push(span(number), b"");
        }
        let drained = ring.drain();
        assert!(ends(&drained).into_iter().eq(50..150));
        assert_eq!(drained.spans().1, 50);
        let empty = ring.drain();
        assert!(ends(&empty).is_empty());
        assert_eq!(empty.spans().1, 0);
        ring.push(span(150), b"");
        assert_eq!(ends(&ring.drain()), [150]);
    }

    #[test]
    fn the_beginning_of_a_key_is_kept_if_keys_are() {
        let keys = [vec![], vec![b'a'; 63], vec![b'b'; 512], b"\xff\0".to_vec()];
        for keeps_keys in [false, true] {
            let ring = Ring::new(64, keeps_keys);
            for (number, key) in keys.iter().enumerate() {
                ring.push(span(number as u64), key);
            }
            let snapshot = ring.snapshot();
            for ((_, kept), key) in snapshot.spans().0.iter().zip(&keys) {
                let len = if keeps_keys { key.len().min(64) } else { 0 };
                assert_eq!(*kept, &key[..len]);
            }
        }
    }
}
