//! A list through its own nodes, which know their neighbours: it takes no memory of its own,
//! and any node can leave it at once.
//!
//! All lists of the engine are made of this one: the blocks that are free, the blocks of a class
//! that have a free slot, the buckets of the wheel, the queues of eviction, and the pins of an
//! entry. Where the links of a node lie is the affair of [`Nodes`].

/// The neighbours of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Links<I> {
    /// The neighbour towards the front; `None`: this is the first node.
    pub(crate) prev: Option<I>,
    /// The neighbour towards the end; `None`: this is the last node.
    pub(crate) next: Option<I>,
}

/// Keeps the links of nodes, which are named by an `I`.
pub(crate) trait Nodes<I> {
    /// Returns the neighbours of a node that is in a list.
    fn links(&self, node: I) -> Links<I>;

    /// Changes the neighbour of a node towards the front.
    fn set_prev(&mut self, node: I, prev: Option<I>);

    /// Changes the neighbour of a node towards the end.
    fn set_next(&mut self, node: I, next: Option<I>);
}

/// A list by its first node.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct List<I> {
    first: Option<I>,
}

impl<I: Copy> List<I> {
    /// A list without nodes.
    pub(crate) const EMPTY: Self = Self { first: None };

    /// Returns the list that begins with this node.
    pub(crate) const fn of(first: Option<I>) -> Self {
        Self { first }
    }

    /// Returns the first node.
    #[inline]
    pub(crate) const fn first(&self) -> Option<I> {
        self.first
    }

    /// Puts a node in front. Returns its neighbours, which the caller has to note in it.
    #[inline]
    #[must_use = "the node has to know its neighbours"]
    pub(crate) fn push(&mut self, nodes: &mut impl Nodes<I>, node: I) -> Links<I> {
        let next = self.first.replace(node);
        if let Some(next) = next {
            nodes.set_prev(next, Some(node));
        }
        Links { prev: None, next }
    }

    /// Takes the node out that has these neighbours.
    #[inline]
    pub(crate) fn remove(&mut self, nodes: &mut impl Nodes<I>, links: Links<I>) {
        join(nodes, links, None);
        if links.prev.is_none() {
            self.first = links.next;
        }
    }

    /// Follows a node that has another name now, and returns its neighbours.
    pub(crate) fn moved(&mut self, nodes: &mut impl Nodes<I>, to: I) -> Links<I> {
        let links = nodes.links(to);
        join(nodes, links, Some(to));
        if links.prev.is_none() {
            self.first = Some(to);
        }
        links
    }

    /// Returns the nodes, from the first to the last.
    pub(crate) fn iter(&self, nodes: &impl Nodes<I>) -> impl Iterator<Item = I> {
        core::iter::successors(self.first, |&node| nodes.links(node).next)
    }
}

/// Puts `node`, or nothing, between two neighbours.
#[inline]
pub(crate) fn join<I: Copy>(nodes: &mut impl Nodes<I>, links: Links<I>, node: Option<I>) {
    if let Some(prev) = links.prev {
        nodes.set_next(prev, node.or(links.next));
    }
    if let Some(next) = links.next {
        nodes.set_prev(next, node.or(links.prev));
    }
}

/// A list that knows its last node, too: in at the front, out at the end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queue<I> {
    list: List<I>,
    last: Option<I>,
}

impl<I: Copy> Queue<I> {
    /// A queue without nodes.
    pub(crate) const EMPTY: Self = Self {
        list: List::EMPTY,
        last: None,
    };

    /// Returns the last node.
    pub(crate) const fn last(&self) -> Option<I> {
        self.last
    }

    /// Puts a node in front. Returns its neighbours, which the caller has to note in it.
    #[inline]
    #[must_use = "the node has to know its neighbours"]
    pub(crate) fn push(&mut self, nodes: &mut impl Nodes<I>, node: I) -> Links<I> {
        if self.last.is_none() {
            self.last = Some(node);
        }
        self.list.push(nodes, node)
    }

    /// Takes the node out that has these neighbours.
    #[inline]
    pub(crate) fn remove(&mut self, nodes: &mut impl Nodes<I>, links: Links<I>) {
        self.list.remove(nodes, links);
        if links.next.is_none() {
            self.last = links.prev;
        }
    }

    /// Follows a node that has another name now.
    pub(crate) fn moved(&mut self, nodes: &mut impl Nodes<I>, to: I) {
        if self.list.moved(nodes, to).next.is_none() {
            self.last = Some(to);
        }
    }

    /// Returns the first node.
    #[cfg(any(test, feature = "validate"))]
    pub(crate) const fn first(&self) -> Option<I> {
        self.list.first()
    }
}
