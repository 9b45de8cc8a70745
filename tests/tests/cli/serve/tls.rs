//! HTTPS: `--tls-cert` and `--tls-key`, handshakes, and both versions of HTTP.

use super::client::{PATIENCE, Server};
use super::http2_client::Client;
use localmap_tests::{Finished, guest, localmap, root};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

fn data(name: &str) -> PathBuf {
    root().join("tests/data/tls").join(name)
}

/// Returns the options of a server that has the certificate of `localhost`, and these.
fn serve(options: &[&str]) -> Server {
    let (cert, key) = (data("localhost.pem"), data("localhost.key"));
    let (cert, key) = (cert.display().to_string(), key.display().to_string());
    Server::start(&[&["--tls-cert", &cert, "--tls-key", &key], options].concat())
}

/// Returns the configuration of a client that trusts `root` and offers these protocols.
fn config(authority: &str, protocols: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(data(authority)).expect("a certificate");
    roots.add(authority).expect("it is valid");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has them");
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    Arc::new(config)
}

fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").expect("a name")
}

/// Connects, and sends a request of HTTP/1. Returns the response, and the protocol that was chosen.
fn ask(server: &Server, protocols: &[&str], request: &str) -> (String, Option<Vec<u8>>) {
    let stream = TcpStream::connect(server.addr).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let connection = ClientConnection::new(config("ca.pem", protocols), localhost());
    let mut stream = StreamOwned::new(connection.expect("it is valid"), stream);
    stream.write_all(request.as_bytes()).expect("it is read");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("it ends");
    let chosen = stream.conn.alpn_protocol().map(<[u8]>::to_vec);
    (response, chosen)
}

#[test]
fn https_is_http_1_unless_the_client_asks_for_http_2() {
    let server = serve(&["--map-scope", "connection"]);
    let address = server.line("Listening on https://127.0.0.1:");
    assert!(address.ends_with(&server.addr.to_string()), "{address}");
    let request = "GET /scheme HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    for (offered, chosen) in [
        (&[][..], None),
        (&["http/1.1"], Some(&b"http/1.1"[..])),
        (&["http/1.0"], Some(&b"http/1.0"[..])),
        (&["http/1.0", "http/1.1"], Some(&b"http/1.1"[..])),
    ] {
        let (response, protocol) = ask(&server, offered, request);
        assert_eq!(protocol.as_deref(), chosen);
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(response.ends_with("Some(Scheme::Https)"), "{response}");
    }
    // The scheme of a target is what the client says.
    let request = request.replace("/scheme", "http://localhost/scheme");
    let (response, _) = ask(&server, &[], &request);
    assert!(response.ends_with("Some(Scheme::Https)"), "{response}");
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(server.addr)
            .await
            .expect("it listens");
        let connector = TlsConnector::from(config("ca.pem", &["h2", "http/1.1"]));
        let stream = connector
            .connect(localhost(), stream)
            .await
            .expect("it is trusted");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let client = Client::on(stream, "https://localhost").await;
        assert_eq!(client.get("/scheme").await.ok(), "Some(Scheme::Https)");
        assert_eq!(client.get("/authority").await.ok(), "localhost");
        for n in 1..4 {
            assert_eq!(client.get("/count").await.ok(), format!("{n}\n"));
        }
        let body = vec![b'x'; 1_000_000];
        assert_eq!(
            client.ask("POST", "/echo", &[], &body).await.ok().len(),
            body.len()
        );
    });
    server.line(" \"GET /scheme HTTP/1.1\" 200 ");
    server.line(" \"GET /count HTTP/2.0\" 200 ");
}

#[test]
fn a_client_that_breaks_its_choice_of_http_1_gets_an_answer() {
    let server = serve(&[]);
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let (response, _) = ask(&server, &["http/1.1"], preface);
    assert!(
        response.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{response}"
    );
}

/// The end of the connection is not the end of a response that is incomplete.
#[test]
fn a_response_that_is_cut_off_is_incomplete() {
    let server = serve(&[]);
    let stream = TcpStream::connect(server.addr).expect("it listens");
    let connection = ClientConnection::new(config("ca.pem", &[]), localhost());
    let mut stream = StreamOwned::new(connection.expect("it is valid"), stream);
    stream
        .write_all(b"GET /unfinished HTTP/1.0\r\n\r\n")
        .expect("it is read");
    assert!(stream.read_to_end(&mut Vec::new()).is_err());
}

#[test]
fn plain_http_gets_an_answer_that_says_so() {
    let server = serve(&[]);
    for (request, status) in [
        (&b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"[..], 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ] {
        let mut client = server.connect();
        client.send(request);
        let told = client.response(false);
        assert_eq!((told.status, told.whole), (status, true));
        assert_eq!(told.text(), "this port speaks TLS: use an https:// URL\n");
        client.closed();
    }
    server.line(" \"-\" - - id=- map=- cause=\"the client sent HTTP without TLS\"");
}

#[test]
fn a_handshake_that_fails_has_one_line_in_the_log() {
    let server = serve(&[]);
    // Probes that connect and leave.
    for _ in 0..3 {
        drop(TcpStream::connect(server.addr).expect("it listens"));
    }
    // What is no handshake.
    let mut stream = TcpStream::connect(server.addr).expect("it listens");
    stream
        .write_all(&[0x16, 3, 1, 0, 5, 9, 9, 9, 9, 9])
        .expect("it is read");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let _ = stream.read_to_end(&mut Vec::new());
    // A client that does not trust the certificate, and one that leaves in the middle.
    let stream = TcpStream::connect(server.addr).expect("it listens");
    let connection = ClientConnection::new(config("localhost.pem", &[]), localhost());
    let mut stream = StreamOwned::new(connection.expect("it is valid"), stream);
    assert!(stream.write_all(b"GET / HTTP/1.1\r\n\r\n").is_err());
    drop(stream);
    let mut stream = TcpStream::connect(server.addr).expect("it listens");
    stream.write_all(&[0x16, 3, 1, 1, 0]).expect("it is read");
    drop(stream);
    // A client that speaks only another protocol.
    let stream = TcpStream::connect(server.addr).expect("it listens");
    let connection = ClientConnection::new(config("ca.pem", &["smtp"]), localhost());
    let mut stream = StreamOwned::new(connection.expect("it is valid"), stream);
    assert!(
        stream
            .write_all(b"EHLO")
            .and_then(|()| stream.flush())
            .is_err()
    );
    let failed = || {
        let lines = server.lines().into_iter();
        lines
            .filter(|line| line.contains("the TLS handshake failed: "))
            .collect::<Vec<_>>()
    };
    super::client::wait_for("four lines", || failed().len() == 4);
    for line in failed() {
        assert!(line.contains(" \"-\" - - id=- map=- cause=\""), "{line}");
    }
    let (response, _) = ask(
        &server,
        &[],
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    );
    assert!(response.ends_with("hello\n"), "{response}");
    assert_eq!(failed().len(), 4);
}

#[test]
fn a_handshake_that_does_not_continue_holds_up_nobody() {
    let mut server = serve(&[]);
    let silent = TcpStream::connect(server.addr).expect("it listens");
    let mut begun = TcpStream::connect(server.addr).expect("it listens");
    begun.write_all(&[0x16, 3, 1]).expect("it is read");
    let (response, _) = ask(
        &server,
        &[],
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    );
    assert!(response.ends_with("hello\n"), "{response}");
    // Nor the end of the server.
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    drop((silent, begun));
}

fn refused(cert: &str, key: &str, words: &[&str]) {
    let run = localmap().args(["serve", "--addr", "127.0.0.1:0"]);
    let run = run.args(["--tls-cert", cert, "--tls-key", key]);
    run.arg(guest("served")).run().refused(words);
}

#[test]
fn files_that_cannot_be_used_are_refused_with_the_reason() {
    let text = |name: &str| data(name).display().to_string();
    let (cert, key, other) = (text("localhost.pem"), text("localhost.key"), text("ca.pem"));
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path().display().to_string();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a file");
        path.display().to_string()
    };
    let encrypted =
        b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----";
    let encrypted = file("encrypted.key", encrypted);
    let large = file("large.pem", &vec![b'\n'; (1 << 20) + 1]);
    refused("none.pem", &key, &["--tls-cert none.pem", "No such file"]);
    refused(&cert, "none.key", &["--tls-key none.key", "No such file"]);
    refused(&here, &key, &["--tls-cert", &here, "directory"]);
    refused(&cert, &here, &["--tls-key", &here, "directory"]);
    refused(&key, &key, &["--tls-cert", &key, "no certificate"]);
    refused(&cert, &cert, &["--tls-key", &cert, "no private key"]);
    refused(
        &other,
        &key,
        &["--tls-key", &key, "does not belong", &other],
    );
    refused(
        &cert,
        &encrypted,
        &["--tls-key", &encrypted, "encrypted", "openssl pkey"],
    );
    refused(
        &large,
        &key,
        &["--tls-cert", &large, "larger than 1048576 bytes"],
    );
    #[cfg(unix)]
    if fs::File::open(file("private.key", b"")).is_ok() {
        use std::os::unix::fs::PermissionsExt;
        let private = folder.path().join("private.key");
        fs::set_permissions(&private, fs::Permissions::from_mode(0o000)).expect("it is ours");
        // The administrator may read it nevertheless.
        if fs::File::open(&private).is_err() {
            let private = private.display().to_string();
            refused(
                &cert,
                &private,
                &["--tls-key", &private, "Permission denied"],
            );
        }
    }
}

#[test]
fn a_certificate_and_a_key_come_together() {
    for (option, other) in [("--tls-cert", "--tls-key"), ("--tls-key", "--tls-cert")] {
        let run = localmap().args(["serve", option, "file"]);
        let finished: Finished = run.arg(guest("served")).run();
        assert_eq!(finished.code, Some(2), "{finished:?}");
        let stderr = &finished.stderr;
        let missing = format!("required arguments were not provided:\n  {other} <FILE>");
        assert!(stderr.contains(&missing), "{stderr}");
    }
}
