//! The time to live of an entry.

use crate::amount;
use crate::document::TtlField;
use std::fmt;
use std::time::Duration;

/// The time to live of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// The default of the map.
    Default,
    /// Until it is deleted or the map ends.
    Never,
    /// Until this much time has passed.
    After(Duration),
}

impl From<TtlField> for Ttl {
    fn from(field: TtlField) -> Self {
        match field {
            TtlField::Never => Self::Never,
            TtlField::After(time) => Self::After(time),
        }
    }
}

/// Writes it as in a file.
impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Never => f.write_str("never"),
            Self::After(time) => f.write_str(&amount::time(*time)),
        }
    }
}
