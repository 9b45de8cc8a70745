//! A list through the entries themselves, which know their neighbours: no memory of
//! its own, and any entry can leave it at once.

use bytemuck::{Pod, Zeroable};

use crate::arena::{Arena, NONE};

/// The neighbours of an entry in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Links {
    /// The one before: towards the head.
    pub(crate) prev: u32,
    pub(crate) next: u32,
}

impl Links {
    pub(crate) const NONE: Self = Self {
        prev: NONE,
        next: NONE,
    };
}

/// The entries of one queue of eviction: in at the head, out at the tail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    head: u32,
    tail: u32,
}

impl List {
    pub(crate) const EMPTY: Self = Self {
        head: NONE,
        tail: NONE,
    };

    pub(crate) fn tail(&self) -> Option<u32> {
        (self.tail != NONE).then_some(self.tail)
    }

    pub(crate) fn push(&mut self, arena: &mut Arena, entry: u32) {
        arena.header_mut(entry).queue = Links {
            prev: NONE,
            next: self.head,
        };
        match self.head {
            NONE => self.tail = entry,
            head => arena.header_mut(head).queue.prev = entry,
        }
        self.head = entry;
    }

    pub(crate) fn remove(&mut self, arena: &mut Arena, entry: u32) {
        let links = arena.header(entry).queue;
        match links.prev {
            NONE => self.head = links.next,
            prev => arena.header_mut(prev).queue.next = links.next,
        }
        match links.next {
            NONE => self.tail = links.prev,
            next => arena.header_mut(next).queue.prev = links.prev,
        }
    }

    /// Follows an entry that has moved.
    pub(crate) fn moved(&mut self, arena: &mut Arena, to: u32) {
        let links = arena.header(to).queue;
        match links.prev {
            NONE => self.head = to,
            prev => arena.header_mut(prev).queue.next = to,
        }
        match links.next {
            NONE => self.tail = to,
            next => arena.header_mut(next).queue.prev = to,
        }
    }

    /// From the head to the tail.
    #[cfg(any(test, feature = "validate"))]
    pub(crate) fn iter<'a>(&self, arena: &'a Arena) -> impl Iterator<Item = u32> + use<'a> {
        let some = |entry| (entry != NONE).then_some(entry);
        core::iter::successors(some(self.head), move |&entry| {
            some(arena.header(entry).queue.next)
        })
    }
}
