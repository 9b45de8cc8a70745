//! Reads responses of HTTP/1.1, as far as the servers of the benchmark send them.

use anyhow::{Context, Result, bail, ensure};
use std::str;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The size of a read in bytes.
const READ: usize = 4 << 10;
/// The maximum size of a response in bytes.
const MAX: usize = 1 << 20;

/// A response, whose memory is used for the next one.
#[derive(Default)]
pub(super) struct Response {
    /// What has been read.
    bytes: Vec<u8>,
    status: u16,
    body: Vec<u8>,
}

/// The head of a response.
struct Head {
    status: u16,
    /// Its length in bytes.
    len: usize,
    /// The length of the body, or `None` if it is chunked.
    body: Option<usize>,
}

impl Response {
    /// Reads the next response of a connection.
    pub(super) async fn read(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> Result<()> {
        self.bytes.clear();
        loop {
            let before = self.bytes.len();
            ensure!(before < MAX, "the response is too long");
            self.bytes.reserve(READ);
            stream.read_buf(&mut self.bytes).await?;
            ensure!(
                self.bytes.len() > before,
                "the server closed the connection"
            );
            if self.parse()? {
                return Ok(());
            }
        }
    }

    pub(super) fn status(&self) -> u16 {
        self.status
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Parses what has been read. Returns `false` if a part is missing.
    fn parse(&mut self) -> Result<bool> {
        let Some(head) = head(&self.bytes)? else {
            return Ok(false);
        };
        self.status = head.status;
        self.body.clear();
        let rest = self.bytes.get(head.len..).unwrap_or_default();
        let end = match head.body {
            Some(len) => {
                let body = rest.get(..len);
                self.body.extend_from_slice(body.unwrap_or_default());
                body.map(<[u8]>::len)
            }
            None => chunks(rest, &mut self.body)?,
        };
        ensure!(
            end.is_none_or(|end| end == rest.len()),
            "the server sent more than a response"
        );
        Ok(end.is_some())
    }
}

/// Parses the head of a response. Returns `None` if a part is missing.
fn head(bytes: &[u8]) -> Result<Option<Head>> {
    let Some(end) = bytes.windows(4).position(|end| end == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = str::from_utf8(bytes.get(..end).unwrap_or_default());
    let text = text.context("the head of the response is not text")?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|status| status.parse().ok());
    let mut head = Head {
        status: status.context("the response has no status")?,
        len: end + 4,
        body: None,
    };
    let mut chunked = false;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            head.body = Some(value.trim().parse()?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = value.trim().eq_ignore_ascii_case("chunked");
        }
    }
    ensure!(
        chunked != head.body.is_some(),
        "the response has no length, or two"
    );
    Ok(Some(head))
}

/// Reads the chunks of a body into `body`. Returns the length of all of them in `bytes`, or `None`
/// if a part is missing.
fn chunks(bytes: &[u8], body: &mut Vec<u8>) -> Result<Option<usize>> {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(line) = rest.windows(2).position(|end| end == b"\r\n") else {
            return Ok(None);
        };
        let size = str::from_utf8(rest.get(..line).unwrap_or_default())?;
        let Ok(size) = usize::from_str_radix(size, 16) else {
            bail!("the size of a chunk is {size:?}");
        };
        let data = line + 2;
        let Some(chunk) = rest.get(data..data.saturating_add(size).saturating_add(2)) else {
            return Ok(None);
        };
        ensure!(chunk.ends_with(b"\r\n"), "a chunk is longer than its size");
        body.extend_from_slice(chunk.get(..size).unwrap_or_default());
        at += data + chunk.len();
        if size == 0 {
            return Ok(Some(at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a response that arrives in two pieces.
    fn read(text: &str, first: usize) -> Result<(u16, String)> {
        let mut response = Response {
            bytes: text.as_bytes()[..first].to_vec(),
            ..Response::default()
        };
        if first < text.len() {
            assert!(!response.parse()?, "{text:?} is complete after {first}");
            response.bytes.extend_from_slice(&text.as_bytes()[first..]);
        }
        ensure!(response.parse()?, "a part is missing");
        let body = String::from_utf8_lossy(response.body()).into_owned();
        Ok((response.status(), body))
    }

    #[test]
    fn a_response_is_read_wherever_it_is_cut() {
        for text in [
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        ] {
            for first in 0..text.len() {
                let found = read(text, first).expect(text);
                assert_eq!(found, (200, "hello".to_owned()), "{text} {first}");
            }
        }
        let empty = read("HTTP/1.1 429 Too many\r\ncontent-length: 0\r\n\r\n", 9);
        assert_eq!(empty.expect("it is valid"), (429, String::new()));
    }

    #[test]
    fn other_responses_are_errors() {
        for text in [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nhello\r\n0\r\n\r\n",
        ] {
            assert!(read(text, text.len()).is_err(), "{text}");
        }
    }
}
