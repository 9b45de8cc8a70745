//! A set of weakly held engines, whose epochs interrupt calls.

use wasmtime::{Engine, EngineWeak};

/// An engine, reduced to the operations on its epoch that cancellation needs.
///
/// Guests check whether they may continue whenever the epoch of their engine advances.
pub(crate) trait Epochs: Sized + Send + 'static {
    /// A weak reference to the engine.
    type Weak: Send + 'static;

    /// Returns a weak reference to the engine.
    fn downgrade(&self) -> Self::Weak;

    /// Returns the engine; `None` if it has been dropped.
    fn upgrade(weak: &Self::Weak) -> Option<Self>;

    /// Returns `true` if `self` and `other` are the same engine.
    fn same(&self, other: &Self) -> bool;

    /// Advances the epoch.
    fn increment_epoch(&self);
}

impl Epochs for Engine {
    type Weak = EngineWeak;

    fn downgrade(&self) -> EngineWeak {
        self.weak()
    }

    fn upgrade(weak: &EngineWeak) -> Option<Self> {
        weak.upgrade()
    }

    fn same(&self, other: &Self) -> bool {
        Self::same(self, other)
    }

    fn increment_epoch(&self) {
        Self::increment_epoch(self);
    }
}

/// A set of engines. It does not keep its engines alive, and removes those that were dropped.
pub(super) struct Engines<E: Epochs> {
    list: Vec<E::Weak>,
}

impl<E: Epochs> Engines<E> {
    /// Creates an empty set.
    pub(super) const fn new() -> Self {
        Self { list: Vec::new() }
    }

    /// Adds an engine. Returns `false` if it was already in the set.
    pub(super) fn insert(&mut self, engine: &E) -> bool {
        let mut known = self.list.iter().filter_map(E::upgrade);
        let new = !known.any(|known| known.same(engine));
        if new {
            self.list.push(engine.downgrade());
        }
        new
    }

    /// Returns the engines that are still in use, and removes the others.
    pub(super) fn alive(&mut self) -> Vec<E> {
        let mut alive = Vec::with_capacity(self.list.len());
        self.list.retain(|weak| match E::upgrade(weak) {
            Some(engine) => {
                alive.push(engine);
                true
            }
            None => false,
        });
        alive
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Weak};

    /// A fake engine, which has only an epoch.
    #[derive(Clone, Default)]
    pub(in crate::cancel) struct Epoch(Arc<AtomicU64>);

    impl Epoch {
        /// Returns the number of times that the epoch has advanced.
        pub(in crate::cancel) fn now(&self) -> u64 {
            self.0.load(Ordering::SeqCst)
        }
    }

    impl Epochs for Epoch {
        type Weak = Weak<AtomicU64>;

        fn downgrade(&self) -> Weak<AtomicU64> {
            Arc::downgrade(&self.0)
        }

        fn upgrade(weak: &Weak<AtomicU64>) -> Option<Self> {
            weak.upgrade().map(Self)
        }

        fn same(&self, other: &Self) -> bool {
            Arc::ptr_eq(&self.0, &other.0)
        }

        fn increment_epoch(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn an_engine_is_in_the_set_once_and_until_it_is_dropped() {
        let mut engines = Engines::new();
        let (one, two) = (Epoch::default(), Epoch::default());
        assert!(engines.insert(&one));
        assert!(engines.insert(&two));
        assert!(!engines.insert(&one.clone()));
        assert_eq!(engines.alive().len(), 2);
        drop(one);
        assert_eq!(engines.alive().len(), 1);
        assert!(!engines.insert(&two));
    }
}
