//! Reasons why a line fails.

use super::tokens::SyntaxError;
use localmap::{
    ApplyError, ChangeError, DeleteIfError, IncrementError, MapTerminated, PinError, PinnedError,
    SetError, SetIfError, TouchError,
};
use std::io;

/// The reason why a line was not executed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    #[error(transparent)]
    Terminated(#[from] MapTerminated),
    #[error(transparent)]
    Set(#[from] SetError),
    #[error(transparent)]
    SetIf(#[from] SetIfError),
    #[error(transparent)]
    Increment(#[from] IncrementError),
    #[error(transparent)]
    Touch(#[from] TouchError),
    #[error(transparent)]
    DeleteIf(#[from] DeleteIfError),
    #[error(transparent)]
    Pin(#[from] PinError),
    #[error(transparent)]
    Pinned(#[from] PinnedError),
    #[error("change {number} of the batch")]
    Change {
        /// The position of the change in the batch, counted from 1.
        number: usize,
        source: ChangeError,
    },
    #[error(transparent)]
    Apply(ApplyError),
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Refused { index, source, .. } => Self::Change {
                number: index + 1,
                source,
            },
            other => Self::Apply(other),
        }
    }
}
