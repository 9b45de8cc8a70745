//! An intrusive linked list. It allocates no memory, and any node can be removed in constant time.
//!
//! All lists of the engine use this one: the free blocks, the blocks of a class that have a free
//! slot, the buckets of the wheel, the eviction queues, and the pins of an entry. Each implements
//! [`Nodes`] to say where the links of a node are stored.

/// The neighbours of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Links<I> {
    /// The neighbour towards the front, or `None` for the first node.
    pub(crate) prev: Option<I>,
    /// The neighbour towards the end, or `None` for the last node.
    pub(crate) next: Option<I>,
}

/// Stores the links of nodes, which are identified by an `I`.
pub(crate) trait Nodes<I> {
    /// Returns the neighbours of a node that is in a list.
    fn links(&self, node: I) -> Links<I>;

    /// Sets the neighbour of a node towards the front.
    fn set_prev(&mut self, node: I, prev: Option<I>);

    /// Sets the neighbour of a node towards the end.
    fn set_next(&mut self, node: I, next: Option<I>);
}

/// A list, represented by its first node.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct List<I> {
    first: Option<I>,
}

impl<I: Copy> List<I> {
    /// The empty list.
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

    /// Adds a node at the front. Returns its neighbours, which the caller must store in it.
    #[inline]
    #[must_use = "the node has to know its neighbours"]
    pub(crate) fn push(&mut self, nodes: &mut impl Nodes<I>, node: I) -> Links<I> {
        let next = self.first.replace(node);
        if let Some(next) = next {
            nodes.set_prev(next, Some(node));
        }
        Links { prev: None, next }
    }

    /// Removes the node that has these neighbours.
    #[inline]
    pub(crate) fn remove(&mut self, nodes: &mut impl Nodes<I>, links: Links<I>) {
        join(nodes, links, None);
        if links.prev.is_none() {
            self.first = links.next;
        }
    }

    /// Updates the links to a node whose identifier has changed, and returns its neighbours.
    pub(crate) fn moved(&mut self, nodes: &mut impl Nodes<I>, to: I) -> Links<I> {
        let links = nodes.links(to);
        join(nodes, links, Some(to));
        if links.prev.is_none() {
            self.first = Some(to);
        }
        links
    }

    /// Returns the nodes from the first to the last.
    pub(crate) fn iter(&self, nodes: &impl Nodes<I>) -> impl Iterator<Item = I> {
        core::iter::successors(self.first, |&node| nodes.links(node).next)
    }
}

/// Links `node`, or nothing, between two neighbours.
#[inline]
pub(crate) fn join<I: Copy>(nodes: &mut impl Nodes<I>, links: Links<I>, node: Option<I>) {
    if let Some(prev) = links.prev {
        nodes.set_next(prev, node.or(links.next));
    }
    if let Some(next) = links.next {
        nodes.set_prev(next, node.or(links.prev));
    }
}

/// A list that also has its last node: nodes are added at the front and removed at the end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queue<I> {
    list: List<I>,
    last: Option<I>,
}

impl<I: Copy> Queue<I> {
    /// The empty queue.
    pub(crate) const EMPTY: Self = Self {
        list: List::EMPTY,
        last: None,
    };

    /// Returns the last node.
    pub(crate) const fn last(&self) -> Option<I> {
        self.last
    }

    /// Adds a node at the front. Returns its neighbours, which the caller must store in it.
    #[inline]
    #[must_use = "the node has to know its neighbours"]
    pub(crate) fn push(&mut self, nodes: &mut impl Nodes<I>, node: I) -> Links<I> {
        if self.last.is_none() {
            self.last = Some(node);
        }
        self.list.push(nodes, node)
    }

    /// Removes the node that has these neighbours.
    #[inline]
    pub(crate) fn remove(&mut self, nodes: &mut impl Nodes<I>, links: Links<I>) {
        self.list.remove(nodes, links);
        if links.next.is_none() {
            self.last = links.prev;
        }
    }

    /// Updates the links to a node whose identifier has changed.
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
