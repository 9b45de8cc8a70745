//! How much memory a store may have.

use wasmtime::ResourceLimiter;

/// Bounds the memory of a store: the sum of all of its linear memories and tables,
/// however many instances they belong to. ([`wasmtime::StoreLimits`] bounds each alone.)
///
/// Growth over the bound is refused, which the guest sees as a `memory.grow` or
/// `table.grow` that fails; memories and tables to begin with that are over it refuse
/// the instance.
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
    memories: usize,
    tables: usize,
    /// What the growth under way has added, to be taken back if it fails.
    growing: usize,
}

/// What an element of a table costs the host, in bytes.
const ELEMENT: usize = size_of::<usize>();

impl MemoryLimiter {
    /// At most `max` bytes in all memories and tables together.
    pub fn new(max: usize) -> Self {
        Self {
            max,
            memories: 0,
            tables: 0,
            growing: 0,
        }
    }

    /// Bytes that the linear memories have now.
    pub fn used(&self) -> usize {
        self.memories
    }

    /// Whether so many bytes more fit.
    fn grow(&mut self, bytes: usize) -> bool {
        let left = self.max.saturating_sub(self.memories + self.tables);
        let fits = bytes <= left;
        self.growing = if fits { bytes } else { 0 };
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
        let fits = self.grow(desired.saturating_sub(current).saturating_mul(ELEMENT));
        self.tables += self.growing;
        Ok(fits)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.tables -= std::mem::take(&mut self.growing);
        Ok(())
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
