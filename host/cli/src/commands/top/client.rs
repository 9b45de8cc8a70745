//! A client of HTTP for one answer at a time: HTTP/1.0, whose answers end with the connection.

use super::address::Address;
use serde::de::DeserializeOwned;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// The maximum time from the connection to the end of an answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum length of an answer, which has up to 1,000 tenants.
const MAX_LEN: usize = 16 << 20;

/// The error of an answer that did not come, or is none of an admin address.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    Timeout,
    #[error("the connection was cut off")]
    CutOff(#[source] io::Error),
    #[error("it does not speak HTTP")]
    NoHttp,
    #[error("it answers with more than {} MiB", MAX_LEN >> 20)]
    TooLong,
    #[error("it answers `{path}` with the status {status}{}", text(.said))]
    Status {
        path: &'static str,
        status: u16,
        said: String,
    },
    #[error("its answer to `{path}` is not that of an admin address")]
    Json {
        path: &'static str,
        source: serde_json::Error,
    },
}

/// Formats what the server says to an error, if it is not too much.
fn text(said: &str) -> String {
    match said {
        "" => String::new(),
        said => format!(": {said}"),
    }
}

/// A connection.
trait Stream: Read + Write {
    fn set_timeout(&self, timeout: Duration) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn set_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.set_write_timeout(Some(timeout))?;
        self.set_read_timeout(Some(timeout))
    }
}

#[cfg(unix)]
impl Stream for UnixStream {
    fn set_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.set_write_timeout(Some(timeout))?;
        self.set_read_timeout(Some(timeout))
    }
}

/// Requests `path` with a query, and reads the answer.
pub(super) fn get<T: DeserializeOwned>(
    address: &Address,
    path: &'static str,
    query: &str,
) -> Result<T, ClientError> {
    let deadline = Instant::now() + TIMEOUT;
    let answer = match address {
        Address::Tcp(address) => {
            let stream = TcpStream::connect_timeout(address, TIMEOUT);
            let mut stream = stream.map_err(ClientError::Connect)?;
            exchange(&mut stream, path, query, deadline)?
        }
        #[cfg(unix)]
        Address::Unix(socket) => {
            let mut stream = UnixStream::connect(socket).map_err(ClientError::Connect)?;
            exchange(&mut stream, path, query, deadline)?
        }
        #[cfg(not(unix))]
        Address::Unix(_) => return Err(ClientError::Connect(ErrorKind::Unsupported.into())),
    };
    let body = body(path, &answer)?;
    serde_json::from_slice(body).map_err(|source| ClientError::Json { path, source })
}

/// Sends a request, and reads until the connection ends.
fn exchange(
    stream: &mut impl Stream,
    path: &str,
    query: &str,
    deadline: Instant,
) -> Result<Vec<u8>, ClientError> {
    let failed = |error: io::Error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => ClientError::Timeout,
        _ => ClientError::CutOff(error),
    };
    let request = format!(
        "GET {path}{query} HTTP/1.0\r\nhost: localhost\r\naccept: application/json\r\n\r\n"
    );
    stream.set_timeout(TIMEOUT).map_err(failed)?;
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        // A timeout of zero is an error.
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ClientError::Timeout);
        }
        stream.set_timeout(left).map_err(failed)?;
        match stream.read(&mut chunk) {
            Ok(0) => return Ok(answer),
            Ok(len) if answer.len() + len > MAX_LEN => return Err(ClientError::TooLong),
            Ok(len) => answer.extend_from_slice(chunk.get(..len).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Some servers reset a connection that they have answered.
            Err(error) if error.kind() == ErrorKind::ConnectionReset && !answer.is_empty() => {
                return Ok(answer);
            }
            Err(error) => return Err(failed(error)),
        }
    }
}

/// Returns the body of an answer whose status is 200, and which is whole.
fn body<'a>(path: &'static str, answer: &'a [u8]) -> Result<&'a [u8], ClientError> {
    const END: &[u8] = b"\r\n\r\n";
    let end = answer.windows(END.len()).position(|bytes| bytes == END);
    let (head, body) = end
        .and_then(|end| Some((answer.get(..end)?, answer.get(end + END.len()..)?)))
        .ok_or(ClientError::NoHttp)?;
    let head = str::from_utf8(head).map_err(|_| ClientError::NoHttp)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(status).ok_or(ClientError::NoHttp)?;
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(ClientError::NoHttp)?;
        let name = name.to_ascii_lowercase();
        // HTTP/1.0 has no chunks.
        if name == "transfer-encoding" {
            return Err(ClientError::NoHttp);
        }
        let short = |len: usize| body.len() < len;
        if name == "content-length" && value.trim().parse().is_ok_and(short) {
            return Err(ClientError::CutOff(ErrorKind::UnexpectedEof.into()));
        }
    }
    match status {
        200 => Ok(body),
        _ => Err(ClientError::Status {
            path,
            status,
            said: said(body),
        }),
    }
}

/// Parses the status of a line such as `HTTP/1.1 200 OK`.
fn status(line: &str) -> Option<u16> {
    let mut words = line.split(' ');
    let version = words.next()?;
    let status = words.next()?.parse().ok()?;
    version.starts_with("HTTP/1.").then_some(status)
}

/// Returns the text of an error, if it is one short line of printable characters.
fn said(body: &[u8]) -> String {
    let text = str::from_utf8(body).unwrap_or_default().trim();
    let plain = |c: char| c == ' ' || c.is_ascii_graphic();
    match text.len() <= 200 && text.chars().all(plain) && !text.starts_with('<') {
        true => text.to_owned(),
        false => String::new(),
    }
}

/// Encodes a value of a query.
pub(super) fn encode(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_follows_its_head() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(body("/stats", answer).expect("a body"), b"{}");
    }

    #[test]
    fn other_answers_are_errors() {
        for (answer, error) in [
            ("", "it does not speak HTTP"),
            ("SSH-2.0-OpenSSH_9.2\r\n", "it does not speak HTTP"),
            ("HTTP/2 200\r\n\r\n", "it does not speak HTTP"),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
                "it does not speak HTTP",
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{}",
                "the connection was cut off",
            ),
            (
                "HTTP/1.1 404 Not Found\r\n\r\nno such page\n",
                "it answers `/stats` with the status 404: no such page",
            ),
            (
                "HTTP/1.1 404 Not Found\r\n\r\n<html>\x1b[31m",
                "it answers `/stats` with the status 404",
            ),
        ] {
            let said = body("/stats", answer.as_bytes()).expect_err(answer);
            assert_eq!(said.to_string(), error, "{answer}");
        }
    }

    #[test]
    fn a_query_has_no_special_characters() {
        assert_eq!(encode("a-b_9.~"), "a-b_9.~");
        assert_eq!(encode("ä&=# %\n"), "%C3%A4%26%3D%23%20%25%0A");
    }
}
