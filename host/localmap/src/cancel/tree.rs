//! The tree of cancel handles. A node keeps its ancestors alive, because a cancellation reaches
//! it through them. It holds its children weakly: a child detaches itself when it is dropped.

use super::engines::{Engines, Epochs};
use super::target::CancelTarget;
use crate::sync::{AtomicBool, Mutex, Ordering, lock};
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::task::Waker;

/// A node of the tree: one handle and all of its clones.
pub(crate) struct TreeNode<E: Epochs> {
    cancelled: AtomicBool,
    /// The parent, and the id of this node among the parent's children.
    parent: Option<(Arc<Self>, u64)>,
    inner: Mutex<Inner<E>>,
}

/// Everything that a cancellation of the node reaches.
struct Inner<E: Epochs> {
    last_id: u64,
    children: BTreeMap<u64, Weak<TreeNode<E>>>,
    wakers: BTreeMap<u64, Waker>,
    /// Engines that may be running a call that the node cancels.
    engines: Engines<E>,
    target: Option<Weak<dyn CancelTarget>>,
}

impl<E: Epochs> Inner<E> {
    fn new() -> Self {
        Self {
            last_id: 0,
            children: BTreeMap::new(),
            wakers: BTreeMap::new(),
            engines: Engines::new(),
            target: None,
        }
    }

    fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

impl<E: Epochs> TreeNode<E> {
    /// Creates a node without a parent.
    pub(super) fn root() -> Self {
        Self {
            cancelled: AtomicBool::new(false),
            parent: None,
            inner: Mutex::new(Inner::new()),
        }
    }

    /// Creates a child. It is already cancelled if its parent is.
    pub(super) fn child(parent: &Arc<Self>) -> Arc<Self> {
        let mut inner = lock(&parent.inner);
        let id = inner.new_id();
        let child = Arc::new(Self {
            // A cancellation sets the parent's flag before it takes the parent's lock: either
            // it finds the child, or the child finds the flag.
            cancelled: AtomicBool::new(parent.is_cancelled()),
            parent: Some((Arc::clone(parent), id)),
            inner: Mutex::new(Inner::new()),
        });
        inner.children.insert(id, Arc::downgrade(&child));
        child
    }

    /// Returns `true` if the node has been cancelled.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Makes a cancellation also interrupt the calls in this engine.
    pub(super) fn interrupt_calls_in(&self, engine: &E) {
        lock(&self.inner).engines.insert(engine);
    }

    /// Makes a cancellation cancel this target. It no longer interrupts calls in engines, because
    /// those calls were creating the target.
    pub(super) fn set_target(&self, target: Weak<dyn CancelTarget>) {
        let mut inner = lock(&self.inner);
        inner.engines = Engines::new();
        inner.target = Some(target);
    }

    /// Returns an empty slot for a waker that a cancellation wakes.
    pub(super) fn waker_slot(&self) -> WakerSlot<'_, E> {
        WakerSlot {
            node: self,
            id: None,
        }
    }

    /// Cancels the node and all of its descendants. Returns the targets that were busy, which the
    /// caller must retry.
    pub(super) fn cancel(node: &Arc<Self>) -> Vec<Weak<dyn CancelTarget>> {
        let mut nodes = vec![Arc::clone(node)];
        let mut targets = Vec::new();
        // Interrupt running calls first, because freeing idle maps takes time. No lock is held
        // while anything is dropped or woken, because that may take locks itself.
        while let Some(node) = nodes.pop() {
            node.cancelled.store(true, Ordering::SeqCst);
            let (engines, wakers) = {
                let mut inner = lock(&node.inner);
                nodes.extend(inner.children.values().filter_map(Weak::upgrade));
                targets.extend(inner.target.take());
                let engines = inner.engines.alive();
                inner.engines = Engines::new();
                (engines, std::mem::take(&mut inner.wakers))
            };
            for engine in engines {
                engine.increment_epoch();
            }
            wakers.into_values().for_each(Waker::wake);
        }
        targets.retain(|target| target.upgrade().is_some_and(|target| !target.try_cancel()));
        targets
    }

    /// Takes the node out of the tree and returns its parent.
    fn detach(&mut self) -> Option<Arc<Self>> {
        let (parent, id) = self.parent.take()?;
        lock(&parent.inner).children.remove(&id);
        Some(parent)
    }
}

impl<E: Epochs> Drop for TreeNode<E> {
    fn drop(&mut self) {
        // A loop instead of recursion, because a long chain of nodes could overflow the stack.
        let mut next = self.detach();
        while let Some(parent) = next {
            next = Arc::into_inner(parent).and_then(|mut parent| parent.detach());
        }
    }
}

/// A slot for one of the wakers of a node. Dropping it removes the waker.
pub(crate) struct WakerSlot<'a, E: Epochs> {
    node: &'a TreeNode<E>,
    id: Option<u64>,
}

impl<E: Epochs> WakerSlot<'_, E> {
    /// Stores a waker in place of the previous one.
    pub(crate) fn set(&mut self, waker: &Waker) {
        let mut inner = lock(&self.node.inner);
        let id = *self.id.get_or_insert_with(|| inner.new_id());
        let known = inner.wakers.get(&id);
        if known.is_some_and(|known| known.will_wake(waker)) {
            return;
        }
        let before = inner.wakers.insert(id, waker.clone());
        drop(inner);
        drop(before);
    }
}

impl<E: Epochs> Drop for WakerSlot<'_, E> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let waker = lock(&self.node.inner).wakers.remove(&id);
            drop(waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::engines::tests::Epoch;
    use super::super::target::tests::Lockable;
    use super::*;
    use crate::sync::thread;

    const SCHEDULES: usize = 1_000;

    type Node = TreeNode<Epoch>;

    fn once(test: fn()) {
        shuttle::check_random(test, 1);
    }

    #[test]
    fn children_that_are_dropped_leave_nothing_behind() {
        once(|| {
            let root = Arc::new(Node::root());
            let stays = Node::child(&root);
            for _ in 0..10_000 {
                drop(Node::child(&root));
            }
            assert_eq!(lock(&root.inner).children.len(), 1);
            drop(stays);
            assert_eq!(lock(&root.inner).children.len(), 0);
            assert_eq!(Arc::weak_count(&root), 0);
        });
    }

    #[test]
    fn a_handle_between_others_need_not_be_kept() {
        once(|| {
            let root = Arc::new(Node::root());
            let leaf = Node::child(&Node::child(&root));
            Node::cancel(&root);
            assert!(leaf.is_cancelled());
            assert!(Node::child(&leaf).is_cancelled());
        });
    }

    /// Tests run on a small stack, which a recursion would overflow.
    #[test]
    fn trees_may_be_deep() {
        once(|| {
            let root = Arc::new(Node::root());
            let mut leaf = Arc::clone(&root);
            for _ in 0..50_000 {
                leaf = Node::child(&leaf);
            }
            Node::cancel(&root);
            assert!(leaf.is_cancelled());
            drop(root);
            drop(leaf);
        });
    }

    #[test]
    fn a_child_that_comes_during_a_cancellation_is_cancelled() {
        let explore = || {
            let root = Arc::new(Node::root());
            let parent = Node::child(&root);
            let child = thread::spawn(move || Node::child(&parent));
            Node::cancel(&root);
            assert!(child.join().expect("no panic").is_cancelled());
        };
        shuttle::check_random(explore, SCHEDULES);
    }

    /// Either the cancellation finds the target, or the creator of the target finds the flag.
    #[test]
    fn a_target_that_comes_during_a_cancellation_is_cancelled() {
        let explore = || {
            let node = Arc::new(Node::root());
            let target = Arc::new(Lockable::new());
            let creator = {
                let (node, target) = (Arc::clone(&node), Arc::clone(&target));
                thread::spawn(move || {
                    let target: Arc<dyn CancelTarget> = target;
                    node.set_target(Arc::downgrade(&target));
                    node.is_cancelled()
                })
            };
            let busy = Node::cancel(&node);
            assert!(busy.is_empty());
            let seen = creator.join().expect("no panic");
            assert!(seen || target.is_cancelled());
        };
        shuttle::check_random(explore, SCHEDULES);
    }

    /// Either the cancellation advances the epoch, or the call finds the flag before it begins.
    #[test]
    fn a_call_that_begins_during_a_cancellation_is_interrupted() {
        let explore = || {
            let node = Arc::new(Node::root());
            let engine = Epoch::default();
            let call = {
                let (node, engine) = (Arc::clone(&node), engine.clone());
                thread::spawn(move || {
                    node.interrupt_calls_in(&engine);
                    node.is_cancelled()
                })
            };
            Node::cancel(&node);
            let seen = call.join().expect("no panic");
            assert!(seen || engine.now() == 1);
        };
        shuttle::check_random(explore, SCHEDULES);
    }
}
