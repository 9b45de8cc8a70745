//! Reports of requests that failed for a reason that the guest does not see.

use super::allowed_host::AllowedHost;
use hyper::Method;
use hyper::http::uri::Scheme;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The maximum number of reports to one destination.
const MAX_REPORTS: u32 = 10;

/// A request of a guest that failed for a reason that the guest does not see. It was not sent.
///
/// Its `Display` writes the [request](Self::request) and the reason.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpFailure {
    /// The method of the request.
    pub method: Method,
    /// The scheme of the request, `http` or `https`.
    pub scheme: Scheme,
    /// The host and, unless it is the default of the scheme, the port.
    pub authority: String,
    /// The reason.
    pub reason: HttpFailureReason,
}

/// The reason why a request of a guest failed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum HttpFailureReason {
    /// Its host is not allowed.
    #[non_exhaustive]
    HostNotAllowed {
        /// The host that would allow it.
        allow: AllowedHost,
    },
    /// Its host is allowed, but leads only to addresses that are not. The guest sees
    /// `destination-IP-prohibited`.
    #[non_exhaustive]
    AddressNotAllowed {
        /// The first of the addresses.
        address: IpAddr,
        /// The host that would allow this address, in addition to those that are allowed.
        allow: AllowedHost,
    },
    /// There is no connection over TLS: the certificate of its host is not trusted, or there are
    /// no root certificates.
    #[non_exhaustive]
    Tls {
        /// The cause.
        cause: String,
    },
}

impl HttpFailureReason {
    /// Returns the host that would allow the request, in addition to those that are allowed.
    pub fn allow(&self) -> Option<&AllowedHost> {
        match self {
            Self::HostNotAllowed { allow } | Self::AddressNotAllowed { allow, .. } => Some(allow),
            Self::Tls { .. } => None,
        }
    }
}

impl fmt::Display for HttpFailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostNotAllowed { .. } => f.write_str("the host is not allowed"),
            Self::AddressNotAllowed { address, .. } => {
                write!(f, "the host leads to {address}, which is not allowed")
            }
            Self::Tls { cause } => f.write_str(cause),
        }
    }
}

impl HttpFailure {
    /// Returns the request in one line: its method, its scheme and its host.
    pub fn request(&self) -> String {
        format!("{} {}://{}", self.method, self.scheme, self.authority)
    }
}

impl fmt::Display for HttpFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.request(), self.reason)
    }
}

/// A function that receives reports.
pub(crate) type HttpReporter = Arc<dyn Fn(&HttpFailure) + Send + Sync>;

/// The reports to one destination.
pub(super) struct Reports {
    reporter: Option<HttpReporter>,
    left: AtomicU32,
}

impl Reports {
    pub(super) fn new(reporter: Option<HttpReporter>) -> Self {
        Self {
            reporter,
            left: AtomicU32::new(MAX_REPORTS),
        }
    }

    /// Reports a failure, unless there have been too many.
    pub(super) fn report(&self, failure: &HttpFailure) {
        let Some(reporter) = &self.reporter else {
            return;
        };
        let one_less = |left: u32| left.checked_sub(1);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        if self.left.fetch_update(set, fetch, one_less).is_ok() {
            reporter(failure);
        }
    }
}
