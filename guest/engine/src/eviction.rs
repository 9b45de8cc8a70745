//! Which entry goes when a map is full: the policies, and the queues that they keep.

mod ghost;

use bytemuck::{Pod, Zeroable};

use crate::address::EntryAddr;
use crate::arena::Arena;
use crate::entry::{Header, HeaderMut, QueueSeat, UsageSeat};
use crate::limits::{Limits, Policy};
use crate::list::{Links, Nodes, Queue};
use ghost::Ghost;

/// An entry of the small queue that was used as often since it came is kept.
const KEPT: u8 = 2;

/// The highest count of uses.
const MOST_USES: u8 = 3;

/// The share of the map that the small queue has: a tenth.
const SHARE: u64 = 10;

/// How many entries an eviction passes over, since they have been used, before it takes
/// one all the same: so that no write has to go through all that there are.
const SECOND_CHANCES: u32 = 128;

/// Names a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Name {
    /// Of entries that are new.
    Small = 1,
    /// Of all others.
    Main = 2,
}

/// What eviction keeps in the header of an entry besides its links, and what an entry leaves to
/// the one that takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(transparent)]
pub(crate) struct EvictionState(u8);

impl UsageSeat for EvictionState {}

impl EvictionState {
    /// The bits that name the queue: see [`Name`].
    const QUEUE: u8 = 0b11;
    /// The entry is out of its queue for a while.
    const HELD: u8 = 0b100;
    /// One use. The uses are the highest bits, so that they can be compared as they are.
    const USE: u8 = 1 << 6;

    /// Returns the queue that the entry belongs to.
    const fn queue(self) -> Option<Name> {
        match self.0 & Self::QUEUE {
            1 => Some(Name::Small),
            2 => Some(Name::Main),
            _ => None,
        }
    }

    /// Returns the queue that the entry is in.
    #[inline]
    const fn in_queue(self) -> Option<Name> {
        match self.0 & (Self::QUEUE | Self::HELD) {
            1 => Some(Name::Small),
            2 => Some(Name::Main),
            _ => None,
        }
    }

    /// Returns `true` if the entry is out of its queue for a while.
    const fn is_held(self) -> bool {
        self.0 & Self::HELD != 0
    }

    /// Returns how often the entry has been used lately, 0 to 3.
    const fn uses(self) -> u8 {
        self.0 / Self::USE
    }

    /// Puts the entry into a queue.
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

/// The neighbours of an entry in its queue, in its header.
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

/// A queue and what its entries weigh.
#[derive(Clone, Copy)]
struct Weighed {
    queue: Queue<EntryAddr>,
    len: u32,
    /// Bytes of their keys and values, and the same for each entry besides.
    weight: u64,
}

/// The entries that may be evicted.
///
/// `lru` has one queue, in which an entry that is used goes to the front. `s3-fifo`
/// (Yang and others, "FIFO queues are all you need for cache eviction", SOSP 2023) has
/// a small one, a tenth of the map, for what is new, and a main one for what has been
/// used again meanwhile or is asked for again soon after it was evicted, which a ghost
/// remembers; a use is counted and moves nothing. Both weigh entries by their bytes.
pub(crate) struct Eviction {
    policy: Policy,
    small: Weighed,
    main: Weighed,
    ghost: Ghost,
    has_evicted: bool,
    /// The state from which on uses are not counted.
    most_uses: u8,
    /// Whether an entry that is used moves.
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
                // Never reached, so that each use moves the entry.
                Policy::Lru => EvictionState::USE,
            },
            moves: matches!(policy, Policy::Lru),
        }
    }

    /// Returns the bytes that it has allocated.
    pub(crate) fn bytes(&self) -> u64 {
        self.ghost.bytes()
    }

    /// Returns how many entries may be evicted.
    pub(crate) const fn len(&self) -> u32 {
        self.small.len + self.main.len
    }

    /// Adds an entry that is new.
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

    /// Returns `true` if the small queue has its share of what the map can hold. Further
    /// entries go to the main one, until the map has been full for the first time: so it
    /// does not begin by throwing out most of what it has.
    const fn small_is_full(&self, limits: &Limits) -> bool {
        self.small.len as u64 >= limits.max_entries / SHARE
            || self.small.weight >= limits.max_bytes / SHARE
    }

    /// Adds an entry in place of one that was taken out in this state.
    pub(crate) fn inherit(&mut self, arena: &mut Arena, entry: EntryAddr, state: EvictionState) {
        let own: &mut EvictionState = arena.header_mut(entry).usage_mut();
        own.set_uses(state.uses());
        self.push(arena, entry, state.queue());
    }

    /// Takes an entry out for a while, so that it cannot be evicted.
    pub(crate) fn hold(&mut self, arena: &mut Arena, entry: EntryAddr) {
        let state = self.remove(arena, entry);
        let own: &mut EvictionState = arena.header_mut(entry).usage_mut();
        own.enter(state.queue());
        own.0 |= EvictionState::HELD;
    }

    /// Puts one back that was taken out, unless a pin still holds it.
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

    /// Takes an entry out, if it is in. Returns its state before.
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

    /// Notes that an entry has been used.
    #[inline]
    pub(crate) fn used(&mut self, arena: &mut Arena, entry: EntryAddr) {
        if self.use_moves(arena.header_mut(entry)) {
            self.put_first(arena, entry);
        }
    }

    /// Counts a use. Returns `true` if the entry has to go to the front of its queue for it.
    #[inline(always)]
    pub(crate) fn use_moves(&self, header: HeaderMut<'_>) -> bool {
        let state: &mut EvictionState = header.usage_mut();
        // All there is to a read of what has been used often.
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

    /// Follows an entry that has moved to another slot.
    pub(crate) fn moved(&mut self, arena: &mut Arena, to: EntryAddr) {
        if let Some(weighed) = self.queue(state(arena, to)) {
            weighed.queue.moved(&mut Queued(arena), to);
        }
    }

    /// Returns the entry that goes next. It stays in its queue. Passes over at most 128 others.
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

    /// Remembers an entry that is about to be evicted, by its header. `may_grow` decides whether
    /// a number of bytes may be allocated for that.
    pub(crate) fn evicted(&mut self, header: &Header, may_grow: impl Fn(u64) -> bool) {
        self.has_evicted = true;
        if header.usage::<EvictionState>().in_queue() == Some(Name::Small) {
            self.ghost.insert(header.hash(), self.len(), may_grow);
        }
    }

    /// Orders entries that lie in a table which cannot grow: the lowest goes first.
    pub(crate) fn rank(&self, arena: &Arena, entry: EntryAddr) -> impl Ord + use<> {
        let header = arena.header(entry);
        let state: EvictionState = *header.usage();
        let queue = state.0 & (EvictionState::QUEUE | EvictionState::HELD);
        (queue, state.uses(), header.version())
    }

    /// Notes that the value of an entry has another length.
    pub(crate) fn resized(&mut self, arena: &Arena, entry: EntryAddr, before: usize) {
        let header = arena.header(entry);
        if let Some(weighed) = self.queue(*header.usage()) {
            weighed.weight = weighed.weight + header.value_len() as u64 - before as u64;
        }
    }

    /// Returns the last entry of the small queue if that is over its share, else of the main
    /// one.
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

    /// Puts an entry into the front of a queue, if it is to be in any.
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

/// Returns what an entry weighs: what it takes up, but for what its slot has to spare.
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
