//! A test case: a map and the operations on it.

use std::fmt;

use arbitrary::{Result, Unstructured};
use localmap_engine::Limits;

use super::operation::{Operation, limits};

/// How much there is of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// A handful of keys and of entries.
    Tiny,
    /// Hundreds.
    Wide,
    /// Thousands, so that tables split. Not all is compared after each operation.
    Large,
}

impl Scale {
    /// How many keys there are.
    pub(super) const fn keys(self) -> u16 {
        match self {
            Self::Tiny => 12,
            Self::Wide => 400,
            Self::Large => 12_000,
        }
    }
}

/// What a case begins with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setup {
    pub(crate) scale: Scale,
    /// Where the clock stands.
    pub(crate) now: u64,
    pub(crate) seed: u64,
    /// Compare all that is there after each operation. It reads the clock, which hides
    /// what a map does that has not read it for long.
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

/// A map to begin with, and what is done to it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    pub(crate) setup: Setup,
    pub(crate) operations: Vec<Operation>,
}

impl Case {
    /// The case that some bytes stand for.
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

/// As Rust that can be put into a test.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "    let setup = {:?};", self.setup)?;
        writeln!(f, "    replay(setup, vec![")?;
        for operation in &self.operations {
            // A vector shows itself as an array.
            let text = format!("{operation:?}").replace("([", "(vec![");
            writeln!(f, "        {text},")?;
        }
        writeln!(f, "    ]);")
    }
}
