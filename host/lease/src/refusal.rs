//! Refusals of requests, as responses of HTTP and as statuses of gRPC.

use crate::acquire_error::AcquireError;
use crate::key::push_value;
use crate::rules::Fault;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use std::fmt;
use std::time::Duration;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// When a client of gRPC that retries may do so.
const GRPC_PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");
/// When a client may try again.
const SOON: Duration = Duration::from_secs(1);

/// The refusal of a request.
///
/// | kind | HTTP | gRPC | may the client send it again? |
/// |---|---|---|---|
/// | [`Unnamed`](RefusalKind::Unnamed) | 403 | `PERMISSION_DENIED` | no |
/// | [`Malformed`](RefusalKind::Malformed) | 400 | `INVALID_ARGUMENT` | no |
/// | [`Locked`](RefusalKind::Locked) | 423 | `UNAVAILABLE` | yes, nothing has happened |
/// | [`TooManyWaiters`](RefusalKind::TooManyWaiters) | 503 | `UNAVAILABLE` | yes, nothing has happened |
/// | [`NoLease`](RefusalKind::NoLease) | 503 | `UNAVAILABLE` | yes, nothing has happened |
/// | [`Lost`](RefusalKind::Lost) | 503 | `ABORTED` | only if it may happen twice |
///
/// Those that may be sent again have `retry-after`, and in gRPC `grpc-retry-pushback-ms`, of a second. To a
/// call of gRPC the response is one of headers alone, with status 200.
///
/// `Display` says what happened, for a log. The client gets [`text`](Self::text), without details.
#[derive(Debug, Clone)]
pub struct Refusal {
    kind: RefusalKind,
    /// The details, for the log.
    details: String,
    /// The content type of the request, if it is a call of gRPC.
    grpc: Option<HeaderValue>,
}

/// The kind of a [`Refusal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalKind {
    /// No rule names the request.
    Unnamed,
    /// The path is malformed, or what names the key is missing.
    Malformed,
    /// Others hold the lock for longer than the request may wait.
    Locked,
    /// Too many requests wait already.
    TooManyWaiters,
    /// There is no lease, so there are no locks.
    NoLease,
    /// The lease has ended while the request was handled, so its handler was stopped. It may have done a
    /// part of its work.
    Lost,
}

impl Refusal {
    pub(crate) fn of_rules(fault: &Fault, grpc: Option<&HeaderValue>) -> Self {
        let kind = match fault {
            Fault::Unnamed => RefusalKind::Unnamed,
            Fault::Path(_) | Fault::Key(_) => RefusalKind::Malformed,
        };
        Self {
            kind,
            details: fault.to_string(),
            grpc: grpc.cloned(),
        }
    }

    pub(crate) fn of_lock(error: &AcquireError, key: &str, grpc: Option<HeaderValue>) -> Self {
        let kind = match error {
            AcquireError::InvalidKey => RefusalKind::Malformed,
            AcquireError::Held => RefusalKind::Locked,
            AcquireError::TooManyWaiters => RefusalKind::TooManyWaiters,
            AcquireError::NoLease { .. } | AcquireError::Unavailable { .. } => RefusalKind::NoLease,
        };
        Self {
            kind,
            details: format!("{error} (`{key}`)"),
            grpc,
        }
    }

    /// Creates the refusal of a request whose lock was lost while it was handled. `headers` are those of
    /// the request.
    ///
    /// ```
    /// use localmap_lease::{Refusal, RefusalKind};
    /// use http::{HeaderMap, StatusCode};
    ///
    /// let refusal = Refusal::lost(&HeaderMap::new());
    /// assert_eq!(refusal.kind(), RefusalKind::Lost);
    /// assert_eq!(refusal.response().status(), StatusCode::SERVICE_UNAVAILABLE);
    /// ```
    #[must_use]
    pub fn lost(headers: &HeaderMap) -> Self {
        Self::of_loss(crate::rules::grpc_type(headers).cloned())
    }

    pub(crate) fn of_loss(grpc: Option<HeaderValue>) -> Self {
        Self {
            kind: RefusalKind::Lost,
            details: "the lease in etcd has ended".to_owned(),
            grpc,
        }
    }

    /// Returns the kind. See [`lost`](Self::lost) for an example.
    #[must_use]
    pub fn kind(&self) -> RefusalKind {
        self.kind
    }

    /// Returns the status of HTTP.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.kind {
            RefusalKind::Unnamed => StatusCode::FORBIDDEN,
            RefusalKind::Malformed => StatusCode::BAD_REQUEST,
            RefusalKind::Locked => StatusCode::LOCKED,
            RefusalKind::TooManyWaiters | RefusalKind::NoLease | RefusalKind::Lost => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// Returns the code of gRPC.
    #[must_use]
    pub fn grpc_code(&self) -> u8 {
        match self.kind {
            RefusalKind::Unnamed => 7,
            RefusalKind::Malformed => 3,
            RefusalKind::Lost => 10,
            RefusalKind::Locked | RefusalKind::TooManyWaiters | RefusalKind::NoLease => 14,
        }
    }

    /// Returns when the client may try again, if it may.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let never = matches!(self.kind, RefusalKind::Unnamed | RefusalKind::Malformed);
        (!never).then_some(SOON)
    }

    /// Returns the text for the client.
    #[must_use]
    pub fn text(&self) -> &str {
        match self.kind {
            RefusalKind::Unnamed => "the request is not allowed",
            // It says what is wrong with the request, which the client has sent.
            RefusalKind::Malformed => &self.details,
            RefusalKind::Locked => "the resource is locked",
            RefusalKind::TooManyWaiters => "too many requests wait for the resource",
            RefusalKind::NoLease => "the resource cannot be locked now",
            RefusalKind::Lost => "the lock of the resource was lost",
        }
    }

    /// Returns the response: of headers alone to a call of gRPC, otherwise with a line of text. See
    /// [`lost`](Self::lost) for an example.
    #[must_use]
    pub fn response(&self) -> Response<Bytes> {
        let Some(kind) = &self.grpc else {
            let mut response = Response::new(Bytes::from(format!("{}\n", self.text())));
            *response.status_mut() = self.status();
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            if let Some(after) = self.retry_after() {
                headers.insert(RETRY_AFTER, after.as_secs().into());
            }
            return response;
        };
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        *headers = self.trailers();
        headers.insert(CONTENT_TYPE, kind.clone());
        response
    }

    /// Returns `true` if the request is a call of gRPC.
    #[must_use]
    pub fn is_grpc(&self) -> bool {
        self.grpc.is_some()
    }

    /// Returns the trailers with which a call of gRPC ends.
    pub(crate) fn trailers(&self) -> HeaderMap {
        let mut trailers = HeaderMap::new();
        trailers.insert(GRPC_STATUS, u64::from(self.grpc_code()).into());
        // Percent-encoded, as gRPC requires.
        let mut message = String::new();
        for word in self.text().split(' ') {
            if !message.is_empty() {
                message.push(' ');
            }
            push_value(&mut message, word.as_bytes());
        }
        if let Ok(message) = HeaderValue::try_from(message) {
            trailers.insert(GRPC_MESSAGE, message);
        }
        if let Some(after) = self.retry_after() {
            let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
            trailers.insert(GRPC_PUSHBACK, millis.into());
        }
        trailers
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the guard: {}", self.details)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "maps/a";

    fn refusals(grpc: Option<HeaderValue>) -> Vec<Refusal> {
        let why = || "connection refused".to_owned();
        vec![
            Refusal::of_rules(&Fault::Unnamed, grpc.as_ref()),
            Refusal::of_lock(&AcquireError::InvalidKey, KEY, grpc.clone()),
            Refusal::of_lock(&AcquireError::Held, KEY, grpc.clone()),
            Refusal::of_lock(&AcquireError::TooManyWaiters, KEY, grpc.clone()),
            Refusal::of_lock(&AcquireError::NoLease { why: why() }, KEY, grpc.clone()),
            Refusal::of_lock(&AcquireError::Unavailable { why: why() }, KEY, grpc.clone()),
            Refusal::of_loss(grpc),
        ]
    }

    #[test]
    fn a_refusal_of_http_has_a_status_and_says_when_to_come_again() {
        let found: Vec<_> = refusals(None)
            .iter()
            .map(|refusal| {
                let response = refusal.response();
                assert_eq!(response.headers()[CONTENT_TYPE], "text/plain");
                assert!(response.body().ends_with(b"\n"));
                let after = response.headers().get(RETRY_AFTER);
                let after = after.map(|after| after.to_str().expect("text").to_owned());
                (response.status().as_u16(), after)
            })
            .collect();
        let soon = Some("1".to_owned());
        let expected = [403, 400, 423, 503, 503, 503, 503]
            .map(|status| (status, soon.clone().filter(|_| status > 403)));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_refusal_of_grpc_has_headers_alone() {
        let kind = HeaderValue::from_static("application/grpc+proto");
        let found: Vec<_> = refusals(Some(kind.clone()))
            .iter()
            .map(|refusal| {
                let response = refusal.response();
                assert_eq!(response.status(), StatusCode::OK);
                assert_eq!(response.headers()[CONTENT_TYPE], kind);
                assert!(response.body().is_empty());
                assert!(!response.headers()[GRPC_MESSAGE].is_empty());
                assert!(!response.headers().contains_key(RETRY_AFTER));
                let status = response.headers()[GRPC_STATUS]
                    .to_str()
                    .expect("text")
                    .to_owned();
                (status, response.headers().contains_key(GRPC_PUSHBACK))
            })
            .collect();
        let expected = [
            ("7", false),
            ("3", false),
            ("14", true),
            ("14", true),
            ("14", true),
            ("14", true),
            ("10", true),
        ]
        .map(|(status, again)| (status.to_owned(), again));
        assert_eq!(found, expected);
    }

    #[test]
    fn details_are_for_the_log_and_not_for_clients() {
        for refusal in refusals(None) {
            assert!(!refusal.text().contains(KEY) || refusal.kind() == RefusalKind::Malformed);
            assert!(!refusal.text().contains("refused"), "{}", refusal.text());
            assert!(refusal.to_string().starts_with("the guard: "));
        }
        let log = refusals(None)[4].to_string();
        assert!(
            log.contains("connection refused") && log.contains(KEY),
            "{log}"
        );
    }
}
