//! The reasons why a call of a guest has no answer.

use localmap::MapTerminated;
use localmap::wasmtime::{Error, PoolConcurrencyLimitError, WasmBacktrace};
use localmap_serve::{InstanceError, SandboxError};
use std::time::Duration;

/// The reason why a call of a guest has no answer. Its text is one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallFailure {
    /// The guest has not returned in time.
    #[error("it timed out after {limit:?}")]
    TimedOut { limit: Duration },
    /// The machine has no memory for an instance.
    #[error("there is too little address space or memory for another instance")]
    NoMemory,
    /// The map has ended.
    #[error("{0}")]
    Map(MapTerminated),
    /// The answer does not fit into a message.
    #[error("it returned {len} bytes, and a response has room for {max}")]
    TooLong { len: usize, max: usize },
    /// The guest has failed.
    #[error("{cause}")]
    Guest {
        cause: String,
        /// The frames of the guest, if they are wanted.
        backtrace: Option<String>,
    },
}

impl CallFailure {
    /// Returns the failure of a guest from an error of Wasmtime.
    pub(super) fn of(error: Error, backtraces: bool) -> Self {
        if let Some(terminated) = error.downcast_ref::<MapTerminated>() {
            return Self::Map(terminated.clone());
        }
        // Tasks of WASI 0.3 that wait have taken all stacks.
        if error.is::<PoolConcurrencyLimitError>() {
            return Self::NoMemory;
        }
        let backtrace = backtraces.then(|| frames(&error)).flatten();
        match InstanceError::explain(error, None) {
            InstanceError::AddressSpace { .. } => Self::NoMemory,
            explained => Self::Guest {
                cause: explained.to_string(),
                backtrace,
            },
        }
    }

    /// Returns the failure of a call for which there is no store.
    pub(super) fn no_store(error: &SandboxError) -> Self {
        Self::Guest {
            cause: error.to_string(),
            backtrace: None,
        }
    }

    /// Checks the length of an answer.
    pub(super) fn check_len(
        answer: Result<Vec<u8>, String>,
        max: usize,
    ) -> Result<Result<Vec<u8>, String>, Self> {
        let len = match &answer {
            Ok(response) => response.len(),
            Err(error) => error.len(),
        };
        match len <= max {
            true => Ok(answer),
            false => Err(Self::TooLong { len, max }),
        }
    }

    /// Returns the frames of the guest, one in a line, if it trapped and they are wanted.
    pub(crate) fn backtrace(&self) -> Option<&str> {
        match self {
            Self::Guest { backtrace, .. } => backtrace.as_deref(),
            _ => None,
        }
    }
}

/// Formats the frames of the guest when it trapped.
fn frames(error: &Error) -> Option<String> {
    let frames = error.downcast_ref::<WasmBacktrace>()?.to_string();
    let (_, frames) = frames.split_once('\n')?;
    Some(frames.to_owned())
}
