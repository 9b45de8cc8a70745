//! The line of a request: written when its response and its guest have both ended.

use super::log::Log;
use hyper::{Method, Request, StatusCode};
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// What is told of a value that the client has chosen, in bytes.
const TOLD: usize = 2_000;

/// A request, and what becomes of it. The last who drops it writes the line.
pub(super) struct Record {
    /// None: nobody wants the line.
    log: Option<Log>,
    at: SystemTime,
    began: Instant,
    /// Who asks for what.
    request: String,
    /// Whether the response has headers only.
    head: bool,
    rest: Mutex<Rest>,
}

#[derive(Default)]
struct Rest {
    status: Option<StatusCode>,
    map: String,
    /// None: the response has not ended.
    took: Option<Duration>,
    cause: Option<String>,
    /// Whether the response, if it has begun, must not look complete.
    cut: bool,
}

impl Record {
    pub(super) fn new<B>(log: Option<&Log>, peer: SocketAddr, request: &Request<B>) -> Self {
        let mut line = format!("{peer} \"");
        if log.is_some() {
            escape(&mut line, request.method().as_str().as_bytes());
            line.push(' ');
            escape(&mut line, request.uri().to_string().as_bytes());
            let _ = write!(line, " {:?}\"", request.version());
        }
        Self {
            log: log.cloned(),
            at: SystemTime::now(),
            began: Instant::now(),
            request: line,
            head: *request.method() == Method::HEAD,
            rest: Mutex::default(),
        }
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_head(&self) -> bool {
        self.head
    }

    /// Which map it has: a lifetime, or the name and the value of a header.
    pub(super) fn map(&self, lifetime: &str, value: Option<&[u8]>) {
        if self.log.is_none() {
            return;
        }
        let mut map = lifetime.to_owned();
        if let Some(value) = value {
            map.push(':');
            escape(&mut map, value);
        }
        self.rest().map = map;
    }

    /// The response begins.
    pub(super) fn status(&self, status: StatusCode) {
        self.rest().status = Some(status);
    }

    /// The response has ended, `early` or with its last byte.
    pub(super) fn ended(&self, early: bool) {
        let mut rest = self.rest();
        rest.took.get_or_insert_with(|| self.began.elapsed());
        if early {
            rest.cause
                .get_or_insert_with(|| "the client left before the end of the response".to_owned());
        }
    }

    /// What is told beside the status.
    pub(super) fn cause(&self, cause: &str) {
        self.rest().cause = Some(cause.to_owned());
    }

    /// The guest has failed. If its response has begun, it is cut.
    pub(super) fn fail(&self, cause: &str) {
        let mut rest = self.rest();
        rest.cause = Some(match rest.cause.take() {
            Some(first) => format!("{first}; {cause}"),
            None => cause.to_owned(),
        });
        rest.cut = true;
    }

    pub(super) fn is_cut(&self) -> bool {
        self.rest().cut
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let Some(log) = self.log.take() else { return };
        let rest = std::mem::take(self.rest.get_mut().unwrap_or_else(PoisonError::into_inner));
        let at = humantime::format_rfc3339_millis(self.at);
        let mut line = format!("{at} {}", self.request);
        let _ = match rest.status {
            Some(status) => write!(line, " {}", status.as_u16()),
            None => write!(line, " -"),
        };
        let took = rest.took.unwrap_or_else(|| self.began.elapsed());
        let _ = write!(line, " {:.3}ms", took.as_secs_f64() * 1e3);
        let map = match rest.map.as_str() {
            "" => "-",
            map => map,
        };
        let _ = write!(line, " map={map}");
        let left = rest
            .status
            .is_none()
            .then_some("the client left before the response");
        if let Some(cause) = rest.cause.as_deref().or(left) {
            line.push_str(" cause=\"");
            escape(&mut line, cause.as_bytes());
            line.push('"');
        }
        log.line(line);
    }
}

/// Appends what others have chosen so that it cannot pass for anything else: visible ASCII
/// as it is, but for `"` and `\`, and all other bytes escaped. What is long is shortened.
pub(super) fn escape(to: &mut String, bytes: &[u8]) {
    for byte in bytes.iter().take(TOLD) {
        match byte {
            b'"' | b'\\' => {
                to.push('\\');
                to.push(char::from(*byte));
            }
            b' '..=b'~' => to.push(char::from(*byte)),
            _ => {
                let _ = write!(to, "\\x{byte:02x}");
            }
        }
    }
    if bytes.len() > TOLD {
        to.push_str("...");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_choose_cannot_pass_for_a_line_or_a_field() {
        let mut line = String::new();
        escape(&mut line, b"a b\"\r\n\x1b[2J\\\xff\x7f");
        assert_eq!(line, "a b\\\"\\x0d\\x0a\\x1b[2J\\\\\\xff\\x7f");
        let mut line = String::new();
        escape(&mut line, &[b'a'; 3_000]);
        assert_eq!(line.len(), 2_003);
    }
}
