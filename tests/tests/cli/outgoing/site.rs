//! A site on this machine that guests send requests to, and what it has received.

use localmap_tests::root;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A server, each of whose connections answers one request and is then closed.
pub(super) struct Site {
    pub(super) addr: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Site {
    pub(super) fn start() -> Self {
        Self::serving(answer)
    }

    /// Starts a server with the certificate of `localhost`.
    pub(super) fn with_tls() -> Self {
        let folder = root().join("tests/data/tls");
        let certificate = CertificateDer::from_pem_file(folder.join("localhost.pem"));
        let key = PrivateKeyDer::from_pem_file(folder.join("localhost.key"));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.expect("a certificate")],
                key.expect("a key"),
            );
        let config = Arc::new(config.expect("they belong together"));
        Self::serving(move |stream, heads| {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("it is valid");
            answer(StreamOwned::new(connection, stream), heads);
        })
    }

    fn serving(answer: impl Fn(TcpStream, &Mutex<Vec<String>>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("it is bound");
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (to, answer) = (Arc::clone(&heads), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (to, answer) = (Arc::clone(&to), Arc::clone(&answer));
                thread::spawn(move || answer(stream, &to));
            }
        });
        Self { addr, heads }
    }

    /// Returns the port as text.
    pub(super) fn port(&self) -> String {
        self.addr.port().to_string()
    }

    /// Returns the URL of a path, with this host.
    pub(super) fn url(&self, scheme: &str, host: &str, path: &str) -> String {
        format!("{scheme}://{host}:{}{path}", self.addr.port())
    }

    /// Returns the heads of the requests so far.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no panic").clone()
    }
}

/// Answers one request. What is written may be refused, by a guest that has had enough.
fn answer<S: Read + Write>(stream: S, heads: &Mutex<Vec<String>>) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        match stream.read_line(&mut head) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    heads.lock().expect("no panic").push(head.clone());
    let body = body(&head, &mut stream);
    let to = stream.get_mut();
    let parts = path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = parts.trim_matches('/').split('/').collect();
    let done = match parts.as_slice() {
        ["echo"] => respond(to, &format!("{head}{body}")),
        ["redirect"] => to.write_all(
            b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        ),
        ["big", length] => big(to, length.parse().expect("a length")),
        ["many-headers"] => {
            let many = "x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n".repeat(1 << 16);
            to.write_all(format!("HTTP/1.1 200 OK\r\n{many}\r\n").as_bytes())
        }
        ["short"] => to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"),
        ["not-http"] => to.write_all(b"SSH-2.0-x\r\n\r\n"),
        // Sends nothing, or not all, and waits for the guest to leave.
        ["silent"] => wait(to),
        ["stuck"] => {
            let begun = to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc");
            begun.and_then(|()| to.flush()).and_then(|()| wait(to))
        }
        _ => respond(to, "hello"),
    };
    let _ = done.and_then(|()| to.flush());
}

fn body<S: Read>(head: &str, stream: &mut BufReader<S>) -> String {
    let lower = head.to_ascii_lowercase();
    if !lower.contains("transfer-encoding: chunked") {
        return String::new();
    }
    let mut body = String::new();
    loop {
        let mut size = String::new();
        stream.read_line(&mut size).expect("a size");
        let size = u64::from_str_radix(size.trim(), 16).expect("a size");
        let mut chunk = String::new();
        let mut rest = stream.by_ref().take(size + 2);
        rest.read_to_string(&mut chunk).expect("a chunk");
        if size == 0 {
            return body;
        }
        body.push_str(chunk.trim_end());
    }
}

fn respond(to: &mut impl Write, text: &str) -> std::io::Result<()> {
    let length = text.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nx-from: site\r\n\r\n");
    to.write_all(format!("{head}{text}").as_bytes())
}

fn big(to: &mut impl Write, mut left: usize) -> std::io::Result<()> {
    to.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {left}\r\n\r\n").as_bytes())?;
    let chunk = [b'x'; 1 << 16];
    while left > 0 {
        let now = left.min(chunk.len());
        to.write_all(&chunk[..now])?;
        left -= now;
    }
    Ok(())
}

/// Waits until the other side closes the connection.
fn wait(stream: &mut impl Read) -> std::io::Result<()> {
    stream.read(&mut [0]).map(drop)
}
