//! The errors of an export.

use std::io;
use std::time::Duration;

/// The error of an export.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OtlpError {
    /// The endpoint is not an address such as `http://127.0.0.1:4317` or `unix:/run/collector.sock`.
    #[error(
        "{endpoint:?} is not the address of a collector: use one such as http://127.0.0.1:4317, without TLS"
    )]
    InvalidEndpoint {
        /// The endpoint.
        endpoint: String,
    },
    /// The telemetry is or was exported already.
    #[error("the telemetry is exported already")]
    AlreadyExported,
    /// The thread of the export cannot be started.
    #[error("the export cannot be started: {0}")]
    Start(#[source] io::Error),
    /// The collector did not take what was left at the end.
    #[error("the collector did not take the last spans or metrics: {message}")]
    Rejected {
        /// The error of the last request.
        message: String,
    },
    /// The collector did not answer in time at the end.
    #[error("the collector did not answer within {limit:?}")]
    TimedOut {
        /// The time that it had.
        limit: Duration,
    },
}
