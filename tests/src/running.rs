//! A run of a program that goes on, and the lines that it writes meanwhile.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a test waits for what must happen, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that runs, until this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

/// The lines of a stream so far.
#[derive(Debug)]
struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    /// Reads them, until the stream ends.
    reader: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts a program.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be started.
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        Self {
            stdout: Lines::of(child.stdout.take().expect("it is piped")),
            stderr: Lines::of(child.stderr.take().expect("it is piped")),
            child,
        }
    }

    /// Returns the lines of standard output so far.
    pub fn stdout(&self) -> Vec<String> {
        self.stdout.so_far()
    }

    /// Returns the lines of standard error so far.
    pub fn stderr(&self) -> Vec<String> {
        self.stderr.so_far()
    }

    /// Waits for a line of standard output that contains `text`, after the first `skip` lines. Returns its
    /// number, and the line.
    ///
    /// # Panics
    ///
    /// Panics if there is none in time.
    pub fn line(&self, text: &str, skip: usize) -> (usize, String) {
        let lines = || self.stdout();
        self.wait_for(text, skip, lines)
    }

    /// Waits for a line of standard error that contains `text`.
    ///
    /// # Panics
    ///
    /// Panics if there is none in time.
    pub fn complaint(&self, text: &str) -> String {
        let lines = || self.stderr();
        self.wait_for(text, 0, lines).1
    }

    fn wait_for(
        &self,
        text: &str,
        skip: usize,
        lines: impl Fn() -> Vec<String>,
    ) -> (usize, String) {
        let began = Instant::now();
        loop {
            let lines = lines().into_iter().enumerate().skip(skip);
            if let Some(found) = lines.into_iter().find(|(_, line)| line.contains(text)) {
                return found;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "waited in vain for `{text}`: {:?} {:?}",
                self.stdout(),
                self.stderr()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends the signal with this name, such as `TERM`.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be sent.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(sent.expect("kill").success());
    }

    /// Waits until the program has ended and all of its lines have been read. Returns the exit code.
    ///
    /// # Panics
    ///
    /// Panics if it does not end in time.
    pub fn end(&mut self) -> Option<i32> {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(5));
        };
        self.stdout.finish();
        self.stderr.finish();
        status.code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&lines);
        let reader = thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                to.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Self {
            lines,
            reader: Some(reader),
        }
    }

    fn so_far(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.clone()
    }

    fn finish(&mut self) {
        if let Some(reader) = self.reader.take() {
            // It does not panic.
            let _ = reader.join();
        }
    }
}
