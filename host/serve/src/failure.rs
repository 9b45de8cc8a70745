//! Reasons why a request gets no response from its guest.

use crate::error::MapError;
use hyper::StatusCode;
use localmap::MapTerminated;
use localmap::wasmtime::{Error, Trap};
use std::time::Duration;
use wasmtime_wasi::I32Exit;

/// The reason why a request gets no response from its guest.
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    /// The text for the log.
    pub(crate) cause: String,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, cause: impl Into<String>) -> Self {
        let cause = cause.into();
        Self { status, cause }
    }

    /// Creates a failure of the guest.
    pub(crate) fn of_guest(cause: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, cause)
    }

    /// Creates a failure of the guest from an error of Wasmtime.
    pub(crate) fn of_call(error: &Error) -> Self {
        Self::of_guest(cause(error))
    }

    pub(crate) fn of_map(error: &MapError) -> Self {
        match error {
            MapError::HeaderMissing { .. } | MapError::HeaderRepeated { .. } => {
                Self::new(StatusCode::BAD_REQUEST, error.to_string())
            }
            MapError::TooManyMaps { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            }
            MapError::Create(_) | MapError::Preload(_) => {
                Self::of_guest(format!("cannot provide a map: {}", chain(error)))
            }
        }
    }

    pub(crate) fn too_many_requests() -> Self {
        let cause = "too many concurrent requests";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, cause)
    }

    pub(crate) fn timed_out(limit: Duration) -> Self {
        let limit = humantime::format_duration(limit);
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!("the guest timed out after {limit}"),
        )
    }

    /// Returns the text for the client.
    pub(crate) fn text(&self) -> &str {
        match self.status {
            StatusCode::GATEWAY_TIMEOUT => "the guest ran out of time",
            StatusCode::SERVICE_UNAVAILABLE => "the server is at capacity",
            StatusCode::INTERNAL_SERVER_ERROR => "the guest failed",
            _ => &self.cause,
        }
    }
}

/// Formats an error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        next = cause.source();
    }
    line
}

/// Formats the reason why a guest ended, in one line.
fn cause(error: &Error) -> String {
    if let Some(dead) = error.downcast_ref::<MapTerminated>() {
        return dead.to_string();
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return format!("the guest exited with code {}", exit.0);
    }
    match error.downcast_ref::<Trap>() {
        Some(trap) => {
            let trap = trap.to_string();
            let what = trap.strip_prefix("wasm trap: ").unwrap_or(&trap);
            format!("the guest trapped: {what}")
        }
        None => format!("the guest failed: {}", error.root_cause()),
    }
}
