//! Writes the parameters of a call to the memory of a map.

use super::layout::Layout;
use wasmtime::Result;

/// The memory that a map provides for the parameters of a call.
pub(crate) trait Parameters {
    /// Copies bytes into memory that the map allocates with this alignment, and returns their
    /// address.
    fn pass(&mut self, bytes: &[u8], align: usize) -> Result<u32>;

    /// Copies a list, and returns its address and its length.
    fn pass_list<T: Lower>(&mut self, list: &[T]) -> Result<(u32, u32)>
    where
        Self: Sized,
    {
        let mut bytes = vec![0; list.len() * T::SIZE];
        for (element, to) in list.iter().zip(bytes.chunks_exact_mut(T::SIZE)) {
            element.lower(self, to)?;
        }
        Ok((self.pass(&bytes, T::ALIGN)?, u32::try_from(list.len())?))
    }
}

/// A type that can be written to memory.
pub(crate) trait Lower: Layout {
    /// Writes the value to its bytes, of which there are [`Layout::SIZE`], all zero. Lists in it
    /// are passed to `parameters`.
    fn lower(&self, parameters: &mut impl Parameters, to: &mut [u8]) -> Result<()>;
}

/// Returns the bytes from `offset` on.
pub(super) fn field(bytes: &mut [u8], offset: usize) -> &mut [u8] {
    bytes.get_mut(offset..).unwrap_or_default()
}

/// Copies bytes to the start of a field.
pub(super) fn write(bytes: &[u8], to: &mut [u8]) {
    for (to, byte) in to.iter_mut().zip(bytes) {
        *to = *byte;
    }
}

macro_rules! numbers {
    ($($type:ty)*) => {
        $(impl Lower for $type {
            fn lower(&self, _: &mut impl Parameters, to: &mut [u8]) -> Result<()> {
                write(&self.to_le_bytes(), to);
                Ok(())
            }
        })*
    };
}

numbers!(u32 u64 i64);

impl Lower for &[u8] {
    fn lower(&self, parameters: &mut impl Parameters, to: &mut [u8]) -> Result<()> {
        let address = parameters.pass(self, 1)?;
        address.lower(parameters, to)?;
        u32::try_from(self.len())?.lower(parameters, field(to, 4))
    }
}

impl<T: Lower> Lower for Option<T> {
    fn lower(&self, parameters: &mut impl Parameters, to: &mut [u8]) -> Result<()> {
        let Some(payload) = self else {
            return Ok(());
        };
        write(&[1], to);
        payload.lower(parameters, field(to, Self::ALIGN))
    }
}
