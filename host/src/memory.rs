//! How much linear memory a store may have.

use wasmtime::ResourceLimiter;

/// Bounds the linear memory of a store: the sum of all of its memories, however
/// many instances they belong to. ([`wasmtime::StoreLimits`] bounds each alone.)
///
/// Growth over the bound is refused, which the guest sees as a `memory.grow`
/// that fails; memories to begin with that are over it refuse the instance.
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
    used: usize,
    /// What the growth under way has added, to be taken back if it fails.
    growing: usize,
}

/// Elements of one table, in a component of any reasonable size.
const MAX_TABLE_ELEMENTS: usize = 1 << 20;

impl MemoryLimiter {
    /// At most `max` bytes in all memories together.
    pub fn new(max: usize) -> Self {
        Self {
            max,
            used: 0,
            growing: 0,
        }
    }

    /// Bytes that the memories have now.
    pub fn used(&self) -> usize {
        self.used
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let growing = desired.saturating_sub(current);
        let fits = growing <= self.max.saturating_sub(self.used);
        self.growing = if fits { growing } else { 0 };
        self.used += self.growing;
        Ok(fits)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.used -= std::mem::take(&mut self.growing);
        Ok(())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
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
