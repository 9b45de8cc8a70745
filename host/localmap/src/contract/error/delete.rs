//! The error of a conditional delete.

use super::refused::{Refused, conflict};
use super::terminated::MapTerminated;
use crate::contract::entry::Version;

/// The error returned by [`LocalMap::delete_if`](crate::LocalMap::delete_if).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DeleteIfError {
    /// The value has another version, or the key is absent.
    #[error("{}", conflict(.current))]
    #[non_exhaustive]
    Conflict {
        /// The version of the present value; `None` if the key is absent.
        current: Option<Version>,
    },
    /// The map has terminated, in this call or before it.
    #[error(transparent)]
    #[non_exhaustive]
    Terminated {
        /// The termination, with its cause and time.
        #[from]
        source: MapTerminated,
    },
}

impl TryFrom<Refused> for DeleteIfError {
    type Error = wasmtime::Error;

    fn try_from(refused: Refused) -> wasmtime::Result<Self> {
        Ok(match refused {
            Refused::Conflict { current } => Self::Conflict { current },
            other => return Err(other.contradiction()),
        })
    }
}
