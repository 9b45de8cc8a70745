//! Eviction: the policies and their queues, which select the entry to evict.

mod ghost;

use bytemuck::{Pod, Zeroable};

use crate::address::EntryAddr;
use crate::arena::Arena;
use crate::entry::{Header, HeaderMut, QueueSeat, UsageSeat};
use crate::limits::{Limits, Policy};
use crate::list::{Links, Nodes, Queue};
use ghost::Ghost;

/// The number of uses from which an entry of the small queue is kept.
const KEPT: u8 = 2;

/// The maximum of the use counter.
const MOST_USES: u8 = 3;

/// The small queue's share of the map: a tenth.
const SHARE: u64 = 10;

/// The number of recently used entries that an eviction skips before it evicts one anyway, so that
/// no write has to search the whole queue.
const SECOND_CHANCES: u32 = 128;

/// The name of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Name {
    /// The queue of new entries.
    Small = 1,
    /// The queue of all other entries.
    Main = 2,
}

/// The state that eviction keeps in the header of an entry, apart from its links. A replacement
/// entry inherits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(transparent)]
pub(crate) struct EvictionState(u8);

impl UsageSeat for EvictionState {}

impl EvictionState {
    /// The bits that contain the queue: see [`Name`].
    const QUEUE: u8 = 0b11;
    /// The entry is temporarily not in its queue.
    const HELD: u8 = 0b100;
    /// One use. The use counter is in the highest bits, so that states can be compared as numbers.
    const USE: u8 = 1 << 6;

    /// Returns the queue that the entry belongs to.
    const fn queue(self) -> Option<Name> {
        match self.0 & Self::QUEUE {
            1 => Some(Name::Small),
            2 => Some(Name::Main),
            _ => None,
        }
    }

    /// Returns the queue that currently contains the entry.
    #[inline]
    const fn in_queue(self) -> Option<Name> {
        match self.0 & (Self::QUEUE | Self::HELD) {
            1 => Some(Name::Small),
            2 => Some(Name::Main),
            _ => None,
        }
    }

    /// Returns `true` if the entry is temporarily not in its queue.
    const fn is_held(self) -> bool {
        self.0 & Self::HELD != 0
    }

    /// Returns the recent uses of the entry, 0 to 3.
    const fn uses(self) -> u8 {
        self.0 / Self::USE
    }

    /// Records that the entry is in a queue.
    #[inline]
    const fn enter(&mut self, queue: Option<Name>) {
        let queue = match queue {
            None => 0,
            Some(name) => name as u8,
        };
        self.0 = self.0 & !(Self::QUEUE | Self::HELD) | queue;
    }

    const fn set_uses(&mut self, uses: u8) {
        self.0 = (self.0 % Self::USE) | (uses * Self::USE);
    }
}

/// The neighbours of an entry in its queue, stored in its header.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Neighbours {
    prev: Option<EntryAddr>,
    next: Option<EntryAddr>,
}

impl QueueSeat for Neighbours {}

/// The links of the entries in the queues.
struct Queued<'a>(&'a mut Arena);

impl Nodes<EntryAddr> for Queued<'_> {
    #[inline]
    fn links(&self, node: EntryAddr) -> Links<EntryAddr> {
        links(self.0, node)
    }

    #[inline]
    fn set_prev(&mut self, node: EntryAddr, prev: Option<EntryAddr>) {
        self.0.header_mut(node).queue_mut::<Neighbours>().prev = prev;
    }

    #[inline]
    fn set_next(&mut self, node: EntryAddr, next: Option<EntryAddr>) {
        self.0.header_mut(node).queue_mut::<Neighbours>().next = next;
    }
}

fn links(arena: &Arena, entry: EntryAddr) -> Links<EntryAddr> {
    let Neighbours { prev, next } = *arena.header(entry).queue();
    Links { prev, next }
}

fn state(arena: &Arena, entry: EntryAddr) -> EvictionState {
    *arena.header(entry).usage()
}

/// A queue and the total weight of its entries.
#[derive(Clone, Copy)]
struct Weighed {
    queue: Queue<EntryAddr>,
    len: u32,
    /// Total weight: key and value bytes plus a constant per entry.
    weight: u64,
}

/// The entries that may be evicted.
///
/// `lru` has one queue, and each use moves an entry to its front. `s3-fifo` (Yang and others,
/// "FIFO queues are all you need for cache eviction", SOSP 2023) has two: a small queue, a tenth
/// of the map, for new entries, and a main queue for entries that were used again while in the
/// small queue, or that were requested again soon after their eviction, which a ghost queue
/// remembers. A use increments a counter and moves nothing. Both queues weigh entries by their
/// size in bytes.
pub(crate) struct Eviction {
    policy: Policy,
    small: Weighed,
    main: Weighed,
    ghost: Ghost,
    has_evicted: bool,
    /// The state from which uses are no longer counted.
    most_uses: u8,
    /// Whether a use moves an entry.
    moves: bool,
}

impl Eviction {
    pub(crate) const fn new(policy: Policy) -> Self {
        let empty = Weighed {
            queue: Queue::EMPTY,
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
                Policy::S3Fifo => MOST_USES * EvictionState::USE,
                Policy::Refuse => 0,
                // This state is never reached, so each use moves the entry.
                Policy::Lru => EvictionState::USE,
            },
            moves: matches!(policy, Policy::Lru),
        }
    }

    /// Returns the allocated bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.ghost.bytes()
    }

    /// Returns the number of entries that may be evicted.
    pub(crate) const fn len(&self) -> u32 {
        self.small.len + self.main.len
    }

    /// Adds a new entry.
    #[inline]
    pub(crate) fn insert(
        &mut self,
        arena: &mut Arena,
        entry: EntryAddr,
        hash: u32,
        limits: &Limits,
    ) {
        let queue = match self.policy {
            Policy::Refuse => return,
            Policy::Lru => Name::Main,
            Policy::S3Fifo if self.ghost.take(hash) => Name::Main,
            Policy::S3Fifo if !self.has_evicted && self.small_is_full(limits) => Name::Main,
            Policy::S3Fifo => Name::Small,
        };
        self.push(arena, entry, Some(queue));
    }

    /// Returns `true` if the small queue has its share of the map's capacity. Until the map is
    /// full for the first time, further entries then go to the main queue, so that the first
    /// evictions do not discard most of the map.
    const fn small_is_full(&self, limits: &Limits) -> bool {
        self.small.len as u64 >= limits.max_entries / SHARE
            || self.small.weight >= limits.max_bytes / SHARE
    }

    /// Adds an entry that replaces one removed in this state.
    pub(crate) fn inherit(&mut self, arena: &mut Arena, entry: EntryAddr, state: EvictionState) {
        let own: &mut EvictionState = arena.header_mut(entry).usage_mut();
        own.set_uses(state.uses());
        self.push(arena, entry, state.queue());
    }

    /// Temporarily takes an entry out of its queue, so that it cannot be evicted.
    pub(crate) fn hold(&mut self, arena: &mut Arena, entry: EntryAddr) {
        let state = self.remove(arena, entry);
        let own: &mut EvictionState = arena.header_mut(entry).usage_mut();
        own.enter(state.queue());
        own.0 |= EvictionState::HELD;
    }

    /// Puts back an entry that was held, unless a pin still holds it.
    pub(crate) fn let_go(&mut self, arena: &mut Arena, entry: EntryAddr) {
        let header = arena.header(entry);
        let state: EvictionState = *header.usage();
        if state.is_held() && !header.is_pinned() {
            self.push(arena, entry, state.queue());
        }
    }

    /// Returns `true` if an entry may be evicted.
    pub(crate) fn holds(&self, arena: &Arena, entry: EntryAddr) -> bool {
        state(arena, entry).in_queue().is_some()
    }

    /// Removes an entry from its queue, if it is in one. Returns its previous state.
    pub(crate) fn remove(&mut self, arena: &mut Arena, entry: EntryAddr) -> EvictionState {
        let header = arena.header_mut(entry);
        let weight = weight(header.payload());
        let Neighbours { prev, next } = *header.queue();
        let own: &mut EvictionState = header.usage_mut();
        let state = *own;
        own.enter(None);
        if let Some(weighed) = self.queue(state) {
            weighed
                .queue
                .remove(&mut Queued(arena), Links { prev, next });
            weighed.len -= 1;
            weighed.weight -= weight;
        }
        state
    }

    /// Records a use of an entry.
    #[inline]
    pub(crate) fn used(&mut self, arena: &mut Arena, entry: EntryAddr) {
        if self.use_moves(arena.header_mut(entry)) {
            self.put_first(arena, entry);
        }
    }

    /// Counts a use. Returns `true` if the entry must be moved to the front of its queue.
    #[inline(always)]
    pub(crate) fn use_moves(&self, header: HeaderMut<'_>) -> bool {
        let state: &mut EvictionState = header.usage_mut();
        // This is the whole cost of reading a frequently used entry.
        if state.0 >= self.most_uses {
            return false;
        }
        if !self.moves {
            state.0 += EvictionState::USE;
        }
        self.moves
    }

    /// Moves an entry to the front of its queue.
    #[cold]
    #[inline(never)]
    pub(crate) fn put_first(&mut self, arena: &mut Arena, entry: EntryAddr) {
        if let queue @ Some(_) = state(arena, entry).in_queue() {
            self.remove(arena, entry);
            self.push(arena, entry, queue);
        }
    }

    /// Updates the links to an entry that has moved to another slot.
    pub(crate) fn moved(&mut self, arena: &mut Arena, to: EntryAddr) {
        if let Some(weighed) = self.queue(state(arena, to)) {
            weighed.queue.moved(&mut Queued(arena), to);
        }
    }

    /// Returns the next entry to evict, which stays in its queue. Skips at most 128 other entries.
    pub(crate) fn victim(&mut self, arena: &mut Arena) -> Option<EntryAddr> {
        for _ in 0..SECOND_CHANCES {
            let (entry, queue) = self.candidate()?;
            if self.policy == Policy::Lru {
                return Some(entry);
            }
            let state: &mut EvictionState = arena.header_mut(entry).usage_mut();
            let uses = match (queue, state.uses()) {
                (Name::Small, KEPT..) => 0,
                (Name::Main, uses @ 1..) => uses - 1,
                _ => return Some(entry),
            };
            state.set_uses(uses);
            self.remove(arena, entry);
            self.push(arena, entry, Some(Name::Main));
        }
        self.candidate().map(|(entry, _)| entry)
    }

    /// Adds the hash of an entry that is about to be evicted to the ghost queue. `may_grow`
    /// decides whether a given number of bytes may be allocated for it.
    pub(crate) fn evicted(&mut self, header: &Header, may_grow: impl Fn(u64) -> bool) {
        self.has_evicted = true;
        if header.usage::<EvictionState>().in_queue() == Some(Name::Small) {
            self.ghost.insert(header.hash(), self.len(), may_grow);
        }
    }

    /// Returns a sort key for the entries of a table that cannot grow: the lowest is evicted
    /// first.
    pub(crate) fn rank(&self, arena: &Arena, entry: EntryAddr) -> impl Ord + use<> {
        let header = arena.header(entry);
        let state: EvictionState = *header.usage();
        let queue = state.0 & (EvictionState::QUEUE | EvictionState::HELD);
        (queue, state.uses(), header.version())
    }

    /// Updates the weight of a queue after the length of a value has changed.
    pub(crate) fn resized(&mut self, arena: &Arena, entry: EntryAddr, before: usize) {
        let header = arena.header(entry);
        if let Some(weighed) = self.queue(*header.usage()) {
            weighed.weight = weighed.weight + header.value_len() as u64 - before as u64;
        }
    }

    /// Returns the last entry of the small queue if that exceeds its share, otherwise of the main
    /// queue.
    fn candidate(&self) -> Option<(EntryAddr, Name)> {
        let small = self.small.queue.last().map(|entry| (entry, Name::Small));
        let main = self.main.queue.last().map(|entry| (entry, Name::Main));
        let weight = self.small.weight + self.main.weight;
        if self.small.weight * SHARE >= weight {
            small.or(main)
        } else {
            main.or(small)
        }
    }

    /// Adds an entry to the front of a queue, if one is given.
    #[inline]
    fn push(&mut self, arena: &mut Arena, entry: EntryAddr, queue: Option<Name>) {
        let weighed = match queue {
            None => None,
            Some(Name::Small) => Some(&mut self.small),
            Some(Name::Main) => Some(&mut self.main),
        };
        let Some(weighed) = weighed else {
            let own: &mut EvictionState = arena.header_mut(entry).usage_mut();
            return own.enter(None);
        };
        let Links { prev, next } = weighed.queue.push(&mut Queued(arena), entry);
        let mut header = arena.header_mut(entry);
        *header.by_ref().queue_mut() = Neighbours { prev, next };
        header.by_ref().usage_mut::<EvictionState>().enter(queue);
        weighed.len += 1;
        weighed.weight += weight(header.payload());
    }

    /// Returns the queue that an entry in this state is in.
    const fn queue(&mut self, state: EvictionState) -> Option<&mut Weighed> {
        match state.in_queue() {
            Some(Name::Small) => Some(&mut self.small),
            Some(Name::Main) => Some(&mut self.main),
            None => None,
        }
    }
}

/// Returns the weight of an entry: its size without the unused end of its slot.
const fn weight(payload: u64) -> u64 {
    payload + 4 * crate::layout::HEADER_WORDS as u64
}

#[cfg(any(test, feature = "validate"))]
impl Eviction {
    /// Returns the number of entries in the queues. Panics unless these are as they should be.
    pub(crate) fn validate(&self, arena: &Arena) -> usize {
        for (name, weighed) in [(Name::Small, &self.small), (Name::Main, &self.main)] {
            let (mut len, mut sum) = (0, 0);
            let (mut next, mut prev) = (weighed.queue.first(), None);
            while let Some(entry) = next {
                let header = arena.header(entry);
                let (links, state) = (links(arena, entry), state(arena, entry));
                assert_eq!((links.prev, state.in_queue()), (prev, Some(name)));
                assert!(!header.is_pinned(), "pinned in a queue");
                assert!(state.uses() <= MOST_USES);
                (len, sum) = (len + 1, sum + weight(header.payload()));
                (prev, next) = (Some(entry), links.next);
            }
            assert_eq!((weighed.len, weighed.weight), (len, sum));
            assert_eq!(weighed.queue.last(), prev, "a tail that is not the end");
        }
        self.len() as usize
    }
}
