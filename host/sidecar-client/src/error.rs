//! The error of all operations.

use crate::rejection::Rejection;
use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tonic::{Code, ConnectError, Status};

/// The metadata of a status that says after how many milliseconds a call may be tried again. It is
/// that of gRPC's own retries (gRFC A6).
const RETRY_AFTER: &str = "grpc-retry-pushback-ms";

/// The error returned by all operations.
///
/// [`Rejected`](Self::Rejected) is an answer of the map: the call was performed and has changed
/// nothing. All others are errors of the way to the map. [`Error::may_have_happened`] says whether
/// a write may have been performed all the same, and [`Error::is_temporary`] whether it is worth
/// trying again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The map has rejected the write. Nothing has changed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// No sidecar accepts connections at the path, within the timeout of the call. The call was not
    /// sent.
    #[error("cannot connect to `{}`: {}", path.display(), advice(.source))]
    #[non_exhaustive]
    Unreachable {
        /// The path of the socket.
        path: PathBuf,
        /// The reason of the last attempt.
        source: io::Error,
    },
    /// The connection was lost during the call, the sidecar is ending, or the map has terminated.
    #[error("the sidecar or the map became unavailable during the call: {message}")]
    #[non_exhaustive]
    Unavailable {
        /// The reason.
        message: String,
    },
    /// The call has taken longer than [`ClientOptions::timeout`](crate::ClientOptions::timeout).
    #[error("no response within {timeout:?}: try again, or raise the timeout of the client")]
    #[non_exhaustive]
    TimedOut {
        /// The timeout.
        timeout: Duration,
    },
    /// The tenant has used up its rate. Nothing has happened.
    #[error("{message}")]
    #[non_exhaustive]
    RateLimited {
        /// The time after which the call is admitted, unless others come first.
        retry_after: Duration,
        /// The reason.
        message: String,
    },
    /// A limit of the sidecar is reached: on tenants, mirrors or memory. Nothing has happened.
    #[error("{message}")]
    #[non_exhaustive]
    LimitReached {
        /// The limit, and the option that raises it.
        message: String,
    },
    /// The request or the response is larger than a message may be, 4 MiB.
    #[error("a message is too large: {message}; use smaller values or smaller batches")]
    #[non_exhaustive]
    TooLarge {
        /// The sizes.
        message: String,
    },
    /// The sidecar has no class for this tenant.
    #[error("the tenant is not permitted: {message}")]
    #[non_exhaustive]
    NotPermitted {
        /// The reason.
        message: String,
    },
    /// The sidecar has no guest of this name.
    #[error("{message}")]
    #[non_exhaustive]
    NoGuest {
        /// The reason.
        message: String,
    },
    /// The guest has returned an error.
    #[error("the guest returned an error: {message}")]
    #[non_exhaustive]
    Guest {
        /// The error of the guest, in its own words.
        message: String,
    },
    /// The guest has failed: it has trapped, or has taken longer than the sidecar allows. What it
    /// has written stays.
    #[error("the guest has failed: {message}")]
    #[non_exhaustive]
    GuestFailed {
        /// The reason, and the number of the call in the log of the sidecar.
        message: String,
    },
    /// The request is invalid, for example because the name of the tenant is.
    #[error("{message}")]
    #[non_exhaustive]
    Invalid {
        /// The reason.
        message: String,
    },
    /// The mirror would hold more bytes than it may. It has dropped its copy and has ended.
    #[error(
        "the mirror would hold more than {max_bytes} bytes: raise MirrorOptions::max_bytes, or \
         mirror a smaller map"
    )]
    #[non_exhaustive]
    MirrorTooLarge {
        /// The limit.
        max_bytes: usize,
    },
    /// The mirror has ended, because its runtime has, or because the check of its entries has
    /// panicked.
    #[error("the mirror has ended with its Tokio runtime or by a panic: open another one")]
    MirrorEnded,
    /// There is no Tokio runtime.
    #[error("there is no Tokio runtime: connect inside of one")]
    NoRuntime,
    /// The sidecar cannot do this: its map or its version has no such operation.
    #[error("the sidecar does not support this: {message}")]
    #[non_exhaustive]
    Unsupported {
        /// The reason.
        message: String,
    },
    /// The sidecar has broken the protocol or has failed.
    #[error(
        "unexpected behaviour of the sidecar: {message}; check that it has the version of this \
         client"
    )]
    #[non_exhaustive]
    Unexpected {
        /// What has happened.
        message: String,
    },
}

impl Error {
    /// Returns `true` if the same call may succeed later without a change of configuration.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Unavailable { .. }
                | Self::TimedOut { .. }
                | Self::RateLimited { .. }
                | Self::LimitReached { .. }
        )
    }

    /// Returns `true` if the call may have been performed although it has failed: its response may
    /// have been lost.
    ///
    /// Before you repeat such a write, make it one that can be repeated: `set_if` with the version
    /// that you have read, instead of `increment`.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. }
                | Self::TimedOut { .. }
                | Self::TooLarge { .. }
                | Self::GuestFailed { .. }
                | Self::Unexpected { .. }
        )
    }

    /// Returns the error for a response that breaks the protocol.
    pub(crate) fn protocol(what: &str) -> Self {
        Self::Unexpected {
            message: format!("its response has {what}"),
        }
    }

    /// Returns the error of a stream that has ended without a status.
    pub(crate) fn stream_ended() -> Self {
        Self::Unavailable {
            message: "the sidecar has ended the stream".to_owned(),
        }
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let message = status.message().to_owned();
        // A status that the sidecar has sent has no source. Others were made here, of errors of the
        // connection.
        if status.source().is_some() {
            return Self::Unavailable { message };
        }
        match status.code() {
            Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded => {
                Self::Unavailable { message }
            }
            Code::ResourceExhausted => match retry_after(&status) {
                Some(retry_after) => Self::RateLimited {
                    retry_after,
                    message,
                },
                None => Self::LimitReached { message },
            },
            Code::OutOfRange => Self::TooLarge { message },
            Code::PermissionDenied => Self::NotPermitted { message },
            Code::NotFound => Self::NoGuest { message },
            Code::InvalidArgument => Self::Invalid { message },
            Code::Unimplemented => Self::Unsupported { message },
            code => Self::Unexpected {
                message: format!("{code:?}: {message}"),
            },
        }
    }
}

fn advice(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::PermissionDenied {
        "run as the user of the sidecar, or start it with --mode 0660 or --allow-uid"
    } else {
        "start `localmap sidecar --socket` with this path, and mount its folder into this container"
    }
}

fn retry_after(status: &Status) -> Option<Duration> {
    let millis = status.metadata().get(RETRY_AFTER)?.to_str().ok()?;
    millis.parse().ok().map(Duration::from_millis)
}

/// Returns `true` if the sidecar says of a call of a guest that the guest has failed.
pub(crate) fn guest_has_failed(status: &Status) -> bool {
    let failed = matches!(status.code(), Code::Internal | Code::DeadlineExceeded);
    failed && status.source().is_none()
}

/// Returns the error of the socket if the status says that no connection could be made, so that the
/// call was not sent.
pub(crate) fn connect_error(status: &Status) -> Option<io::Error> {
    let connect = chain(status.source()?).find_map(|error| error.downcast_ref::<ConnectError>())?;
    let socket = chain(&*connect.0).find_map(|error| error.downcast_ref::<io::Error>());
    Some(match socket.and_then(io::Error::raw_os_error) {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::other(connect.to_string()),
    })
}

/// Returns an error and its causes.
fn chain<'a>(
    first: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(first), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_says_when_to_come_back() {
        let mut status = Status::resource_exhausted("the tenant has used up its rate");
        status
            .metadata_mut()
            .insert(RETRY_AFTER, "1500".parse().unwrap());
        let Error::RateLimited { retry_after, .. } = Error::from(status) else {
            panic!("a rate");
        };
        assert_eq!(retry_after, Duration::from_millis(1500));
    }

    #[test]
    fn a_limit_says_no_time() {
        let mut status = Status::resource_exhausted("limit of 4 live tenants reached");
        assert!(matches!(status.clone().into(), Error::LimitReached { .. }));
        // Peers may write what they like.
        status
            .metadata_mut()
            .insert(RETRY_AFTER, "-1".parse().unwrap());
        assert!(matches!(status.into(), Error::LimitReached { .. }));
    }

    #[test]
    fn an_error_of_the_connection_is_no_answer() {
        let lost = Status::from_error("the connection was reset".into());
        let error = Error::from(lost);
        assert!(matches!(error, Error::Unavailable { .. }), "{error}");
        assert!(error.is_temporary() && error.may_have_happened());
    }

    #[test]
    fn a_connection_that_was_not_made_names_its_error() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let raw = io::Error::from_raw_os_error(111);
        for (error, kind) in [
            (raw, io::ErrorKind::ConnectionRefused),
            (refused, io::ErrorKind::Other),
        ] {
            let status = Status::from_error(ConnectError(error.into()).into());
            assert_eq!(connect_error(&status).unwrap().kind(), kind);
        }
        assert!(connect_error(&Status::unavailable("the sidecar is ending")).is_none());
    }

    #[test]
    fn codes_become_causes() {
        let error = |code| Error::from(Status::new(code, "why"));
        assert!(matches!(
            error(Code::Unavailable),
            Error::Unavailable { .. }
        ));
        assert!(matches!(error(Code::OutOfRange), Error::TooLarge { .. }));
        assert!(matches!(
            error(Code::PermissionDenied),
            Error::NotPermitted { .. }
        ));
        assert!(matches!(error(Code::NotFound), Error::NoGuest { .. }));
        assert!(matches!(
            error(Code::InvalidArgument),
            Error::Invalid { .. }
        ));
        assert!(matches!(
            error(Code::Unimplemented),
            Error::Unsupported { .. }
        ));
        assert!(error(Code::Internal).to_string().contains("Internal: why"));
    }
}
