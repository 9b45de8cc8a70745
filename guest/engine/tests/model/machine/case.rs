//! A test case: a map and the operations on it.

use std::fmt;

use arbitrary::{Result, Unstructured};
use localmap_engine::Limits;

use super::operation::{Operation, limits};

/// The size of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// A handful of keys and entries.
    Tiny,
    /// Hundreds of them.
    Wide,
    /// Thousands, so that tables split. The contents are not compared after each operation.
    Large,
}

impl Scale {
    /// The number of keys.
    pub(super) const fn keys(self) -> u16 {
        match self {
            Self::Tiny => 12,
            Self::Wide => 400,
            Self::Large => 12_000,
        }
    }
}

/// The initial state of a case.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setup {
    pub(crate) scale: Scale,
    /// The initial time of the clock.
    pub(crate) now: u64,
    pub(crate) seed: u64,
    /// Whether to compare all contents after each operation. This reads the clock, which hides the
    /// behaviour of a map that has not read it for a long time.
    pub(crate) watch: bool,
    pub(crate) limits: Limits,
}

impl Setup {
    fn random(u: &mut Unstructured<'_>) -> Result<Self> {
        let scale = match u.arbitrary::<u8>()? {
            0..16 => Scale::Wide,
            16 => Scale::Large,
            _ => Scale::Tiny,
        };
        Ok(Self {
            scale,
            now: match u.int_in_range(0..=7u8)? {
                0 => u.arbitrary()?,
                1 => u64::MAX - u.int_in_range(0..=5000)?,
                2 => 1 << u.int_in_range(0..=63u8)?,
                _ => u.int_in_range(0..=5000)?,
            },
            seed: u.arbitrary::<u8>()?.into(),
            watch: u.arbitrary()?,
            limits: limits(u, scale)?,
        })
    }
}

/// A map, and the operations on it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    pub(crate) setup: Setup,
    pub(crate) operations: Vec<Operation>,
}

impl Case {
    /// Decodes a case from bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let mut u = Unstructured::new(bytes);
        Self::random(&mut u).expect("bytes that are used up count as zeros")
    }

    fn random(u: &mut Unstructured<'_>) -> Result<Self> {
        let setup = Setup::random(u)?;
        let mut operations = Vec::new();
        while !u.is_empty() {
            operations.push(Operation::random(u, setup.scale)?);
        }
        Ok(Self { setup, operations })
    }
}

/// Prints the case as Rust code for a test.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "    let setup = {:?};", self.setup)?;
        writeln!(f, "    replay(setup, vec![")?;
        for operation in &self.operations {
            // The debug output of a vector looks like an array.
            let text = format!("{operation:?}").replace("([", "(vec![");
            writeln!(f, "        {text},")?;
        }
        writeln!(f, "    ]);")
    }
}
