//! The limit on the memory of a store, and on its tables and instances.

use wasmtime::ResourceLimiter;

/// Bounds the memory of a store: the sum of all linear memories and tables, across all of its
/// instances. ([`wasmtime::StoreLimits`] bounds each of them separately.)
///
/// Growth beyond the limit is denied: `memory.grow` or `table.grow` fails in the guest.
/// Instantiation fails if the initial memories and tables exceed the limit, or if there are
/// more than 100 memories or 100 tables.
///
/// ```
/// use localmap::{MemoryLimiter, wasmtime};
///
/// let engine = wasmtime::Engine::default();
/// let mut store = wasmtime::Store::new(&engine, MemoryLimiter::new(64 << 20));
/// store.limiter(|limiter| limiter);
/// ```
#[derive(Debug, Clone)]
pub struct MemoryLimiter {
    max: usize,
    max_elements: usize,
    max_instances: usize,
    memories: usize,
    tables: usize,
    /// The bytes that the current growth has added, to be subtracted if the growth fails.
    growing: usize,
    /// What the current call was denied.
    denied: Option<Denied>,
}

/// What a [`MemoryLimiter`] has denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// A memory or a table would have exceeded the limit on their total size.
    #[non_exhaustive]
    Bytes {
        /// The limit, in bytes.
        max: usize,
        /// The total size that was asked for, in bytes.
        asked: usize,
    },
    /// A table would have exceeded the limit on the elements of all tables.
    #[non_exhaustive]
    TableElements {
        /// The limit.
        max: usize,
        /// The number of elements that was asked for.
        asked: usize,
    },
}

/// The maximum number of memories, and of tables. Even a small one takes address space.
const MAX_EACH: usize = 100;

/// The size of a table element in the host, in bytes.
const ELEMENT: usize = size_of::<usize>();

impl MemoryLimiter {
    /// Creates a limiter of `max` bytes in all memories and tables together, with the default
    /// limits of 100,000 table elements and 100 core instances. See [`MemoryLimiter`] for an
    /// example.
    pub fn new(max: usize) -> Self {
        Self {
            max,
            max_elements: 100_000,
            max_instances: 100,
            memories: 0,
            tables: 0,
            growing: 0,
            denied: None,
        }
    }

    /// Sets the limit on elements in all tables together. Default 100,000.
    ///
    /// ```
    /// use localmap::MemoryLimiter;
    ///
    /// let limiter = MemoryLimiter::new(64 << 20).max_table_elements(10_000).max_instances(4);
    /// assert_eq!(limiter.used(), 0);
    /// ```
    #[must_use]
    pub fn max_table_elements(mut self, elements: usize) -> Self {
        self.max_elements = elements;
        self
    }

    /// Sets the limit on core instances. A component has one or more of them. Default 100. See
    /// [`max_table_elements`](Self::max_table_elements) for an example.
    ///
    /// Set it before [`wasmtime::Store::limiter`], which reads it once.
    #[must_use]
    pub fn max_instances(mut self, instances: usize) -> Self {
        self.max_instances = instances;
        self
    }

    /// Returns the current size of all linear memories together, in bytes. See
    /// [`max_table_elements`](Self::max_table_elements) for an example.
    pub fn used(&self) -> usize {
        self.memories
    }

    /// Begins a call. Resets the record of denied memory.
    pub(crate) fn begin_call(&mut self) {
        self.denied = None;
    }

    /// Returns the limit in bytes, if the current call was denied more memory.
    pub(crate) fn denied_over(&self) -> Option<usize> {
        self.denied.map(|_| self.max)
    }

    /// Returns what was denied last, if anything was.
    ///
    /// ```
    /// use localmap::wasmtime::ResourceLimiter;
    /// use localmap::{Denied, MemoryLimiter};
    ///
    /// let mut limiter = MemoryLimiter::new(64 << 10);
    /// assert!(!limiter.memory_growing(0, 128 << 10, None)?);
    /// assert!(matches!(limiter.denied(), Some(Denied::Bytes { max: 65_536, .. })));
    /// # Ok::<(), localmap::wasmtime::Error>(())
    /// ```
    pub fn denied(&self) -> Option<Denied> {
        self.denied
    }

    /// Returns `true` if `bytes` more bytes fit into the limit, and records them as `growing`.
    fn grow(&mut self, bytes: usize) -> bool {
        let used = self.memories + self.tables;
        let fits = bytes <= self.max.saturating_sub(used);
        self.growing = if fits { bytes } else { 0 };
        if !fits {
            let (max, asked) = (self.max, used.saturating_add(bytes));
            self.denied = Some(Denied::Bytes { max, asked });
        }
        fits
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = self.grow(desired.saturating_sub(current));
        self.memories += self.growing;
        Ok(fits)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memories -= std::mem::take(&mut self.growing);
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let elements = desired.saturating_sub(current);
        let asked = elements.saturating_add(self.tables / ELEMENT);
        if asked > self.max_elements {
            self.growing = 0;
            let max = self.max_elements;
            self.denied = Some(Denied::TableElements { max, asked });
            return Ok(false);
        }
        let fits = self.grow(elements.saturating_mul(ELEMENT));
        self.tables += self.growing;
        Ok(fits)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.tables -= std::mem::take(&mut self.growing);
        Ok(())
    }

    fn instances(&self) -> usize {
        self.max_instances
    }

    fn memories(&self) -> usize {
        MAX_EACH
    }

    fn tables(&self) -> usize {
        MAX_EACH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_are_summed() {
        let mut limiter = MemoryLimiter::new(100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.memory_growing(0, 50, None).unwrap());
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert_eq!(limiter.used(), 100);
    }

    #[test]
    fn tables_are_summed_with_the_memories() {
        let mut limiter = MemoryLimiter::new(100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.table_growing(0, 6, None).unwrap());
        assert!(limiter.table_growing(0, 5, None).unwrap());
        assert!(!limiter.memory_growing(60, 61, None).unwrap());
        assert_eq!(limiter.used(), 60);
        assert!(!limiter.table_growing(5, usize::MAX, None).unwrap());
    }

    #[test]
    fn the_elements_of_tables_are_summed() {
        let mut limiter = MemoryLimiter::new(1 << 20).max_table_elements(10);
        assert!(limiter.table_growing(0, 6, None).unwrap());
        assert_eq!(limiter.denied_over(), None);
        assert!(!limiter.table_growing(0, 5, None).unwrap());
        assert_eq!(limiter.denied_over(), Some(1 << 20));
        let denied = Denied::TableElements { max: 10, asked: 11 };
        assert_eq!(limiter.denied(), Some(denied));
        limiter
            .table_grow_failed(wasmtime::Error::msg("denied"))
            .unwrap();
        assert!(limiter.table_growing(6, 10, None).unwrap());
        limiter.begin_call();
        assert_eq!(limiter.denied_over(), None);
    }

    #[test]
    fn a_growth_that_fails_is_subtracted() {
        let mut limiter = MemoryLimiter::new(100);
        assert!(limiter.memory_growing(0, 60, Some(50)).unwrap());
        limiter
            .memory_grow_failed(wasmtime::Error::msg("over its maximum"))
            .unwrap();
        assert_eq!(limiter.used(), 0);
        // A denied growth has added nothing, so nothing must be subtracted.
        assert!(limiter.memory_growing(0, 80, None).unwrap());
        assert!(!limiter.memory_growing(80, 200, None).unwrap());
        limiter
            .memory_grow_failed(wasmtime::Error::msg("denied"))
            .unwrap();
        assert_eq!(limiter.used(), 80);
    }
}
