//! Why a request to etcd has failed, in words, and what follows from that.

use etcd_client::Error;
use std::error::Error as _;
use std::fmt;
use std::time::Duration;
use tonic::{Code, Status};

/// The most bytes of the text of a failure. A server may send any number of them.
const MAX_TEXT: usize = 400;

/// Why a request has failed.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    text: String,
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The revision that was asked for is compacted.
    Compacted,
    /// The response is larger than the client accepts.
    TooLarge,
    /// There was no response in time.
    Timeout,
    /// etcd has refused the request: nothing has changed.
    Refused,
    /// The endpoint belongs to another cluster.
    OtherCluster,
    /// The cluster has another history than the copy: it was restored or emptied.
    OtherHistory,
    /// Anything else. The request may have been performed.
    Other,
}

impl Failure {
    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> Self {
        let text = clean(&text.into(), MAX_TEXT);
        Self { kind, text }
    }

    /// Returns the failure of a request that has taken too long.
    pub(crate) fn timeout(what: &str, after: Duration) -> Self {
        let text = format!("no answer to {what} within {} ms", after.as_millis());
        Self::new(Kind::Timeout, text)
    }

    /// Adds what to do about a connection that cannot be made.
    pub(crate) fn with_advice(self, endpoint: &str) -> Self {
        let has = |parts: &[&str]| parts.iter().any(|part| self.text.contains(part));
        let is_tls = endpoint.starts_with("https:");
        let advice = if is_tls && has(&["handshake eof", "InvalidContentType"]) {
            "does the server use TLS? If not, the URL begins with http: or etcd:"
        } else if is_tls && has(&["UnknownIssuer"]) {
            "set the certificate of the authority that has signed that of the server"
        } else if is_tls && has(&["NotValidForName"]) {
            "set the name that is in the certificate of the server"
        } else if is_tls && has(&["CertificateRequired", "BadCertificate"]) {
            "set the certificate and the key of the client"
        } else if !is_tls && has(&["broken pipe", "connection reset", "stream closed"]) {
            "does the server use TLS? If so, the URL begins with https: or etcds:"
        } else {
            return self;
        };
        Self::new(self.kind, format!("{}; {advice}", self.text))
    }

    /// Hides a password, which a server may have repeated.
    pub(crate) fn without(self, secret: Option<&str>) -> Self {
        match secret {
            // A shorter one is a part of many words.
            Some(secret) if secret.len() >= 4 && self.text.contains(secret) => Self {
                text: self.text.replace(secret, "***"),
                ..self
            },
            _ => self,
        }
    }

    /// Says which endpoint has failed.
    pub(crate) fn at(self, endpoint: &str) -> Self {
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
        match error {
            Error::GRpcStatus(status) => (&status).into(),
            error => Self::new(Kind::Other, with_sources(&error)),
        }
    }
}

impl From<&Status> for Failure {
    fn from(status: &Status) -> Self {
        let message = status.message();
        Self::new(kind(status.code(), message), text(status, message))
    }
}

impl Failure {
    /// Returns the failure of a watch that etcd has canceled for this reason.
    pub(crate) fn canceled(reason: &str) -> Self {
        let text = match hint(reason) {
            Some(hint) => format!("{hint} ({reason})"),
            None if reason.is_empty() => "etcd has canceled the watch".into(),
            None => format!("etcd has canceled the watch: {reason}"),
        };
        Self::new(Kind::Other, text)
    }
}

/// Returns a text of a server in at most `max` bytes and on one line, without characters that a terminal or a
/// log takes for more than a text.
pub(crate) fn clean(text: &str, max: usize) -> String {
    let mut cleaned = String::new();
    for char in text.chars() {
        let before = cleaned.len();
        // Controls, and marks that change the direction of what follows.
        let is_plain = !char.is_control()
            && !matches!(char, '\u{200e}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        match is_plain {
            true => cleaned.push(char),
            false => cleaned.extend(char.escape_default()),
        }
        if cleaned.len() > max {
            cleaned.truncate(before);
            cleaned.push('…');
            break;
        }
    }
    cleaned
}

/// Decides what follows. Codes alone mislead: a compacted revision and a message that is too large have the
/// same, and a server that was killed is `Unknown`.
fn kind(code: Code, message: &str) -> Kind {
    if message.contains("required revision has been compacted") {
        return Kind::Compacted;
    }
    if message.contains("message length too large") || message.contains("larger than max") {
        return Kind::TooLarge;
    }
    // Said also of requests that were performed: etcd compares the quota before, and looks at the result after.
    if message.contains("database space exceeded") {
        return Kind::Other;
    }
    // Only etcd's own words are certain: the codes below come from broken connections too.
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
        false => Kind::Other,
    }
}

/// Says what has happened.
fn text(status: &Status, message: &str) -> String {
    if let Some(hint) = hint(message) {
        return format!("{hint} ({message})");
    }
    match (status.source(), message) {
        // The innermost one says what the operating system or the peer has said.
        (source, message) if !message.is_empty() => and_sources(message.to_owned(), source),
        (Some(source), _) => with_sources(source),
        (None, _) => status.code().description().to_owned(),
    }
}

/// Returns what an error of the rights of a user means.
fn hint(message: &str) -> Option<&'static str> {
    let hints = [
        (
            "permission denied",
            "the user has no permission for these keys",
        ),
        (
            "authentication failed",
            "etcd does not know the user, or the password is wrong",
        ),
        ("user name is empty", "etcd wants a user and a password"),
        ("user name not found", "etcd does not know the user"),
        ("invalid auth token", "the login has expired"),
    ];
    let found = hints.iter().find(|(part, _)| message.contains(part));
    found
        .filter(|_| message.contains("etcdserver:"))
        .map(|(_, hint)| *hint)
}

/// Returns an error with those that it comes from, each of which is named once.
pub(crate) fn with_sources(error: &(dyn std::error::Error + 'static)) -> String {
    and_sources(error.to_string(), error.source())
}

/// Adds errors to a text, each of which is named once.
fn and_sources(mut text: String, mut source: Option<&(dyn std::error::Error + 'static)>) -> String {
    while let Some(error) = source {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: Code, message: &str) -> Failure {
        Error::GRpcStatus(Status::new(code, message)).into()
    }

    #[test]
    fn only_etcds_own_words_are_a_refusal() {
        let refused = [
            (Code::PermissionDenied, "etcdserver: permission denied"),
            (Code::InvalidArgument, "etcdserver: key is not provided"),
            (Code::ResourceExhausted, "etcdserver: too many requests"),
        ];
        for (code, message) in refused {
            assert_eq!(of(code, message).kind, Kind::Refused, "{message}");
        }
        let unknown = [
            (Code::Cancelled, "Timeout expired"),
            (
                Code::ResourceExhausted,
                "etcdserver: mvcc: database space exceeded",
            ),
            (
                Code::Unknown,
                "h2 protocol error: error reading a body from connection",
            ),
            (Code::Unavailable, "etcdserver: leader changed"),
            (Code::Unavailable, "etcdserver: request timed out"),
            (Code::ResourceExhausted, "h2 protocol error: too_many_pings"),
            (Code::PermissionDenied, "a proxy says no"),
        ];
        for (code, message) in unknown {
            assert_eq!(of(code, message).kind, Kind::Other, "{message}");
        }
    }

    #[test]
    fn errors_with_one_code_are_told_apart() {
        let compacted = "etcdserver: mvcc: required revision has been compacted";
        assert_eq!(of(Code::OutOfRange, compacted).kind, Kind::Compacted);
        let large = "Error, decoded message length too large: found 40001269 bytes, the limit is: 4194304 bytes";
        assert_eq!(of(Code::OutOfRange, large).kind, Kind::TooLarge);
    }

    #[test]
    fn passwords_are_not_repeated() {
        let failure =
            |secret| Failure::new(Kind::Refused, "user a, password s3cret").without(secret);
        assert_eq!(failure(Some("s3cret")).to_string(), "user a, password ***");
        assert_eq!(failure(Some("a")).to_string(), "user a, password s3cret");
        assert_eq!(failure(None).to_string(), "user a, password s3cret");
    }

    #[test]
    fn connections_that_cannot_be_made_have_advice() {
        let advice = |endpoint, text: &str| {
            let failure = Failure::new(Kind::Other, text).with_advice(endpoint);
            failure.to_string().split("; ").nth(1).map(str::to_owned)
        };
        let has = |endpoint, text, part| {
            advice(endpoint, text).is_some_and(|advice| advice.contains(part))
        };
        assert!(has(
            "https://a",
            "tls handshake eof: transport error",
            "http:"
        ));
        assert!(has(
            "https://a",
            "invalid peer certificate: UnknownIssuer",
            "authority"
        ));
        assert!(has(
            "http://a",
            "stream closed because of a broken pipe",
            "https:"
        ));
        assert_eq!(
            advice("http://a", "Connection refused (os error 111)"),
            None
        );
        assert_eq!(advice("https://a", "broken pipe"), None);
    }

    #[test]
    fn texts_of_a_server_are_short_and_on_one_line() {
        let hostile = format!(
            "a\n2026 fresh\u{1b}[2J\u{7}\u{202e}\0{}",
            "x".repeat(1 << 20)
        );
        let texts = [
            of(Code::Unknown, &hostile).to_string(),
            Failure::canceled(&hostile).to_string(),
            Failure::from(Error::WatchError(hostile.clone())).to_string(),
        ];
        for text in texts {
            assert!(text.len() <= MAX_TEXT + '…'.len_utf8(), "{}", text.len());
            assert!(
                text.contains("a\\n2026 fresh\\u{1b}[2J\\u{7}\\u{202e}"),
                "{text}"
            );
            assert!(!text.chars().any(char::is_control), "{text}");
        }
        assert_eq!(clean("äöü", 4), "äö…");
        assert_eq!(clean("äöü", 6), "äöü");
    }

    #[test]
    fn texts_say_what_is_wrong() {
        let denied = of(Code::PermissionDenied, "etcdserver: permission denied");
        assert_eq!(
            denied.at("http://a:2379").to_string(),
            "http://a:2379: the user has no permission for these keys (etcdserver: permission denied)"
        );
        let reason = "rpc error: code = PermissionDenied desc = etcdserver: permission denied";
        assert!(
            Failure::canceled(reason)
                .to_string()
                .starts_with("the user has no permission")
        );
        assert_eq!(
            Failure::canceled("").to_string(),
            "etcd has canceled the watch"
        );
        assert_eq!(
            of(Code::Unknown, "").to_string(),
            Code::Unknown.description()
        );
    }
}
