//! The tree of what can be cancelled. A node keeps those above it alive, as they are the
//! way down to it, and knows those below it: each of them leaves when it is dropped.

use super::ends::Ends;
use super::ticker;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use wasmtime::{Engine, EngineWeak};

#[derive(Default)]
pub(super) struct Node {
    cancelled: AtomicBool,
    /// And the number that it has there.
    parent: Option<(Arc<Node>, u64)>,
    below: Mutex<Below>,
}

#[derive(Default)]
struct Below {
    /// The number of the child or the waker that comes next.
    next: u64,
    children: BTreeMap<u64, Weak<Node>>,
    wakers: BTreeMap<u64, Waker>,
    /// Where calls may run that it ends.
    engines: Vec<EngineWeak>,
    ends: Option<Weak<dyn Ends>>,
}

impl Below {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl Node {
    fn below(&self) -> MutexGuard<'_, Below> {
        // Whole after each of its operations.
        self.below.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    pub(super) fn child(parent: &Arc<Self>) -> Arc<Self> {
        let mut below = parent.below();
        let number = below.number();
        let child = Arc::new(Self {
            // Whoever cancels the parent sets its flag before taking its lock: either it
            // finds the child, or the child finds the flag.
            cancelled: AtomicBool::new(parent.is_cancelled()),
            parent: Some((Arc::clone(parent), number)),
            below: Mutex::default(),
        });
        below.children.insert(number, Arc::downgrade(&child));
        child
    }

    /// From now on, cancelling ends calls in this engine.
    pub(super) fn end_calls_in(&self, engine: &Engine) {
        let mut below = self.below();
        let mut known = false;
        below.engines.retain(|other| match other.upgrade() {
            Some(other) => {
                known |= Engine::same(&other, engine);
                true
            }
            None => false,
        });
        if !known {
            below.engines.push(engine.weak());
        }
    }

    /// From now on, cancelling ends this. Calls that ran meanwhile were made for it.
    pub(super) fn made(&self, what: Weak<dyn Ends>) {
        let mut below = self.below();
        below.engines = Vec::new();
        below.ends = Some(what);
    }

    pub(super) fn waker(&self) -> Waiting<'_> {
        Waiting {
            node: self,
            number: None,
        }
    }

    pub(super) fn cancel(node: &Arc<Self>) {
        let mut nodes = vec![Arc::clone(node)];
        let mut idle = Vec::new();
        // First all that runs, as it takes time to free what is idle. No lock is held
        // while something is dropped or woken: it could want one.
        while let Some(node) = nodes.pop() {
            node.cancelled.store(true, Ordering::SeqCst);
            let (engines, wakers) = {
                let mut below = node.below();
                nodes.extend(below.children.values().filter_map(Weak::upgrade));
                idle.extend(below.ends.take());
                (
                    std::mem::take(&mut below.engines),
                    std::mem::take(&mut below.wakers),
                )
            };
            for engine in engines.iter().filter_map(EngineWeak::upgrade) {
                engine.increment_epoch();
            }
            wakers.into_values().for_each(Waker::wake);
        }
        for what in idle {
            if what.upgrade().is_some_and(|what| !what.end()) {
                ticker::end_later(what);
            }
        }
    }

    /// Takes the node out of the tree.
    fn leave(&mut self) -> Option<Arc<Self>> {
        let (parent, number) = self.parent.take()?;
        parent.below().children.remove(&number);
        Some(parent)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // One by one: a chain of them may be longer than the stack is deep.
        let mut next = self.leave();
        while let Some(parent) = next {
            next = Arc::into_inner(parent).and_then(|mut parent| parent.leave());
        }
    }
}

/// A place among those that a node wakes.
pub(super) struct Waiting<'a> {
    node: &'a Node,
    number: Option<u64>,
}

impl Waiting<'_> {
    pub(super) fn set(&mut self, waker: &Waker) {
        let mut below = self.node.below();
        let number = *self.number.get_or_insert_with(|| below.number());
        let known = below.wakers.get(&number);
        if known.is_some_and(|known| known.will_wake(waker)) {
            return;
        }
        let before = below.wakers.insert(number, waker.clone());
        drop(below);
        drop(before);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let waker = self.node.below().wakers.remove(&number);
            drop(waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_that_are_dropped_leave_nothing_behind() {
        let root = Arc::new(Node::default());
        let stays = Node::child(&root);
        for _ in 0..100_000 {
            drop(Node::child(&root));
        }
        assert_eq!(root.below().children.len(), 1);
        drop(stays);
        assert_eq!(root.below().children.len(), 0);
        assert_eq!(Arc::weak_count(&root), 0);
    }

    #[test]
    fn a_handle_between_others_need_not_be_kept() {
        let root = Arc::new(Node::default());
        let leaf = Node::child(&Node::child(&root));
        Node::cancel(&root);
        assert!(leaf.is_cancelled());
        assert!(Node::child(&leaf).is_cancelled());
    }

    #[test]
    fn trees_may_be_deep() {
        let root = Arc::new(Node::default());
        let mut leaf = Arc::clone(&root);
        for _ in 0..1_000_000 {
            leaf = Node::child(&leaf);
        }
        Node::cancel(&root);
        assert!(leaf.is_cancelled());
        drop(root);
        drop(leaf);
    }
}
