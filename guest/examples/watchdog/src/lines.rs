//! The lines of standard input, read as a stream: other tasks run while there is nothing to read.

use wasip3::cli::{stdin, types::ErrorCode};
use wasip3::wit_bindgen::{FutureReader, StreamReader, StreamResult};

const CHUNK: usize = 64 << 10;

pub(crate) struct Lines {
    stream: StreamReader<u8>,
    /// Why the stream has ended. Taken when it has.
    end: Option<FutureReader<Result<(), ErrorCode>>>,
    buffer: Vec<u8>,
    /// The bytes of the buffer that have been returned, and those without a line feed.
    start: usize,
    searched: usize,
}

impl Lines {
    pub(crate) fn new() -> Self {
        let (stream, end) = stdin::read_via_stream();
        Self {
            stream,
            end: Some(end),
            buffer: Vec::new(),
            start: 0,
            searched: 0,
        }
    }

    /// Reads the next line, without its end. Returns `None` after the last one.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        loop {
            let rest = &self.buffer[self.searched..];
            if let Some(length) = rest.iter().position(|&byte| byte == b'\n') {
                let end = self.searched + length;
                let line = self.buffer[self.start..end].to_vec();
                self.start = end + 1;
                self.searched = self.start;
                return Ok(Some(line));
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            self.searched = self.buffer.len();
            if self.end.is_none() {
                let last = std::mem::take(&mut self.buffer);
                self.searched = 0;
                return Ok((!last.is_empty()).then_some(last));
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Result<(), String> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.reserve(CHUNK);
        let (result, buffer) = self.stream.read(buffer).await;
        self.buffer = buffer;
        if !matches!(result, StreamResult::Complete(_))
            && let Some(end) = self.end.take()
        {
            let end = end.await;
            end.map_err(|code| format!("cannot read standard input: {code:?}"))?;
        }
        Ok(())
    }
}
