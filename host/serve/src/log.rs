//! The reports of a handler about its requests.

use crate::outgoing::HttpFailure;
use hyper::{Method, Request, StatusCode, Uri, Version};
use std::fmt::{self, Write};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

/// The maximum number of bytes shown of a value that the client has chosen.
const SHOWN: usize = 2_000;

/// Receives the reports of a [`Handler`](crate::Handler) and a [`Server`](crate::Server).
///
/// The methods are called from async tasks, so an implementation must not block.
pub trait LogSink: Send + Sync {
    /// Reports a request whose response and whose guest have both ended.
    fn request(&self, record: &RequestRecord);

    /// Reports that a request that a guest sent has failed for a reason that the guest does not
    /// see, such as a host that is not [allowed](crate::SandboxConfig::allow_http). `record` is the
    /// request that the guest answers, which has no result yet. Called at most 10 times for each
    /// guest. Default: does nothing.
    fn http_failed(&self, record: &RequestRecord, failure: &HttpFailure) {
        let _ = (record, failure);
    }

    /// Reports that the operating system cannot accept further connections. The server tries
    /// again. Called at most every 10 s. Default: does nothing.
    fn accept_failed(&self, error: &io::Error) {
        let _ = error;
    }
}

/// A request and its result.
///
/// Its `Display` writes a line of text, in which all values chosen by clients and guests are
/// escaped: `"` and `\` as `\"` and `\\`, bytes other than visible ASCII in the form `\x0a`, and
/// spaces outside quotes as `\x20`. Values longer than 2,000 bytes are truncated.
///
/// ```
/// use localmap_serve::RequestRecord;
/// use localmap_serve::hyper::StatusCode;
/// use std::time::{Duration, SystemTime};
///
/// let mut record = RequestRecord::new(SystemTime::UNIX_EPOCH, ([127, 0, 0, 1], 50_000).into());
/// record.status = Some(StatusCode::OK);
/// record.took = Some(Duration::from_micros(1_204));
/// record.id = Some(17);
/// record.map = Some("server".to_owned());
/// assert_eq!(
///     record.to_string(),
///     "1970-01-01T00:00:00.000Z 127.0.0.1:50000 \"-\" 200 1.204ms id=17 map=server",
/// );
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RequestRecord {
    /// The time at which its headers had been read.
    pub at: SystemTime,
    /// The address of the client.
    pub peer: SocketAddr,
    /// The first line of the request, or `None` if the client sent something other than a request
    /// of HTTP, or TLS could not begin.
    pub request: Option<RequestLine>,
    /// The status of the response, or `None` if no byte of it was sent. Without a
    /// [`Server`](crate::Server) it is unknown what was sent, so this is `None` only if the client
    /// disconnected before the response began.
    pub status: Option<StatusCode>,
    /// The time from the headers of the request to the end of the response.
    pub took: Option<Duration>,
    /// The number of the request, which its handler counts from 1, or `None` if the client sent
    /// something other than a request.
    pub id: Option<u64>,
    /// The escaped label of its map: the scope, a header and its value, or `none` if the guest
    /// imports no map. `None` if the request failed before a map was selected.
    pub map: Option<String>,
    /// The number of the first request that its instance has answered, if instances are
    /// [reused](crate::HandlerOptions::reuse) and the request got one.
    pub instance: Option<u64>,
    /// The reason for a failure, if there was one.
    pub cause: Option<String>,
    /// The backtrace of a guest that trapped, in several lines, if
    /// [`HandlerOptions::backtraces`](crate::HandlerOptions::backtraces) asks for it. `Display`
    /// does not write it. Its lines contain names that the guest's author has chosen.
    pub backtrace: Option<String>,
}

/// The first line of a request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RequestLine {
    /// The method.
    pub method: Method,
    /// The target. With HTTP/2, its path and its query alone.
    pub uri: Uri,
    /// The version of HTTP.
    pub version: Version,
}

impl RequestLine {
    /// Returns the first line that a request of HTTP/1 has, and the same for one of HTTP/2, whose
    /// target always has an authority.
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let uri = request.uri();
        let path = match (request.version(), uri.path_and_query()) {
            (Version::HTTP_2, Some(path)) => Uri::try_from(path.as_str()).ok(),
            _ => None,
        };
        Self {
            method: request.method().clone(),
            uri: path.unwrap_or_else(|| uri.clone()),
            version: request.version(),
        }
    }
}

impl RequestRecord {
    /// Creates the record of a request, with all other fields empty.
    pub fn new(at: SystemTime, peer: SocketAddr) -> Self {
        Self {
            at,
            peer,
            request: None,
            status: None,
            took: None,
            id: None,
            map: None,
            instance: None,
            cause: None,
            backtrace: None,
        }
    }
}

impl RequestRecord {
    /// Formats a line about a request that the guest of this request sent: the time and the
    /// request that it answers, as in the `Display` of this record, and then, as `sent` and
    /// `cause`, the request that failed and the cause that you give, escaped.
    ///
    /// ```
    /// use localmap_serve::{HttpFailure, LogSink, RequestRecord};
    ///
    /// struct Log;
    ///
    /// impl LogSink for Log {
    ///     fn request(&self, record: &RequestRecord) {
    ///         println!("{record}");
    ///     }
    ///
    ///     fn http_failed(&self, record: &RequestRecord, failure: &HttpFailure) {
    ///         println!("{}", record.sent_line(failure, &failure.reason.to_string()));
    ///     }
    /// }
    /// ```
    pub fn sent_line(&self, failure: &HttpFailure, cause: &str) -> String {
        let mut line = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_sent(&mut line, failure, cause);
        line
    }

    fn write_sent(&self, to: &mut String, failure: &HttpFailure, cause: &str) -> fmt::Result {
        self.write_beginning(to)?;
        self.write_id(to)?;
        to.push_str(" sent=\"");
        escape(to, failure.request().as_bytes())?;
        to.push_str("\" cause=\"");
        escape(to, cause.as_bytes())?;
        to.push('"');
        Ok(())
    }

    fn write_id(&self, f: &mut impl Write) -> fmt::Result {
        match self.id {
            Some(id) => write!(f, " id={id}"),
            None => f.write_str(" id=-"),
        }
    }

    fn write_beginning(&self, f: &mut impl Write) -> fmt::Result {
        let at = humantime::format_rfc3339_millis(self.at);
        write!(f, "{at} {} \"", self.peer)?;
        match &self.request {
            Some(RequestLine {
                method,
                uri,
                version,
            }) => {
                escape(f, method.as_str().as_bytes())?;
                f.write_char(' ')?;
                escape(f, uri.to_string().as_bytes())?;
                write!(f, " {version:?}\"")
            }
            None => f.write_str("-\""),
        }
    }
}

impl fmt::Display for RequestRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_beginning(f)?;
        match self.status {
            Some(status) => write!(f, " {}", status.as_u16())?,
            None => f.write_str(" -")?,
        }
        match self.took {
            Some(took) => write!(f, " {:.3}ms", took.as_secs_f64() * 1e3)?,
            None => f.write_str(" -")?,
        }
        self.write_id(f)?;
        write!(f, " map={}", self.map.as_deref().unwrap_or("-"))?;
        if let Some(instance) = self.instance {
            write!(f, " instance={instance}")?;
        }
        if let Some(cause) = &self.cause {
            f.write_str(" cause=\"")?;
            escape(f, cause.as_bytes())?;
            f.write_char('"')?;
        }
        Ok(())
    }
}

/// Writes untrusted bytes so that they cannot end the quotes around them: visible ASCII and spaces
/// are written unchanged, except `"` and `\`, and all other bytes are escaped. Truncates long
/// values.
fn escape(to: &mut impl Write, bytes: &[u8]) -> fmt::Result {
    for byte in bytes.iter().take(SHOWN) {
        match byte {
            b'"' | b'\\' => {
                to.write_char('\\')?;
                to.write_char(char::from(*byte))?;
            }
            b' '..=b'~' => to.write_char(char::from(*byte))?,
            _ => write!(to, "\\x{byte:02x}")?,
        }
    }
    if bytes.len() > SHOWN {
        to.write_str("...")?;
    }
    Ok(())
}

/// Writes bytes like [`escape`], but escapes spaces as well. For values without quotes, so that a
/// client cannot add a field.
pub(crate) fn escape_word(to: &mut String, bytes: &[u8]) {
    let begin = to.len();
    // Writing to a string cannot fail.
    let _ = escape(to, bytes);
    let word = to.split_off(begin).replace(' ', "\\x20");
    to.push_str(&word);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_others_cannot_pass_for_a_line_or_a_field() {
        let mut line = String::new();
        escape(&mut line, b"a b\"\r\n\x1b[2J\\\xff\x7f").expect("a string takes all");
        assert_eq!(line, "a b\\\"\\x0d\\x0a\\x1b[2J\\\\\\xff\\x7f");
        let mut line = String::new();
        escape(&mut line, &[b'a'; 3_000]).expect("a string takes all");
        assert_eq!(line.len(), 2_003);
    }

    #[test]
    fn a_value_without_quotes_cannot_add_a_field() {
        let mut map = String::from("x-tenant:");
        escape_word(&mut map, b"bob cause=\"the guest trapped\"");
        assert_eq!(map, r#"x-tenant:bob\x20cause=\"the\x20guest\x20trapped\""#);
    }

    #[test]
    fn a_connection_that_sends_no_request_has_a_line_too() {
        let mut record = RequestRecord::new(SystemTime::UNIX_EPOCH, ([127, 0, 0, 1], 9).into());
        record.cause = Some("invalid HTTP version parsed".to_owned());
        assert_eq!(
            record.to_string(),
            "1970-01-01T00:00:00.000Z 127.0.0.1:9 \"-\" - - id=- map=- \
             cause=\"invalid HTTP version parsed\"",
        );
    }
}
