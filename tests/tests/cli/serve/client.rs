//! A plain HTTP/1 client, and the server that it talks to.

use localmap_tests::{guest, localmap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a test waits for an event that must happen, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A run of `localmap serve`, which ends when this is dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) addr: SocketAddr,
    /// The lines of standard error so far.
    lines: Arc<Mutex<Vec<String>>>,
    /// Reads them, until the server ends.
    reader: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server with the test guest.
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::serving(&guest("served"), options)
    }

    pub(crate) fn serving(guest: &Path, options: &[&str]) -> Self {
        let mut command = localmap()
            .args(["serve", "--addr", "127.0.0.1:0"])
            .args(options)
            .arg(guest)
            .into_command();
        Self::of(command.stdout(Stdio::null()))
    }

    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stderr = child.stderr.take().expect("it is piped");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&lines);
        let reader = thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                to.lock().expect("no panic").push(line);
            }
        });
        let mut server = Self {
            child,
            addr: ([127, 0, 0, 1], 0).into(),
            lines,
            reader: Some(reader),
        };
        let listening = server.line("Listening on http");
        let addr = listening.rsplit('/').next().unwrap_or_default();
        server.addr = addr.parse().expect("an address");
        server
    }

    /// Wraps a running server without reading its standard error.
    pub(crate) fn at(child: Child, addr: SocketAddr) -> Self {
        Self {
            child,
            addr,
            lines: Arc::default(),
            reader: None,
        }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no panic").clone()
    }

    /// Waits for a line of standard error that contains `text`.
    pub(crate) fn line(&self, text: &str) -> String {
        let mut found = None;
        wait_for(&format!("a line with `{text}`"), || {
            let lines = self.lines();
            found = lines.into_iter().find(|line| line.contains(text));
            found.is_some()
        });
        found.expect("it was waited for")
    }

    pub(crate) fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.addr).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Client(BufReader::new(stream))
    }

    /// Sends a request on a new connection.
    pub(crate) fn get(&self, path: &str) -> Response {
        self.connect().get(path)
    }

    /// Returns the text of a response that must have status 200.
    pub(crate) fn text(&self, path: &str) -> String {
        self.get(path).ok()
    }

    /// Sends the signal with this name.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(status.expect("kill").success());
    }

    /// Waits until the server exits and all of its lines have been read.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut ended = None;
        wait_for("the end of the program", || {
            ended = self.child.try_wait().expect("it can be waited for");
            ended.is_some()
        });
        if let Some(reader) = self.reader.take() {
            reader.join().expect("no panic");
        }
        ended.expect("it was waited for")
    }

    /// Ends the server and returns all lines that it has written to standard error.
    pub(crate) fn ended(&mut self) -> Vec<String> {
        self.signal("TERM");
        assert_eq!(self.wait().code(), Some(0));
        self.lines()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until the condition holds.
pub(crate) fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A connection to a server.
pub(crate) struct Client(pub(crate) BufReader<TcpStream>);

impl Client {
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).expect("it is read");
    }

    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.ask("GET", path, &[], b"")
    }

    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        self.begin(method, path, headers, body.len());
        self.send(body);
        self.response(method == "HEAD")
    }

    /// Sends only the headers.
    pub(crate) fn begin(&mut self, method: &str, path: &str, headers: &[(&str, &str)], len: usize) {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if len > 0 {
            head.push_str(&format!("content-length: {len}\r\n"));
        }
        self.send(format!("{head}\r\n").as_bytes());
    }

    fn text_line(&mut self) -> String {
        let mut line = String::new();
        // The server may close the connection while a refused body is still being sent.
        let _ = self.0.read_line(&mut line);
        line.trim_end().to_owned()
    }

    /// Reads the status and the headers of a response, and skips `100 Continue` responses.
    pub(crate) fn head(&mut self) -> Response {
        loop {
            let head = self.any_head();
            if head.status != 100 {
                return head;
            }
        }
    }

    /// Reads the status and the headers of a response, which may be `100 Continue`.
    pub(crate) fn any_head(&mut self) -> Response {
        let status = self.text_line();
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut headers = Vec::new();
        loop {
            let line = self.text_line();
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Response {
            status: status.unwrap_or(0),
            headers,
            body: Vec::new(),
            whole: false,
        }
    }

    pub(crate) fn response(&mut self, head: bool) -> Response {
        let mut response = self.head();
        if head || matches!(response.status, 0 | 204 | 304) {
            response.whole = response.status > 0;
        } else if let Some(length) = response.header("content-length") {
            let length: u64 = length.parse().expect("a length");
            let body = self.0.by_ref().take(length).read_to_end(&mut response.body);
            response.whole = body.is_ok_and(|read| read as u64 == length);
        } else if response.header("transfer-encoding") == Some("chunked") {
            response.whole = self.chunks(&mut response.body);
        } else {
            response.whole = self.0.read_to_end(&mut response.body).is_ok();
        }
        response
    }

    /// Reads a chunk of a body. Returns `None` if the body is cut off.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut size = String::new();
        self.0.read_line(&mut size).ok()?;
        let size = usize::from_str_radix(size.trim_end(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        self.0.read_exact(&mut chunk).ok()?;
        chunk.truncate(size);
        Some(chunk)
    }

    /// Reads the rest of a body in chunks. Returns `false` if it is cut off.
    pub(crate) fn rest(&mut self) -> bool {
        self.chunks(&mut Vec::new())
    }

    fn chunks(&mut self, to: &mut Vec<u8>) -> bool {
        while let Some(chunk) = self.chunk() {
            if chunk.is_empty() {
                return true;
            }
            to.extend(chunk);
        }
        false
    }

    /// Waits until the server closes the connection, and asserts that it sends nothing more.
    pub(crate) fn closed(&mut self) {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => assert_eq!(rest, b""),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }
}

/// A response. Status 0 means that none arrived.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// `true` if the body is complete.
    pub(crate) whole: bool,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(other, _)| other == name)?;
        Some(value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the text of a response that must be complete and have status 200.
    pub(crate) fn ok(&self) -> String {
        assert_eq!((self.status, self.whole), (200, true), "{self:?}");
        self.text()
    }
}
