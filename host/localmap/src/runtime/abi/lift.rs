//! Reads results from the memory of a map. Nothing that is read there is trusted: each address is
//! checked, each case must exist, and a result can only be as large as its fuel allows.

use super::layout::{Layout, align_to};
use wasmtime::{Result, bail};

/// The memory of a map after a call.
pub(crate) struct Source<'a> {
    memory: &'a [u8],
    /// The number of bytes that may still be copied to the host, so that a map cannot return the
    /// same bytes a million times.
    fuel: usize,
}

impl<'a> Source<'a> {
    /// Creates a source from which at most `fuel` bytes are copied.
    pub(crate) fn new(memory: &'a [u8], fuel: usize) -> Self {
        Self { memory, fuel }
    }

    /// Reads the result at the address that a call has returned.
    ///
    /// # Errors
    ///
    /// Returns an error if an address is out of bounds or not aligned, if a case does not exist, or
    /// if the result is larger than the fuel.
    pub(crate) fn read<T: Lift>(&mut self, address: u32) -> Result<T> {
        let bytes = self.bytes(address, T::SIZE, T::ALIGN)?;
        T::lift(self, bytes)
    }

    /// Reads an option of a list, whose bytes stay where they are.
    pub(crate) fn read_in_place(&mut self, address: u32) -> Result<Option<&'a [u8]>> {
        let bytes = self.bytes(address, Option::<Vec<u8>>::SIZE, Option::<Vec<u8>>::ALIGN)?;
        match discriminant(bytes)? {
            0 => Ok(None),
            1 => {
                let list = self.list(field(bytes, 4), 1, 1)?;
                self.consume(list.len())?;
                Ok(Some(list))
            }
            case => Err(no_such_case(case)),
        }
    }

    /// Returns the elements of a list, each of `size` bytes.
    pub(super) fn list(&self, list: &[u8], size: usize, align: usize) -> Result<&'a [u8]> {
        let (address, len) = (u32::lift_from(list)?, u32::lift_from(field(list, 4))?);
        match (len as usize).checked_mul(size) {
            Some(size) => self.bytes(address, size, align),
            None => Err(out_of_bounds(address, len as usize)),
        }
    }

    pub(super) fn bytes(&self, address: u32, size: usize, align: usize) -> Result<&'a [u8]> {
        let start = address as usize;
        if !start.is_multiple_of(align) {
            return Err(not_aligned(address, align));
        }
        let bytes = start
            .checked_add(size)
            .and_then(|end| self.memory.get(start..end));
        bytes.ok_or_else(|| out_of_bounds(address, size))
    }

    pub(super) fn consume(&mut self, bytes: usize) -> Result<()> {
        match self.fuel.checked_sub(bytes) {
            Some(left) => self.fuel = left,
            None => bail!(
                "the map returned too much: its fuel for hostcalls has been exhausted; raise \
                 hostcall_fuel, or ask for less at a time"
            ),
        }
        Ok(())
    }
}

#[cold]
fn not_aligned(address: u32, align: usize) -> wasmtime::Error {
    wasmtime::format_err!("the map returned an address that is not aligned to {align}: {address}")
}

#[cold]
fn out_of_bounds(address: u32, size: usize) -> wasmtime::Error {
    wasmtime::format_err!(
        "the map returned an address out of bounds of its memory: {size} bytes at {address}"
    )
}

#[cold]
pub(super) fn no_such_case(case: u8) -> wasmtime::Error {
    wasmtime::format_err!("the map returned an invalid discriminant: {case}")
}

/// A type that can be read from memory.
pub(crate) trait Lift: Layout + Sized {
    /// Reads a value from its bytes, of which there are [`Layout::SIZE`].
    fn lift(from: &mut Source<'_>, bytes: &[u8]) -> Result<Self>;
}

/// Returns the bytes from `offset` on.
pub(super) fn field(bytes: &[u8], offset: usize) -> &[u8] {
    bytes.get(offset..).unwrap_or_default()
}

/// Returns the discriminant of a variant.
pub(super) fn discriminant(bytes: &[u8]) -> Result<u8> {
    bytes.first().copied().ok_or_else(too_short)
}

#[cold]
fn too_short() -> wasmtime::Error {
    wasmtime::Error::msg("a result of the map is shorter than its type")
}

/// A number that can be read from its little-endian bytes.
pub(super) trait Number: Sized {
    fn lift_from(bytes: &[u8]) -> Result<Self>;
}

macro_rules! numbers {
    ($($type:ty)*) => {
        $(impl Number for $type {
            fn lift_from(bytes: &[u8]) -> Result<Self> {
                let bytes = bytes.first_chunk().ok_or_else(too_short)?;
                Ok(Self::from_le_bytes(*bytes))
            }
        }

        impl Lift for $type {
            fn lift(_: &mut Source<'_>, bytes: &[u8]) -> Result<Self> {
                Self::lift_from(bytes)
            }
        })*
    };
}

numbers!(u32 u64 i64);

impl Lift for bool {
    fn lift(_: &mut Source<'_>, bytes: &[u8]) -> Result<Self> {
        Ok(discriminant(bytes)? != 0)
    }
}

impl Lift for () {
    fn lift(_: &mut Source<'_>, _: &[u8]) -> Result<Self> {
        Ok(())
    }
}

impl Lift for Vec<u8> {
    fn lift(from: &mut Source<'_>, bytes: &[u8]) -> Result<Self> {
        let list = from.list(bytes, 1, 1)?;
        from.consume(list.len())?;
        Ok(list.to_vec())
    }
}

impl<T: Lift> Lift for Vec<T> {
    fn lift(from: &mut Source<'_>, bytes: &[u8]) -> Result<Self> {
        let list = from.list(bytes, T::SIZE, T::ALIGN)?;
        let elements = list.chunks_exact(T::SIZE);
        from.consume(elements.len().saturating_mul(size_of::<T>()))?;
        // Exactly as much as the fuel has paid for: a list that grows takes up to twice as much.
        let mut lifted = Self::with_capacity(elements.len());
        for bytes in elements {
            lifted.push(T::lift(from, bytes)?);
        }
        Ok(lifted)
    }
}

impl<T: Lift> Lift for Option<T> {
    fn lift(from: &mut Source<'_>, bytes: &[u8]) -> Result<Self> {
        let payload = field(bytes, Self::ALIGN);
        match discriminant(bytes)? {
            0 => Ok(None),
            1 => T::lift(from, payload).map(Some),
            case => Err(no_such_case(case)),
        }
    }
}

impl<T: Lift, E: Lift> Lift for std::result::Result<T, E> {
    fn lift(from: &mut Source<'_>, bytes: &[u8]) -> Result<Self> {
        let payload = field(bytes, Self::ALIGN);
        match discriminant(bytes)? {
            0 => T::lift(from, payload).map(Ok),
            1 => E::lift(from, payload).map(Err),
            case => Err(no_such_case(case)),
        }
    }
}

impl<A: Lift, B: Lift> Lift for (A, B) {
    fn lift(from: &mut Source<'_>, bytes: &[u8]) -> Result<Self> {
        let second = field(bytes, align_to(A::SIZE, B::ALIGN));
        Ok((A::lift(from, bytes)?, B::lift(from, second)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns memory that begins with these words.
    fn memory(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn read<T: Lift>(words: &[u32], fuel: usize) -> Result<T> {
        Source::new(&memory(words), fuel).read(0)
    }

    #[test]
    fn an_address_is_aligned_and_within_the_memory() {
        let memory = memory(&[0; 4]);
        let fails = |address| Source::new(&memory, 0).read::<u64>(address).is_err();
        assert!(!fails(0) && !fails(8));
        for address in [1, 4, 12, 16, 24, u32::MAX - 7, u32::MAX] {
            assert!(fails(address), "{address}");
        }
    }

    #[test]
    fn a_list_ends_within_the_memory() {
        type List = Vec<u64>;
        assert_eq!(read::<List>(&[8, 1, 7, 0], 100).expect("valid"), [7]);
        for (address, len) in [
            (8, 2),
            (12, 0),
            (9, 1),
            (24, 0),
            (0, 1 << 29),
            (8, u32::MAX),
        ] {
            let words = [address, len, 0, 0];
            assert!(
                read::<List>(&words, usize::MAX).is_err(),
                "{len} at {address}"
            );
        }
        // An empty list may begin where the memory ends.
        assert!(read::<List>(&[16, 0, 0, 0], 0).expect("valid").is_empty());
    }

    #[test]
    fn a_case_exists() {
        assert_eq!(read::<Option<u32>>(&[0, 7], 0).expect("valid"), None);
        assert_eq!(read::<Option<u32>>(&[1, 7], 0).expect("valid"), Some(7));
        // Only the byte of the discriminant counts.
        assert_eq!(read::<Option<u32>>(&[0x100, 7], 0).expect("valid"), None);
        for case in [2, 0xff] {
            assert!(read::<Option<u32>>(&[case, 7], 0).is_err());
            assert!(read::<std::result::Result<u32, ()>>(&[case, 7], 0).is_err());
        }
        assert!(read::<bool>(&[2], 0).expect("any byte but zero is true"));
    }

    /// The host's elements are larger than those in the memory, so they are what counts.
    #[test]
    fn fuel_pays_for_the_memory_of_the_host() {
        type Values = Vec<Option<Vec<u8>>>;
        let words = [8, 2, 1, 0, 5, 1, 0, 3];
        let cost = 2 * size_of::<Option<Vec<u8>>>() + 5 + 3;
        assert!(read::<Values>(&words, cost - 1).is_err());
        let values = read::<Values>(&words, cost).expect("paid for");
        assert_eq!(values.capacity(), 2);
        assert_eq!(values[1].as_ref().map(Vec::capacity), Some(3));
    }

    #[test]
    fn the_same_bytes_are_paid_for_each_time() {
        let words = memory(&[1, 0, 12]);
        let mut source = Source::new(&words, 20);
        assert!(source.read_in_place(0).expect("paid for").is_some());
        assert!(source.read_in_place(0).is_err());
    }
}
