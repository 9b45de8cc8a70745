//! How much memory a store may have, and how many tables and instances.

use wasmtime::ResourceLimiter;

/// Bounds the memory of a store: the sum of all of its linear memories and tables,
/// however many instances they belong to. ([`wasmtime::StoreLimits`] bounds each alone.)
///
/// Growth over the bound is refused, which the guest sees as a `memory.grow` or
/// `table.grow` that fails; memories and tables to begin with that are over it refuse
/// the instance, as do more than 100 memories or 100 tables.
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
    /// What the growth under way has added, to be taken back if it fails.
    growing: usize,
    /// Whether the present call was refused memory.
    refused: bool,
}

/// The most memories and the most tables: each takes address space, however small.
const MAX_EACH: usize = 100;

/// What an element of a table costs the host, in bytes.
const ELEMENT: usize = size_of::<usize>();

impl MemoryLimiter {
    /// At most `max` bytes in all memories and tables together, 100,000 elements of
    /// tables, and 100 core instances.
    pub fn new(max: usize) -> Self {
        Self {
            max,
            max_elements: 100_000,
            max_instances: 100,
            memories: 0,
            tables: 0,
            growing: 0,
            refused: false,
        }
    }

    /// At most so many elements in all tables together. Default 100,000.
    #[must_use]
    pub fn max_table_elements(mut self, elements: usize) -> Self {
        self.max_elements = elements;
        self
    }

    /// At most so many core instances, of which a component has one or more. Default 100.
    /// To be set before [`wasmtime::Store::limiter`], which asks for it once.
    #[must_use]
    pub fn max_instances(mut self, instances: usize) -> Self {
        self.max_instances = instances;
        self
    }

    /// Bytes that the linear memories have now.
    pub fn used(&self) -> usize {
        self.memories
    }

    /// A call begins.
    pub(crate) fn begin(&mut self) {
        self.refused = false;
    }

    /// How many bytes there may be, if the present call was refused more.
    pub(crate) fn refused(&self) -> Option<usize> {
        self.refused.then_some(self.max)
    }

    /// Whether so many bytes more fit.
    fn grow(&mut self, bytes: usize) -> bool {
        let left = self.max.saturating_sub(self.memories + self.tables);
        let fits = bytes <= left;
        self.growing = if fits { bytes } else { 0 };
        self.refused |= !fits;
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
        if elements > self.max_elements.saturating_sub(self.tables / ELEMENT) {
            self.growing = 0;
            self.refused = true;
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
    fn tables_are_summed_with_them() {
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
        assert_eq!(limiter.refused(), None);
        assert!(!limiter.table_growing(0, 5, None).unwrap());
        assert_eq!(limiter.refused(), Some(1 << 20));
        limiter
            .table_grow_failed(wasmtime::Error::msg("refused"))
            .unwrap();
        assert!(limiter.table_growing(6, 10, None).unwrap());
        limiter.begin();
        assert_eq!(limiter.refused(), None);
    }

    #[test]
    fn a_growth_that_fails_is_taken_back() {
        let mut limiter = MemoryLimiter::new(100);
        assert!(limiter.memory_growing(0, 60, Some(50)).unwrap());
        limiter
            .memory_grow_failed(wasmtime::Error::msg("over its maximum"))
            .unwrap();
        assert_eq!(limiter.used(), 0);
        // A refused growth has added nothing that could be taken back.
        assert!(limiter.memory_growing(0, 80, None).unwrap());
        assert!(!limiter.memory_growing(80, 200, None).unwrap());
        limiter
            .memory_grow_failed(wasmtime::Error::msg("refused"))
            .unwrap();
        assert_eq!(limiter.used(), 80);
    }
}
