//! Standard input, output and error as the streams of WASI 0.3, and files.

use std::fmt::{Debug, Display};

use wasip3::cli::types::ErrorCode;
use wasip3::cli::{exit, stderr, stdin, stdout};
use wasip3::filesystem::preopens;
use wasip3::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
use wasip3::wit_bindgen::{FutureReader, StreamReader, StreamResult, StreamWriter};
use wasip3::wit_stream;

use crate::{Outcome, all};

const CHUNK: usize = 64 << 10;

type Closed = FutureReader<Result<(), ErrorCode>>;

/// Waits until the host has closed a stream.
pub(crate) async fn settled<E: Debug>(closed: FutureReader<Result<(), E>>) -> Outcome {
    closed.await.map_err(|code| format!("{code:?}").into())
}

/// A stream that the host writes to standard output or error.
struct Output {
    to: StreamWriter<u8>,
    closed: Closed,
}

impl Output {
    fn open(write_via_stream: fn(StreamReader<u8>) -> Closed) -> Self {
        let (to, from) = wit_stream::new();
        let closed = write_via_stream(from);
        Self { to, closed }
    }

    /// Writes all bytes. Fails if the host has closed the stream.
    async fn write(&mut self, bytes: Vec<u8>) -> Result<(), &'static str> {
        match self.to.write_all(bytes).await {
            left if left.is_empty() => Ok(()),
            _ => Err("the host has closed the stream"),
        }
    }

    /// Closes the stream and waits until the host has written all of it.
    async fn finish(self) -> Outcome {
        drop(self.to);
        settled(self.closed).await
    }
}

async fn write(open: fn(StreamReader<u8>) -> Closed, bytes: Vec<u8>) -> Outcome {
    let mut output = Output::open(open);
    // The host says why it has closed the stream.
    let _ = output.write(bytes).await;
    output.finish().await
}

/// Prints a line to standard output, through a stream of its own.
pub(crate) async fn say(text: impl Display) -> Outcome {
    write(stdout::write_via_stream, format!("{text}\n").into_bytes()).await
}

/// Prints a line to standard error, through a stream of its own.
pub(crate) async fn warn(text: impl Display) -> Outcome {
    write(stderr::write_via_stream, format!("{text}\n").into_bytes()).await
}

/// Standard input.
struct Input {
    from: StreamReader<u8>,
    closed: Closed,
}

impl Input {
    fn open() -> Self {
        let (from, closed) = stdin::read_via_stream();
        Self { from, closed }
    }

    /// Reads at most `max` bytes. Returns none at the end.
    async fn read(&mut self, max: usize) -> Option<Vec<u8>> {
        loop {
            let (status, bytes) = self.from.read(Vec::with_capacity(max)).await;
            match status {
                _ if !bytes.is_empty() => return Some(bytes),
                StreamResult::Complete(_) => {}
                StreamResult::Dropped | StreamResult::Cancelled => return None,
            }
        }
    }

    /// Returns the error with which the input ended, if any.
    async fn finish(self) -> Outcome {
        drop(self.from);
        settled(self.closed).await
    }
}

/// The lines of standard input, without their ends.
pub(crate) struct Lines {
    input: Option<Input>,
    rest: Vec<u8>,
}

impl Lines {
    pub(crate) fn open() -> Self {
        Self {
            input: Some(Input::open()),
            rest: Vec::new(),
        }
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, Box<dyn std::error::Error>> {
        loop {
            if let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') {
                let rest = self.rest.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.rest, rest);
                line.pop();
                return Ok(Some(line));
            }
            let Some(input) = &mut self.input else {
                let last = std::mem::take(&mut self.rest);
                return Ok((!last.is_empty()).then_some(last));
            };
            match input.read(CHUNK).await {
                Some(bytes) => self.rest.extend(bytes),
                None => {
                    if let Some(input) = self.input.take() {
                        input.finish().await?;
                    }
                }
            }
        }
    }
}

/// Copies standard input to standard output, as it comes.
pub(crate) async fn echo() -> Outcome {
    let mut input = Input::open();
    let mut output = Output::open(stdout::write_via_stream);
    while let Some(bytes) = input.read(CHUNK).await {
        if output.write(bytes).await.is_err() {
            return output.finish().await;
        }
    }
    input.finish().await?;
    output.finish().await
}

/// Passes the stream of standard input to standard output, without reading it.
pub(crate) async fn relay() -> Outcome {
    let Input { from, closed } = Input::open();
    settled(stdout::write_via_stream(from)).await?;
    settled(closed).await
}

/// Reads all of standard input before it writes a byte.
pub(crate) async fn read_all_then_print() -> Outcome {
    let Input { from, closed } = Input::open();
    let bytes = from.collect().await;
    settled(closed).await?;
    write(stdout::write_via_stream, bytes).await
}

/// Prints the number of bytes in standard input.
pub(crate) async fn length() -> Outcome {
    let (mut input, mut length) = (Input::open(), 0);
    while let Some(bytes) = input.read(CHUNK).await {
        length += bytes.len();
    }
    input.finish().await?;
    say(length).await
}

/// Prints the first bytes of standard input, and closes it.
pub(crate) async fn first(bytes: usize) -> Outcome {
    let (mut input, mut all) = (Input::open(), Vec::new());
    while all.len() < bytes {
        match input.read(bytes - all.len()).await {
            Some(more) => all.extend(more),
            None => break,
        }
    }
    input.finish().await?;
    say(all.escape_ascii()).await
}

/// Opens standard input, and closes it without a read.
pub(crate) async fn ignore_input() -> Outcome {
    Input::open().finish().await?;
    say("ignored").await
}

/// Prints a file, by the file system of WASI 0.3.
pub(crate) async fn cat(file: &str) -> Outcome {
    for (folder, path) in preopens::get_directories() {
        let path = path.trim_end_matches('/');
        let Some(below) = file
            .strip_prefix(path)
            .and_then(|rest| rest.strip_prefix('/'))
        else {
            continue;
        };
        let (open, read) = (OpenFlags::empty(), DescriptorFlags::READ);
        let file = folder
            .open_at(PathFlags::empty(), below.to_owned(), open, read)
            .await?;
        let (from, closed) = file.read_via_stream(0);
        settled(stdout::write_via_stream(from)).await?;
        return settled(closed).await;
    }
    Err(format!("{file} is in no folder that the guest has").into())
}

/// Prints a number of bytes, each an `x`.
pub(crate) async fn big(bytes: usize) -> Outcome {
    let mut output = Output::open(stdout::write_via_stream);
    let mut left = bytes;
    while left > 0 {
        let now = left.min(CHUNK);
        if output.write(vec![b'x'; now]).await.is_err() {
            break;
        }
        left -= now;
    }
    output.finish().await
}

/// Writes to standard output until that fails. Returns the error of the host.
pub(crate) async fn repeat(text: &[u8]) -> Outcome {
    let mut output = Output::open(stdout::write_via_stream);
    while output.write(text.to_vec()).await.is_ok() {}
    output.finish().await?;
    Err("the host closed the stream without an error".into())
}

/// Writes to standard error until that fails.
pub(crate) async fn complain() -> Outcome {
    let mut output = Output::open(stderr::write_via_stream);
    while output.write(b"no\n".to_vec()).await.is_ok() {}
    output.finish().await
}

/// Prints a text through a stream that it neither closes nor waits for.
pub(crate) async fn unfinished(text: &str) -> Outcome {
    let mut output = Output::open(stdout::write_via_stream);
    output.write(format!("{text}\n").into_bytes()).await?;
    std::mem::forget(output);
    Ok(())
}

/// Exits while two streams are open, after the host has taken what was written.
pub(crate) async fn exit_while_writing(code: u8) -> Outcome {
    let one = async |open: fn(StreamReader<u8>) -> Closed| {
        let mut output = Output::open(open);
        output.write(b"before the end\n".to_vec()).await?;
        std::mem::forget(output);
        Ok(())
    };
    let tasks = [one(stdout::write_via_stream), one(stderr::write_via_stream)];
    all(tasks).await?;
    exit::exit_with_code(code);
    Err("the guest goes on after its end".into())
}
