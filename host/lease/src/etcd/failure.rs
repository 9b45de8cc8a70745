//! Why a request to etcd has failed, and what follows from that.

use etcd_client::Error;
use std::fmt;
use std::time::Duration;
use tonic::{Code, Status};

/// The maximum length of a text, about, in bytes.
const MAX_TEXT: usize = 400;

/// The reason why there can be no locks in etcd with these options.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct EtcdError {
    why: String,
}

impl EtcdError {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}

/// Why a request has failed.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    text: String,
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// etcd does not know the lease any more.
    NoLease,
    /// etcd has refused the request: nothing has changed.
    Refused,
    /// Anything else. The request may have been performed, or may be later.
    Unknown,
}

impl Failure {
    pub(super) fn new(kind: Kind, text: impl AsRef<str>) -> Self {
        let text = clean(text.as_ref());
        Self { kind, text }
    }

    /// Removes a secret, which a server may repeat.
    pub(super) fn without(self, secret: &str) -> Self {
        let text = match secret {
            secret if secret.len() > 3 => self.text.replace(secret, "***"),
            // It would be found in any text.
            _ => self.text,
        };
        Self { text, ..self }
    }

    pub(super) fn timeout(after: Duration) -> Self {
        Self::new(
            Kind::Unknown,
            format!("no answer within {} ms", after.as_millis()),
        )
    }

    pub(super) fn malformed() -> Self {
        Self::new(Kind::Unknown, "the response is not one of etcd")
    }

    /// Returns `true` if another endpoint may answer.
    pub(super) fn is_of_endpoint(&self) -> bool {
        self.kind == Kind::Unknown
    }

    /// Says which endpoint has failed.
    pub(super) fn at(self, endpoint: &str) -> Self {
        let text = format!("{endpoint}: {}", self.text);
        Self { text, ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match &error {
            Error::GRpcStatus(status) => {
                let mut text = with_sources(status, status.message());
                text.push_str(advice(status.message()));
                Self::new(kind(status.code(), status.message()), text)
            }
            Error::LeaseKeepAliveError(why) if why == "lease not found" => {
                Self::new(Kind::NoLease, why)
            }
            error => Self::new(Kind::Unknown, with_sources(error, &error.to_string())),
        }
    }
}

/// Returns what to do about a refusal.
fn advice(message: &str) -> &'static str {
    match message {
        message if message.contains("user name is empty") => {
            ": etcd asks for users, so give the locks one"
        }
        message if message.contains("permission denied") => {
            ": the user needs the right to read and write the folder of the locks"
        }
        _ => "",
    }
}

/// Returns what a server has said as one line of text without control characters, and cut if it is long: it goes
/// into logs.
fn clean(text: &str) -> String {
    let mut cleaned = String::new();
    for char in text.chars() {
        // Controls, and marks that change the direction of what follows.
        let plain = !char.is_control()
            && !matches!(char, '\u{200e}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        match plain {
            true => cleaned.push(char),
            false => cleaned.extend(char.escape_default()),
        }
        if cleaned.len() > MAX_TEXT {
            cleaned.push('…');
            break;
        }
    }
    cleaned
}

/// Decides what follows. Codes alone mislead, since broken connections have them too: only etcd's own words
/// are certain.
fn kind(code: Code, message: &str) -> Kind {
    if message.contains("requested lease not found") {
        return Kind::NoLease;
    }
    // Said also of requests that were performed: etcd compares the quota before, and looks at the result after.
    if message.contains("database space exceeded") {
        return Kind::Unknown;
    }
    let refused = matches!(
        code,
        Code::PermissionDenied
            | Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::NotFound
            | Code::ResourceExhausted
            | Code::Unauthenticated
    );
    match refused && message.starts_with("etcdserver:") {
        true => Kind::Refused,
        false => Kind::Unknown,
    }
}

/// Returns an error with those that it comes from, each of which is named once.
fn with_sources(error: &dyn std::error::Error, first: &str) -> String {
    let mut text = match first {
        "" => "the connection has failed".to_owned(),
        first => first.to_owned(),
    };
    let mut source = error.source();
    while let Some(error) = source {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        source = error.source();
    }
    text
}

/// Returns `true` if the cluster has no users, so that none can log in. As other clients do, this one goes
/// on without.
pub(super) fn is_without_users(error: &Error) -> bool {
    let message = "authentication is not enabled";
    matches!(error, Error::GRpcStatus(status) if status.message().contains(message))
}

/// Returns the failure of a watch that etcd has canceled.
pub(super) fn canceled(reason: &str) -> Failure {
    let status = Status::unknown(format!("etcd has canceled the watch: {reason}"));
    Error::GRpcStatus(status).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_one_line_without_secrets() {
        let said = "etcdserver: no\n2026-01-01 fine\x1b[2J hunter2";
        let failure: Failure = Error::GRpcStatus(Status::new(Code::Unknown, said)).into();
        let text = failure.without("hunter2").at("http://a:2379").to_string();
        let expected = "http://a:2379: etcdserver: no\\n2026-01-01 fine\\u{1b}[2J ***";
        assert_eq!(text, expected);
        let long = Failure::new(Kind::Unknown, "ä".repeat(1 << 20)).to_string();
        assert!(long.len() < 500 && long.ends_with('…'), "{}", long.len());
    }

    #[test]
    fn only_etcds_own_words_say_that_nothing_has_changed() {
        for (code, message, expected) in [
            (
                Code::NotFound,
                "etcdserver: requested lease not found",
                Kind::NoLease,
            ),
            (
                Code::PermissionDenied,
                "etcdserver: permission denied",
                Kind::Refused,
            ),
            (
                Code::ResourceExhausted,
                "etcdserver: mvcc: database space exceeded",
                Kind::Unknown,
            ),
            (Code::ResourceExhausted, "h2 protocol error", Kind::Unknown),
            (
                Code::Unavailable,
                "etcdserver: leader changed",
                Kind::Unknown,
            ),
            (Code::Cancelled, "Timeout expired", Kind::Unknown),
            (Code::Unknown, "", Kind::Unknown),
        ] {
            let failure: Failure = Error::GRpcStatus(Status::new(code, message)).into();
            assert_eq!(failure.kind, expected, "{message}");
            assert!(!failure.to_string().is_empty());
        }
    }
}
