//! Writes the log and the output of guests in separate threads, so that a slow reader delays no
//! request.

use super::guest_output::GuestStreams;
use super::message::Message;
use crate::args::grants::explain_http;
use crate::terminal::stdio::Output;
use localmap_serve::{HttpFailure, LogSink, RequestRecord};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// The maximum number of log lines, or of guest writes, that wait to be written.
const WAITING: usize = 4_096;
/// The maximum number of bytes collected for one write.
const GATHERED: usize = 64 << 10;
/// The time between two writes. What comes in between is written together, so that the thread need
/// not be woken for each line.
const GATHERING: Duration = Duration::from_millis(2);
/// The maximum time for which the end of the program waits for pending output.
const PATIENCE: Duration = Duration::from_secs(1);

/// The threads that write output.
pub(in crate::commands) struct Logs {
    log: Log,
    stdout: Sender<Message>,
    stderr: Sender<Message>,
}

/// The log of the server.
#[derive(Clone)]
pub(in crate::commands) struct Log {
    lines: Sender<Message>,
    lost: Arc<AtomicU64>,
    /// Whether the lines of requests are omitted.
    quiet: bool,
}

impl Logs {
    pub(in crate::commands) fn start() -> io::Result<Self> {
        let lost = Arc::new(AtomicU64::new(0));
        Ok(Self {
            log: Log {
                lines: writer(Output::Stderr, Arc::clone(&lost))?,
                lost,
                quiet: false,
            },
            // Guests wait, so none of their output is lost.
            stdout: writer(Output::Stdout, Arc::default())?,
            stderr: writer(Output::Stderr, Arc::default())?,
        })
    }

    pub(in crate::commands) fn log(&self) -> &Log {
        &self.log
    }

    /// Returns where guests write. If `numbered`, each line begins with the number of its request.
    pub(in crate::commands) fn guest_streams(&self, numbered: bool) -> GuestStreams {
        GuestStreams {
            stdout: self.stdout.clone(),
            stderr: self.stderr.clone(),
            numbered,
        }
    }

    /// Waits until all output is written, but at most a second for each stream.
    pub(in crate::commands) fn flush(&self) {
        let (written, all) = sync_channel(3);
        for sender in [&self.stdout, &self.stderr, &self.log.lines] {
            // A stream whose queue is full has no reader.
            let _ = sender.try_send(Message::Flush(written.clone()));
        }
        drop(written);
        while all.recv_timeout(PATIENCE).is_ok() {}
    }
}

impl Log {
    /// Sets whether the lines of requests are omitted.
    pub(in crate::commands) fn quiet(mut self, quiet: bool) -> Self {
        self.quiet = quiet;
        self
    }

    /// Writes a line, unless too many lines are already waiting. Lost lines are counted.
    pub(in crate::commands) fn line(&self, mut line: String) {
        line.push('\n');
        if self.lines.try_send(Message::Bytes(line.into())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl LogSink for Log {
    fn request(&self, record: &RequestRecord) {
        if !self.quiet {
            self.line(record.to_string());
        }
        if let Some(backtrace) = &record.backtrace {
            self.line(numbered(record.id.unwrap_or_default(), backtrace));
        }
    }

    fn http_failed(&self, record: &RequestRecord, failure: &HttpFailure) {
        if !self.quiet {
            self.line(record.sent_line(failure, &explain_http(failure)));
        }
    }

    fn accept_failed(&self, error: &io::Error) {
        self.line(format!("cannot accept connections, trying again: {error}"));
    }
}

/// Adds the number of the request to each line of a backtrace. The names of functions may contain
/// anything, so control characters are replaced.
pub(in crate::commands) fn numbered(id: u64, backtrace: &str) -> String {
    let lines = backtrace.lines().map(|line| {
        let line = line.replace(char::is_control, "?");
        format!("[{id}] {line}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Starts the thread that writes to a stream.
fn writer(stream: Output, lost: Arc<AtomicU64>) -> io::Result<Sender<Message>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    thread::Builder::new()
        .name("localmap-writer".to_owned())
        .spawn(move || write_all(stream, receiver, &lost))?;
    Ok(sender)
}

fn write_all(stream: Output, mut messages: Receiver<Message>, lost: &AtomicU64) {
    let mut gathered = Vec::new();
    while let Some(message) = messages.blocking_recv() {
        let mut next = Some(message);
        let mut flushed = None;
        while let Some(message) = next {
            match message {
                Message::Bytes(bytes) => gathered.extend_from_slice(&bytes),
                Message::Flush(done) => flushed = Some(done),
            }
            let more = gathered.len() < GATHERED && flushed.is_none();
            next = more.then(|| messages.try_recv().ok()).flatten();
        }
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let lines = if lost == 1 { "line was" } else { "lines were" };
            let line = format!("{lost} {lines} lost: standard error is not read fast enough\n");
            gathered.extend_from_slice(line.as_bytes());
        }
        write(stream, &gathered);
        gathered.clear();
        match flushed {
            Some(done) => {
                let _ = done.send(());
            }
            None => thread::sleep(GATHERING),
        }
    }
}

/// Writes to a stream. Ignores errors, which mean that the stream has no reader.
fn write(stream: Output, bytes: &[u8]) {
    let _ = match stream {
        Output::Stdout => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes).and_then(|()| stdout.flush())
        }
        Output::Stderr => io::stderr().lock().write_all(bytes),
    };
}
