//! The versions of WASI that a new guest can be for.

use std::fmt;

#[derive(clap::ValueEnum, Clone, Copy, Default, PartialEq)]
pub(super) enum Wasi {
    /// For hosts of WASI 0.2 and later
    #[default]
    #[value(name = "0.2")]
    V0_2,
    /// With async functions: several tasks at a time, bodies as streams
    #[value(name = "0.3")]
    V0_3,
}

impl fmt::Display for Wasi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V0_2 => "0.2",
            Self::V0_3 => "0.3",
        })
    }
}
