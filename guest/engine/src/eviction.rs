//! Which entry goes when a map is full: the policies, and the queues that they keep.

mod ghost;

use crate::arena::Arena;
use crate::entry::Header;
use crate::limits::{Limits, Policy};
use crate::list::List;
use crate::slot::SlotMut;
use ghost::Ghost;

/// An entry of the small queue that was used as often since it came is kept.
const KEPT: u8 = 2;

/// The highest count of uses.
const MOST_USES: u8 = 3;

/// The small queue has one part of so many.
const SHARE: u64 = 10;

/// How many entries an eviction passes over, since they have been used, before it takes
/// one all the same: so that no write has to go through all that there are.
const SECOND_CHANCES: u32 = 128;

/// A queue and what its entries weigh.
#[derive(Clone, Copy)]
struct Queue {
    list: List,
    len: u32,
    /// Bytes of their keys and values, and the same for each entry besides.
    weight: u64,
}

/// Names a queue in the header of an entry.
const NO_QUEUE: u8 = 0;
const SMALL: u8 = 1;
const MAIN: u8 = 2;

/// Marks the queue that an entry will go back to.
const HELD: u8 = 8;

/// The entries that may be evicted.
///
/// `lru` has one queue, in which an entry that is used goes to the head. `s3-fifo`
/// (Yang and others, "FIFO queues are all you need for cache eviction", SOSP 2023) has
/// a small one, a tenth of the map, for what is new, and a main one for what has been
/// used again meanwhile or is asked for again soon after it was evicted, which a ghost
/// remembers; a use is counted and moves nothing. Both weigh entries by their bytes.
pub(crate) struct Eviction {
    policy: Policy,
    small: Queue,
    main: Queue,
    ghost: Ghost,
    has_evicted: bool,
    /// How far uses are counted, in entries.
    most_uses: u8,
    /// Whether an entry that is used moves.
    moves: bool,
}

impl Eviction {
    pub(crate) const fn new(policy: Policy) -> Self {
        let empty = Queue {
            list: List::EMPTY,
            len: 0,
            weight: 0,
        };
        Self {
            policy,
            small: empty,
            main: empty,
            ghost: Ghost::new(),
            has_evicted: false,
            most_uses: match policy {
                Policy::S3Fifo => MOST_USES,
                Policy::Refuse => 0,
                // Never reached, so that each use moves the entry.
                Policy::Lru => 1,
            },
            moves: matches!(policy, Policy::Lru),
        }
    }

    /// Bytes that it has allocated.
    pub(crate) fn bytes(&self) -> u64 {
        self.ghost.bytes()
    }

    /// How many entries may be evicted.
    pub(crate) const fn len(&self) -> u32 {
        self.small.len + self.main.len
    }

    /// Adds an entry that is new.
    pub(crate) fn insert(&mut self, arena: &mut Arena, entry: u32, limits: &Limits) {
        let queue = match self.policy {
            Policy::Refuse => return,
            Policy::Lru => MAIN,
            Policy::S3Fifo if self.ghost.take(arena.header(entry).hash) => MAIN,
            Policy::S3Fifo if !self.has_evicted && self.small_is_full(limits) => MAIN,
            Policy::S3Fifo => SMALL,
        };
        self.push(arena, entry, queue);
    }

    /// Whether the small queue has its share of what the map can hold. What comes behind
    /// that goes to the main one, until the map has been full for the first time: so it
    /// does not begin by throwing out most of what it has.
    const fn small_is_full(&self, limits: &Limits) -> bool {
        self.small.len as u64 >= limits.max_entries / SHARE
            || self.small.weight >= limits.max_bytes / SHARE
    }

    /// Takes in an entry in place of one that was taken out.
    pub(crate) fn inherit(&mut self, arena: &mut Arena, entry: u32, queue: u8) {
        self.push(arena, entry, queue & !HELD);
    }

    /// Takes an entry out for a while, so that it cannot be evicted.
    pub(crate) fn hold(&mut self, arena: &mut Arena, entry: u32) {
        let of = self.remove(arena, entry);
        arena.header_mut(entry).set_queue_of(of | HELD);
    }

    /// Puts one back that was taken out, unless a pin still holds it.
    pub(crate) fn let_go(&mut self, arena: &mut Arena, entry: u32) {
        let header = arena.header(entry);
        if header.queue_of() & HELD != 0 && !header.has(Header::PINNED) {
            self.push(arena, entry, header.queue_of() & !HELD);
        }
    }

    /// Whether an entry may be evicted.
    pub(crate) fn holds(&self, arena: &Arena, entry: u32) -> bool {
        matches!(arena.header(entry).queue_of(), SMALL | MAIN)
    }

    /// Takes an entry out, if it is in, and tells from where.
    pub(crate) fn remove(&mut self, arena: &mut Arena, entry: u32) -> u8 {
        let header = arena.header_mut(entry);
        let of = header.queue_of();
        header.set_queue_of(NO_QUEUE);
        let weight = weight(header.payload());
        if let Some(queue) = self.queue(of) {
            queue.list.remove(arena, entry);
            queue.len -= 1;
            queue.weight -= weight;
        }
        of
    }

    /// Notes that an entry has been used.
    #[inline]
    pub(crate) fn used(&mut self, arena: &mut Arena, entry: u32) {
        if self.use_moves(arena.header_mut(entry)) {
            self.put_first(arena, entry);
        }
    }

    /// Counts a use, or tells that the entry has to go to the head of its queue for it.
    #[inline(always)]
    pub(crate) fn use_moves(&self, header: &mut Header) -> bool {
        // All there is to a read of what has been used often.
        if header.freq >= self.most_uses {
            return false;
        }
        header.freq += u8::from(!self.moves);
        self.moves
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn put_first(&mut self, arena: &mut Arena, entry: u32) -> SlotMut {
        if self.holds(arena, entry) {
            let queue = self.remove(arena, entry);
            self.push(arena, entry, queue);
        }
        arena.slot_mut(entry)
    }

    /// Follows an entry that has moved to another slot.
    pub(crate) fn moved(&mut self, arena: &mut Arena, to: u32) {
        let of = arena.header(to).queue_of();
        if let Some(queue) = self.queue(of) {
            queue.list.moved(arena, to);
        }
    }

    /// The entry that goes next. It stays in its queue. Passes over at most 128 others.
    pub(crate) fn victim(&mut self, arena: &mut Arena) -> Option<u32> {
        for _ in 0..SECOND_CHANCES {
            let (entry, of) = self.candidate()?;
            let header = arena.header_mut(entry);
            let uses = match of {
                _ if self.policy == Policy::Lru => return Some(entry),
                SMALL if header.freq >= KEPT => 0,
                MAIN if header.freq > 0 => header.freq - 1,
                _ => return Some(entry),
            };
            header.freq = uses;
            self.remove(arena, entry);
            self.push(arena, entry, MAIN);
        }
        self.candidate().map(|(entry, _)| entry)
    }

    /// Remembers an entry that is about to be evicted. `may_grow`: there is room for
    /// what that takes.
    pub(crate) fn evicted(&mut self, arena: &Arena, entry: u32, may_grow: impl Fn(u64) -> bool) {
        let header = arena.header(entry);
        self.has_evicted = true;
        if header.queue_of() == SMALL {
            self.ghost.insert(header.hash, self.len(), may_grow);
        }
    }

    /// Orders entries that lie in a table which cannot grow: the lowest goes first.
    pub(crate) fn rank(&self, arena: &Arena, entry: u32) -> (u8, u8, u64) {
        let header = arena.header(entry);
        (header.queue_of(), header.freq, header.version)
    }

    /// Notes that the value of an entry has another length.
    pub(crate) fn resized(&mut self, arena: &Arena, entry: u32, before: u64) {
        let header = arena.header(entry);
        if let Some(queue) = self.queue(header.queue_of()) {
            queue.weight = queue.weight + header.payload() - before;
        }
    }

    /// The tail of the small queue where that is over its share, else of the main one.
    fn candidate(&self) -> Option<(u32, u8)> {
        let small = self.small.list.tail().map(|entry| (entry, SMALL));
        let main = self.main.list.tail().map(|entry| (entry, MAIN));
        let weight = self.small.weight + self.main.weight;
        if self.small.weight * SHARE >= weight {
            small.or(main)
        } else {
            main.or(small)
        }
    }

    fn push(&mut self, arena: &mut Arena, entry: u32, of: u8) {
        let header = arena.header_mut(entry);
        header.set_queue_of(of);
        let weight = weight(header.payload());
        if let Some(queue) = self.queue(of) {
            queue.list.push(arena, entry);
            queue.len += 1;
            queue.weight += weight;
        }
    }

    const fn queue(&mut self, of: u8) -> Option<&mut Queue> {
        match of {
            SMALL => Some(&mut self.small),
            MAIN => Some(&mut self.main),
            _ => None,
        }
    }
}

/// What an entry weighs: what it takes up, but for what its slot has to spare.
const fn weight(payload: u64) -> u64 {
    payload + 4 * crate::layout::HEADER_WORDS as u64
}

#[cfg(any(test, feature = "validate"))]
impl Eviction {
    /// How many entries are in the queues, which must be as they should.
    pub(crate) fn validate(&self, arena: &Arena) -> usize {
        for (of, queue) in [(SMALL, &self.small), (MAIN, &self.main)] {
            let (mut len, mut sum) = (0, 0);
            let mut prev = crate::arena::NONE;
            for entry in queue.list.iter(arena) {
                let header = arena.header(entry);
                let links = header.queue;
                assert_eq!((links.prev, header.queue_of()), (prev, of));
                assert!(!header.has(Header::PINNED), "pinned in a queue");
                assert!(header.freq <= MOST_USES);
                (len, sum, prev) = (len + 1, sum + weight(header.payload()), entry);
            }
            assert_eq!((queue.len, queue.weight), (len, sum));
            let tail = queue.list.tail().unwrap_or(crate::arena::NONE);
            assert_eq!(tail, prev, "a tail that is not the end");
        }
        self.len() as usize
    }
}
